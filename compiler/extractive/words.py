"""Terms of a text: what is counted for rarity and compared for likeness."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache

_LONG = 40
"""Characters of a word that is not worth remembering: it will not come again."""
_WORD = re.compile(r"[^\W_]\w*(?:[./:-]\w+)*")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SPECIFIC = re.compile(
    r"`[^`]+`|\b\w+[._/]\w[\w./]*|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+[A-Z]\w*|\b[A-Z]{2,}[a-z]\w+"
    r"|\b[A-Z]{2,}-?\d+\b|--\w[\w-]+|#\d+"
    r"|\b(?!(?:PR|MR|OK|TODO|FIXME|WIP|LGTM|CI|NOT|AND|OR|ALL|ANY|YES|NO|TESTS?|WRITE|STOP)s?\b)[A-Z]{2,}s?\b"
    r"|(?<=[a-z,;] )[A-Z][a-z]{2,}(?:-[A-Z]?\w+)*\b"
)

_STOPWORDS = """
    a about above actually after again all already also always am an and any are aren't as at back
    be because been before being below between both but by can can't cannot change changes check
    code could did didn't do does doesn't doing don't done down during each else even every few file
    files first for from further get getting give go goes going good got had has have having he her
    here hers him his how i i'd i'll i'm i've if in into is isn't it it's its just keep know let
    let's lets like look looks made make makes making maybe me more most much must my need needs new
    no nor not nothing now of off ok okay on once one only or other our out over own per please put really right
    run running same see set should so some something still such sure take tell than that that's the
    their them then there there's these they they're thing things think this those through to too
    try two under until up us use used uses using very want was we we're were what what's when where
    which while who why will with work working works would yeah yes yet you you're your
"""
STOPWORDS = frozenset(_STOPWORDS.split())
"""Words that say nothing about what a sentence of a coding session is about."""


def terms(text: str) -> frozenset[str]:
    """The distinct terms of a text, lower-case, without stopwords.

    Identifiers and paths count whole and by their parts ("price_list.py" gives "price_list.py", "price",
    "list", "py"); scripts without spaces give pairs of characters.
    """
    return frozenset(term for word in set(_WORD.findall(text)) for term in _terms_of(word))


def _terms_of(word: str) -> tuple[str, ...]:
    return _remembered(word) if len(word) <= _LONG else _read(word)


def _read(word: str) -> tuple[str, ...]:
    """The terms of one word."""
    if _WIDE.search(word):
        found = {word[index : index + 2] for index in range(max(1, len(word) - 1))}
    else:
        lower = word.lower()
        found = {lower}
        if not lower.isalpha() or lower != word:
            found.update(part.lower() for part in _PART.findall(word) if len(part) > 2)
    return tuple(stem(term) for term in found if term not in STOPWORDS and len(term) > 1)


_remembered = lru_cache(maxsize=1 << 15)(_read)


def words(text: str) -> list[str]:
    """The stems of all words of a text in order, small ones too."""
    return [stem(word.lower()) if word.isalpha() else word.lower() for word in _WORD.findall(text)]


def stem(term: str) -> str:
    """A term without the commonest English endings, so that "commits" and "committing" meet "commit"."""
    for ending in ("ing", "ed", "es", "s"):
        if term.endswith(ending) and len(term) - len(ending) > 3 and not term.endswith("ss"):
            term = term[: -len(ending)]
            break
    if len(term) > 4 and term[-1] == term[-2] and term.isalpha():
        return term[:-1]
    # "prunes" loses "es" above, so "prune" must lose its "e".
    return term[:-1] if len(term) > 3 and term[-1] == "e" and term.isalpha() else term


def specifics(text: str) -> int:
    """How many names a text holds: of code, files, options, tickets, products, places."""
    return len(_SPECIFIC.findall(text))


def rarity(documents: Iterable[Collection[str]]) -> dict[str, float]:
    """Inverse document frequency of every term: ln(1 + N / df)."""
    counts: Counter[str] = Counter()
    total = 0
    for document in documents:
        counts.update(document)
        total += 1
    return {term: math.log(1 + total / count) for term, count in counts.items()}


def likeness(left: Collection[str], right: Collection[str]) -> float:
    """Shared terms over those of the shorter text (the overlap coefficient), 0 to 1."""
    smaller = min(len(left), len(right))
    return len(set(left) & set(right)) / smaller if smaller else 0.0
