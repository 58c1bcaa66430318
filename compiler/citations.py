"""Citations as people and agents read them: `[s:1a2b3c4d#12]`.

The digits are the end of the session's id, because the first half of a UUIDv7 is a timestamp that sessions of
one day share. They are lengthened until they are unique among the project's sessions.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from data_models.knowledge import Citation

LEAST_DIGITS = 8

_CITATION = re.compile(r"\[s:([0-9A-Za-z_-]+)#((?:[^\s#\]/]+/)?\d+)\]")
_NOT_A_DIGIT = re.compile(r"[^0-9A-Za-z]")


def _digits(session_id: str) -> str:
    """The characters of an id that a citation may show, the last ones first."""
    return _NOT_A_DIGIT.sub("", session_id)[::-1].lower()


def short_ids(session_ids: Iterable[str]) -> dict[str, str]:
    """The digits that stand for each session in a citation.

    Args:
        session_ids: every session of the project; duplicates are allowed.

    Returns:
        Session id to its last 8 letters and digits, or as many more as make it unique. An id that is the end
        of another one (or has fewer than 8 characters) keeps its whole length.
    """
    ordered = sorted((_digits(session_id), session_id) for session_id in set(session_ids))
    lengths = [LEAST_DIGITS] * len(ordered)
    # Reversed ids that share the longest beginning stand next to each other once sorted.
    for index, ((left, _), (right, _)) in enumerate(pairwise(ordered)):
        needed = _common_prefix(left, right) + 1
        lengths[index] = max(lengths[index], needed)
        lengths[index + 1] = max(lengths[index + 1], needed)
    return {
        session_id: digits[:length][::-1]
        for (digits, session_id), length in zip(ordered, lengths, strict=True)
    }


def _common_prefix(left: str, right: str) -> int:
    for position, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return position
    return min(len(left), len(right))


def render(citations: Sequence[Citation], short: dict[str, str]) -> str:
    """The citations of one statement, e.g. "[s:1a2b3c4d#12] [s:1a2b3c4d#40]".

    Args:
        citations: what the statement rests on; those of unknown sessions are left out.
        short: from `short_ids`.
    """
    return " ".join(
        f"[s:{short[cited.session_id]}#{cited.seq}]" for cited in citations if cited.session_id in short
    )


def digits_of(text: str) -> str:
    """The digits of a session in what somebody wrote for it: an id, its end, or a citation."""
    return text.strip().strip("[] ").removeprefix("s:").partition("#")[0]


def parse(text: str) -> list[tuple[str, str]]:
    """Every citation in a text, in order, as (digits, seq)."""
    return [(match[1], match[2]) for match in _CITATION.finditer(text)]


def resolve(digits: str, session_ids: Collection[str]) -> list[str]:
    """The sessions that a citation's digits, or a whole session id, can mean.

    Args:
        digits: what stands between `s:` and `#`, or any end of a session id.
        session_ids: the sessions to choose from.

    Returns:
        One id where the digits are unique, none where nothing matches, else all that match, sorted. A whole
        id means that session alone, even where it is also the end of another one.
    """
    if digits in session_ids:
        return [digits]
    wanted = _digits(digits)
    if not wanted:
        return []
    matching = sorted(session_id for session_id in set(session_ids) if _digits(session_id).startswith(wanted))
    whole = [session_id for session_id in matching if _digits(session_id) == wanted]
    return whole if len(whole) == 1 else matching
