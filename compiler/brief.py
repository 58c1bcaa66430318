"""The compiled context as text: the brief that a session starts with, and the full text.

Both have the same sections and the same lines; the brief holds the best that fit its budget. Neither holds a
generation number nor an age, so that equal knowledge is equal bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from compiler import citations
from data_models.knowledge import SECTIONS, Citation, Line, Root, Section

BUDGET = 8_400
"""UTF-16 code units of the brief: the host counts those, and cuts a hook's output at 10,000."""

FULL_LINES = 60
"""Most lines of one section in the full text: what a person still reads."""

_SHARE: Mapping[Section, float] = {
    "Summary": 0.18,
    "Key decisions": 0.32,
    "Patterns": 0.16,
    "Dead ends": 0.14,
    "Open items": 0.12,
    "Where to look": 0.08,
}


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def brief(root: Root, project: str, sessions: Iterable[str]) -> tuple[str, Root]:
    """The text that SessionStart injects, and the root with every line's verdict.

    Args:
        root: the lines, best first in each section.
        project: the project's name.
        sessions: every session id of the project; a line none of whose citations is among them is dropped.

    Returns:
        At most `BUDGET` UTF-16 code units of Markdown, and the root with `verdict` set on each line.
    """
    short = citations.short_ids(sessions)
    judged = [_judge(line, short) for line in root.lines]
    budget = BUDGET - units(_head(project)) - sum(units(f"\n## {section}\n") for section in SECTIONS)
    chosen = _fit(judged, short, budget)
    lines = [
        msgspec.structs.replace(line, verdict="brief") if index in chosen else line
        for index, line in enumerate(judged)
    ]
    return _text(
        project, [line for line in lines if line.verdict == "brief"], short
    ), msgspec.structs.replace(root, lines=tuple(lines))


def full_text(root: Root, project: str, sessions: Iterable[str]) -> str:
    """All lines that resolve, up to `FULL_LINES` a section; those that were replaced come last and say by what.

    Args:
        root: as for `brief`.
        project: as for `brief`.
        sessions: as for `brief`.
    """
    short = citations.short_ids(sessions)
    lines: list[Line] = []
    for section in SECTIONS:
        mine = [_judge(line, short) for line in root.lines if line.section == section]
        standing = [line for line in mine if line.verdict == "budget"]
        replaced = [_marked(line, short) for line in mine if line.verdict == "superseded"]
        lines += [*standing, *replaced][:FULL_LINES]
    return _text(project, lines, short)


def _marked(line: Line, short: dict[str, str]) -> Line:
    later = citations.render(line.superseded_by, short)
    return msgspec.structs.replace(line, text=f"{line.text} (superseded by {later})")


def _judge(line: Line, short: Mapping[str, str]) -> Line:
    cited = any(citation.session_id in short for citation in line.citations)
    if not cited:
        return msgspec.structs.replace(line, verdict="uncited")
    if line.superseded_by:
        return msgspec.structs.replace(line, verdict="superseded")
    return msgspec.structs.replace(line, verdict="budget")


def _fit(lines: Sequence[Line], short: dict[str, str], budget: int) -> set[int]:
    """Indexes of the lines that fit: each section its share first, then what is left goes round by rank."""
    chosen: set[int] = set()
    left = budget
    for share in (True, False):
        for section in SECTIONS:
            room = int(budget * _SHARE[section]) if share else left
            for index, line in enumerate(lines):
                if line.section != section or line.verdict != "budget" or index in chosen:
                    continue
                size = units(_rendered(line, short)) + 1
                if size > min(room, left):
                    break
                chosen.add(index)
                room -= size
                left -= size
    return chosen


def _text(project: str, lines: Sequence[Line], short: dict[str, str]) -> str:
    parts = [_head(project)]
    for section in SECTIONS:
        mine = [_rendered(line, short) for line in lines if line.section == section]
        if mine:
            parts.append(f"\n## {section}\n" + "\n".join(mine) + "\n")
    return "".join(parts)


def _head(project: str) -> str:
    return (
        f"# {project}\n"
        'More: `rlm-context search "…"` finds what was said and done, '
        "`rlm-context session ID` shows a session.\n"
    )


def _shown(line: Line, short: Mapping[str, str]) -> list[Citation]:
    """The line's first citation, and the first from another session: where more is said, and that it was again."""
    known = [citation for citation in line.citations if citation.session_id in short]
    other = [citation for citation in known if citation.session_id != known[0].session_id]
    return [*known[:1], *other[:1]]


def _rendered(line: Line, short: dict[str, str]) -> str:
    date = datetime.fromtimestamp(line.time / 1000, UTC).strftime("%Y-%m-%d") if line.time else ""
    cited = citations.render(_shown(line, short), short)
    # Whatever a line holds, it stays one line: it must not look like a section of its own.
    told = " ".join(line.text.split())
    return " ".join(part for part in (f"- {date}" if date else "-", told, cited) if part)
