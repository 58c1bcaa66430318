"""What earlier sessions clearly say about a prompt, as the agent reads it. Standard library and tantivy.

Passages stand in the brief's fence, because they come from transcripts as the brief does. Each is one line that
begins with its citation, and is cut at its end, so that every line says where it is from.
"""

from pathlib import Path

from rlm_context.fast_search import LocalIndex, local_indexes
from rlm_context.hooks.brief.envelope import mark, whole
from rlm_context.hooks.brief.local import LocalBrief
from rlm_context.hooks.brief.told import read_told, told_file
from rlm_context.hooks.text import units
from search.query import Hit
from search.relevant import clearly_relevant
from search.render import day_of, digits

MOST_PASSAGES = 3
MOST_UNITS = 2_000
"""UTF-16 code units of all that is added to a prompt, the fence with it."""

_HEADING = "Earlier sessions on what this prompt is about:"
_LONGEST_NAME = 40


def passages(home: str, brief: LocalBrief, prompt: str, session_id: str) -> str:
    """At most three passages in the brief's fence; "" where nothing is clearly relevant.

    Left out is what the session itself said, and what stands in the lines of the brief that it was shown.

    Args:
        home: the user's home of rlm-context.
        brief: the brief of the project whose sessions are searched.
        prompt: what the user asks.
        session_id: the session that asks.

    Raises:
        DamagedError: the index cannot be read.
        OSError, ValueError: the local copy is damaged.
    """
    index = _index_of(home, brief.project)
    if index is None:
        return ""
    long_digits = index.long_digits()
    shown = _shown(home, brief, session_id)

    def is_known(hit: Hit) -> bool:
        cited = _digits_of(hit, long_digits)
        return hit.session_id == session_id or any(f"[s:{cited}#{seq}]" in shown for seq in _seqs(hit))

    hits = clearly_relevant(index.index, prompt, MOST_PASSAGES, is_known)
    return _fenced(brief, [(_source(hit, long_digits), hit.snippet) for hit in hits]) if hits else ""


def _index_of(home: str, project: str) -> LocalIndex | None:
    copies = local_indexes(Path(home) / "cache" / "projects")
    return next((index for index in copies if index.project == project), None)


def _shown(home: str, brief: LocalBrief, session_id: str) -> str:
    """The lines of the brief that the session was shown."""
    marks = {one for telling in read_told(told_file(home, session_id)).tellings for one in telling.marks}
    return "\n".join(line for line in brief.text.split("\n") if mark(line) in marks)


def _digits_of(hit: Hit, long_digits: dict[str, str]) -> str:
    return long_digits.get(hit.session_id) or digits(hit.session_id)


def _seqs(hit: Hit) -> list[str]:
    """The seqs that a hit covers."""
    agent, slash, first = hit.from_seq.rpartition("/")
    last = hit.to_seq.rpartition("/")[2]
    if not (first.isdecimal() and last.isdecimal()):
        return [hit.from_seq, hit.to_seq]
    return [f"{agent}{slash}{seq}" for seq in range(int(first), int(last) + 1)]


def _source(hit: Hit, long_digits: dict[str, str]) -> str:
    """Where a passage is from: its citation, the day, and whose session it is."""
    author = clipped(" ".join(hit.author.split()), _LONGEST_NAME)
    return f"- [s:{_digits_of(hit, long_digits)}#{hit.from_seq}] {day_of(hit.time)} {author}:"


def _fenced(brief: LocalBrief, found: list[tuple[str, str]]) -> str:
    """The passages in the brief's fence, each with an equal share of the room."""
    brief.at_work = ()  # whoever is at work stood in the brief itself
    brief.text = _HEADING
    room = (MOST_UNITS - units(whole(brief))) // len(found)
    lines = []
    for source, passage in found:
        left = room - units(source) - 2  # the line's end and the space before the passage
        lines.append(f"{source} {clipped(' '.join(passage.split()), left)}")
    brief.text = "\n".join([_HEADING, *lines])
    return whole(brief)


def clipped(text: str, most: int) -> str:
    """A text of at most so many UTF-16 code units, cut behind a word; inside one only if it is all there is."""
    if units(text) <= most:
        return text
    kept = text[: max(0, most - 1)]
    while units(kept) > most - 1 > 0:
        kept = kept[: len(kept) - (units(kept) - most + 2) // 2]
    return (kept.rpartition(" ")[0] or kept).rstrip() + "…"
