"""Wishes: how people want to be worked with, in clauses that can be compared across wordings and people.

"Please run make check before you commit" and "always run make check before committing" are one wish, and so are
"no mocks of the database" and "no mocks in that test". What several people ask for is a team's convention.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from compiler.extractive.words import stem, words

LONGEST = 110
"""Characters of a clause that is still a wish and not a task."""

_NEGATIVE = re.compile(r"(?<![\w-])(?:don'?t|do not|not|no|without|never|avoid|stop)(?![\w-])\s*", re.I)
_LEAD = (
    r"(?:please|ok(?:ay)?|and|but|now|then|yes|yeah|also|oh|always|just|only|remember to|be sure to"
    r"|make sure (?:to|that|you|we|it)?|before we \w+|(?:and )?(?:we|you)(?: should| must)?(?: also)?)"
)
_WISH = re.compile(
    rf"^\W*(?:{_LEAD}\b,?\s+)*"
    r"(?:(?:can|could|would|should) (?:we|you)|please|always|never|not?|don'?t|do not|without|avoid|stop"
    r"|add|write|run|commit|push|create|open|update|reply|respond|review|fix|make sure|keep|explain|use|prefer"
    r"|rebase|squash|test|check|ask|put|say|call|format|document|include|follow|split|group|summari[sz]e|tests)\b",
    re.I,
)
_CLAUSE = re.compile(
    r"\.\s+|,\s+(?:and |but |so )?(?=(?:no|not|never|don'?t|do not|without|please|use|run|keep|add|write|put|always"
    r"|ask|open|push|commit|only|test)\b)"
    r"|\s+and (?=(?:use|run|never|no|don'?t|do not|always|please|ask|keep|add|write|put|test)\b)",
    re.I,
)
_SAME = {
    **dict.fromkeys(("write", "create", "craft", "include", "open", "put"), "add"),
    **dict.fromkeys(("delete", "drop"), "remove"),
    **dict.fromkeys(("verify", "recheck"), "check"),
    **dict.fromkeys(("respond", "answer"), "reply"),
    **dict.fromkeys(("documentation", "docs"), "doc"),
    **dict.fromkeys(("pull", "prs", "mr"), "pr"),
    **dict.fromkeys(("linter", "linting"), "lint"),
    "adding": "add",
    "using": "use",
}
_SAME = {stem(word): stem(meant) for word, meant in _SAME.items()}
_EMPTY_WORDS = """
    a about again all also always an and any anything are as at avoid be because been before but by can could do does
    don't either ever every everywhere everything first for from get going have here how i i'd i'm if in into is it
    it's its just let let's like make me more my need never no not now of off oh ok okay on once one only or our out
    over please really remember should so some something stop sure than that that's the their them then there these
    they this those to too us very was we were what when where which while who will with without would yeah yes you
    your few little bit new both instead else don doesn didn t s d m ll re ve
"""
_EMPTY = frozenset(form for word in _EMPTY_WORDS.split() for form in (word, stem(word)))
_ORDERS = """
    add approach branch bug change changes check code comment comments commit continue current draft error errors
    explain file fix format full go issue latest lint local look main merge number option output plan pr problem push
    rebase remove reply request review run show step summary task thing update
"""
_ORDER = frozenset(map(stem, _ORDERS.split()))
_HERE = frozenset(map(stem, ("above", "below", "here", "again", "today")))
_CONDITION = re.compile(
    r"^\W*(?:not|no) (?:if|when|sure|yet|really|now|just|that|worries|problem|need|quite|so|only)\b", re.I
)
_POINTS = re.compile(
    r"\b(?:this|these|those|that one|the (?:added|last|latest|following))\b(?! (?:repo|project)\b)", re.I
)
_STANDING = re.compile(
    r"(?<![\w-])(?:always|never|before|after|each|every|everywhere|any|whenever|wherever|no|not|don'?t|do not"
    r"|without|avoid|prefer|only|instead|from now on)(?![\w-])",
    re.I,
)
_PROCESS_WORDS = """
    test lint commit push pr review doc changelog readme rebase merge squash format subagent comment ticket draft ci
    typecheck benchmark integration unit reply
"""
_PROCESS = frozenset(map(stem, _PROCESS_WORDS.split()))
_DOING = frozenset(
    map(
        stem,
        (
            "use",
            "add",
            "run",
            "make",
            "change",
            "touch",
            "commit",
            "push",
            "remove",
            "fix",
            "update",
            "keep",
            "edit",
        ),
    )
)
"""Verbs that say too little of what is forbidden: their object does."""
_REMOVE = stem("remove")
_VERBS = frozenset(map(stem, ("add", "remove", "fix", "run", "reply")))
_LEAST_WORDS = 2
_SIMILAR = 0.75
_LEAST_SHARE = 0.5


class Wish(NamedTuple):
    """What a wish is about.

    `words` are the stems of its content words, `negative` says whether it forbids, `banned` is the first thing
    named after the negation ("" if none), `process` the part of `words` that names a step of the work, such as
    adding a test.
    """

    words: frozenset[str]
    negative: bool
    banned: str
    process: frozenset[str]


@lru_cache(maxsize=8_192)
def wish(text: str) -> Wish | None:
    """What a person's clause wishes, None if it is longer or no wish."""
    if len(text) > LONGEST or _CONDITION.match(text) or not _WISH.match(text):
        return None
    found = _content(text)
    negation = _NEGATIVE.search(text)
    after = _content(text[negation.end() :]) if negation else []
    whole = frozenset(found)
    if len(whole) < _LEAST_WORDS and not after:
        return None
    banned = next((word for word in after if word not in _DOING), "")
    about = whole & _PROCESS
    verb = next((word for word in found if word in _VERBS), "")
    return Wish(whole, negation is not None, banned, about | {verb} if about and verb else about)


def clauses(text: str) -> Iterator[str]:
    """The clauses of a person's sentence that are wishes."""
    for clause in _CLAUSE.split(text):
        told = clause.strip(" ,.!")
        if len(told) > 7 and wish(told):
            yield told


def same(one: Wish, other: Wish) -> bool:
    """Whether two wishes ask for the same."""
    if one.negative != other.negative or (_REMOVE in one.words) != (_REMOVE in other.words):
        return False
    if one.banned and one.banned == other.banned:
        return True
    smaller, larger = sorted((len(one.words), len(other.words)))
    shared = len(one.words & other.words)
    if smaller >= _LEAST_SHARE * larger and shared >= _SIMILAR * smaller:
        return True
    return len(one.process) > 1 and one.process == other.process


def keys(one: Wish) -> list[str]:
    """Words by which the same wish can be found again."""
    named = sorted(one.words, key=lambda word: (-len(word), word))[:4]
    return [*named, *([f"not {one.banned}"] if one.banned else []), " ".join(sorted(one.process))]


def is_order(text: str) -> bool:
    """Whether a wish only says what to do next ("yes, commit", "fix the tests") and so is no convention."""
    found = wish(text)
    if found is None or _STANDING.search(text):
        return False
    rest = found.words - _ORDER
    if rest == {"test"}:
        return "add" not in found.words
    return not rest or bool(rest & _HERE) or (bool(_POINTS.search(text)) and "test" not in rest)


def _content(text: str) -> list[str]:
    return [_SAME.get(word, word) for word in words(text) if word not in _EMPTY and not word.isdigit()]
