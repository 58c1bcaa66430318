"""From a model's answer about numbered statements to statements: it chooses and words, and invents no source.

Citations, times, authors, sessions and files of what it writes are those of the statements it names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from compiler.extractive.commits import DONE_WEIGHT
from compiler.extractive.merge import merge
from compiler.extractive.select import LIGHT, best, heaviest_first
from compiler.extractive.text import shorten
from compiler.extractive.tree import HEADLINE_WEIGHT
from compiler.models.evidence import Evidence
from compiler.models.guard import fault
from compiler.models.replies import Headline, Joined, RollupReply, Superseded
from compiler.models.summaries import LONGEST_STATEMENT, one_line, weight
from data_models.knowledge import Citation, Statement

SHOWN_PER_KIND = 40
"""Most statements of one kind that a model is shown: an input of bounded size at any history."""
MOST_JOINED = 40
_MOST_CITATIONS = 6
_REPLACEABLE = frozenset({"decision", "pattern", "correction", "open_item"})
_REPLACING = frozenset({"decision", "pattern", "correction", "dead_end", "done", "fix"})


class Joint(NamedTuple):
    """What was made of an answer: all statements, and how many of the model's were dropped."""

    statements: list[Statement]
    refused: int


def shown(statements: Iterable[Statement]) -> list[Statement]:
    """The statements that a model is shown, in an order that depends on nothing but themselves.

    What structure tells is not among them: checks, what a session was about, wishes that count by repetition.
    """
    spoken = [one for one in statements if not _is_structure(one)]
    return sorted(best(spoken, SHOWN_PER_KIND), key=lambda one: (one.kind, one.time, one.text, one.citations))


def join(reply: RollupReply, numbered: Sequence[Statement], others: Iterable[Statement]) -> Joint:
    """The statements after an answer.

    Args:
        reply: the answer.
        numbered: what the model was shown, from number 1 on.
        others: what it was not shown, and stays as it is.
    """
    marked = _supersede(reply.superseded, numbered)
    made: list[Statement] = []
    used: set[int] = set()
    refused = 0
    for one in reply.statements[:MOST_JOINED]:
        # Each stands in one place only: what supports two sentences would count twice.
        places = [place for place in _places(one.numbers, marked) if place not in used]
        if not places:
            continue
        statement = _joined(one, [marked[place] for place in places])
        if statement is None:
            refused += 1
        else:
            made.append(statement)
            used.update(places)
    rest = [one for place, one in enumerate(marked) if place not in used]
    return Joint(merge([*made, *rest, *others]), refused)


def headed(
    statements: Sequence[Statement], given: Headline, numbered: Sequence[Statement]
) -> list[Statement]:
    """A digest's statements with the one on what the session was about in the model's words, where these can be used.

    Branch, time and weight of it stay: they follow from the record.
    """
    told = [numbered[place] for place in _places(given.numbers, numbered)]
    text = shorten(one_line(given.text), LONGEST_STATEMENT)
    if not told or not text or fault(text, Evidence.of_statements(told), told=True):
        return list(statements)
    return [_headline(one, text, told) if one.weight >= HEADLINE_WEIGHT else one for one in statements]


def _headline(old: Statement, text: str, told: Sequence[Statement]) -> Statement:
    branch, mark, _ = old.text.partition("`: ")
    cited = dict.fromkeys([*(one.citations[0] for one in told), *old.citations])
    return msgspec.structs.replace(
        old,
        text=f"{branch}{mark}{text}" if mark and branch.startswith("`") else text,
        citations=tuple(cited)[:_MOST_CITATIONS],
    )


def _is_structure(statement: Statement) -> bool:
    return statement.by == "tool" or (statement.kind == "pattern" and statement.weight < LIGHT)


def _places(numbers: Iterable[int], numbered: Sequence[Statement]) -> list[int]:
    """Positions of the numbers that exist; those of superseded statements only if there are no others."""
    found = [number - 1 for number in dict.fromkeys(numbers) if 1 <= number <= len(numbered)]
    standing = [place for place in found if not numbered[place].superseded_by]
    return standing or found


def _joined(given: Joined, told: Sequence[Statement]) -> Statement | None:
    """One statement in the place of several; None where its text cannot be believed."""
    text = shorten(one_line(given.text), LONGEST_STATEMENT)
    evidence = Evidence.of_statements(told)
    if not text or fault(text, evidence, told=True):
        return None
    heaviest = sorted(told, key=heaviest_first)
    return Statement(
        kind=given.kind,
        text=text,
        citations=_cited(heaviest),
        time=max(one.time for one in told),
        weight=_weight(given, told),
        by=evidence.speaker(text),
        files=tuple(dict.fromkeys(path for one in heaviest for path in one.files)),
        sessions=_sessions(told),
        authors=tuple(sorted({author for one in told for author in one.authors})),
        superseded_by=heaviest[0].superseded_by,
        verbatim=False,
    )


def _cited(told: Sequence[Statement]) -> tuple[Citation, ...]:
    """The first citation of each, then the rest."""
    first = [one.citations[0] for one in told]
    return tuple(dict.fromkeys([*first, *(cited for one in told for cited in one.citations)]))[
        :_MOST_CITATIONS
    ]


def _weight(given: Joined, told: Sequence[Statement]) -> float:
    """By importance; what is done weighs as much as the record shows, and what joins several no less than they."""
    if given.kind == "done":
        done = [one.weight for one in told if one.kind == "done"]
        return max(done, default=min(weight(given.importance), DONE_WEIGHT - 0.5))
    same = [one.weight for one in told if one.kind == given.kind]
    return max([weight(given.importance), *(same if len(told) > 1 else [])])


def _sessions(told: Sequence[Statement]) -> int:
    """Sessions behind several statements: those of single sessions by their ids, counts of rollups added."""
    single = {one.citations[0].session_id for one in told if one.sessions == 1}
    return max(1, len(single) + sum(one.sessions for one in told if one.sessions > 1))


def _supersede(pairs: Iterable[Superseded], numbered: Sequence[Statement]) -> list[Statement]:
    """The statements, those marked that a later one took the place of; that one cites both."""
    by: dict[int, int] = {}
    for pair in pairs:
        old, new = pair.number - 1, pair.by - 1
        if (
            min(old, new) >= 0
            and max(old, new) < len(numbered)
            and _may_replace(numbered[new], numbered[old])
        ):
            by.setdefault(old, new)
    by = {old: new for old, new in by.items() if new not in by}
    return [_marked(place, numbered, by) for place in range(len(numbered))]


def _may_replace(new: Statement, old: Statement) -> bool:
    """Whether one statement can take the place of another: it is later, neither is replaced, the kinds allow it."""
    if new.superseded_by or old.superseded_by or new.time < old.time or new == old:
        return False
    # An agent's choice may follow from what people said unrecorded; their rules only they take back.
    theirs = old.by == "human" and old.kind in ("pattern", "correction")
    return old.kind in _REPLACEABLE and new.kind in _REPLACING and (new.by == "human" or not theirs)


def _marked(place: int, numbered: Sequence[Statement], by: Mapping[int, int]) -> Statement:
    one = numbered[place]
    if place in by:
        return msgspec.structs.replace(one, superseded_by=numbered[by[place]].citations[:2])
    earlier = [numbered[old].citations[0] for old, new in by.items() if new == place]
    if not earlier:
        return one
    cited = dict.fromkeys([one.citations[0], *earlier, *one.citations[1:]])
    return msgspec.structs.replace(one, citations=tuple(cited)[:_MOST_CITATIONS])
