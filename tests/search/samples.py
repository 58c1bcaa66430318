"""Invented sessions to search in."""

from collections.abc import Sequence

from data_models.events import Event, Kind, Role
from data_models.knowledge import SessionInfo
from search.document import Document
from search.documents import documents_of

HOUR = 3_600_000
START = 1_767_600_000_000

_ROLES: dict[Kind, Role] = {"prompt": "human", "text": "assistant", "thinking": "assistant"}
_ROLES |= {"tool_use": "assistant", "tool_result": "tool", "summary": "harness", "context": "harness"}

Line = tuple[Kind, str] | tuple[Kind, str, str]
"""What is said: its kind, its text, and the file it works on, if any."""


def events_of(lines: Sequence[Line], start: int = START) -> list[Event]:
    """One record a line, a minute apart."""
    return [
        Event(
            seq=number,
            block=0,
            role=_ROLES[line[0]],
            kind=line[0],
            text=line[1],
            time=start + number * 60_000,
            file_path=line[2] if len(line) > 2 else None,
        )
        for number, line in enumerate(lines, 1)
    ]


def session_of(
    session_id: str, author: str = "ada", project: str = "kiln", start: int = START
) -> SessionInfo:
    """A session's particulars."""
    return SessionInfo(
        session_id=session_id,
        agent="claude-code",
        author=author,
        project=project,
        branch="main",
        started=start,
        ended=start + HOUR,
        prompts=1,
        events=1,
    )


def documents(
    session_id: str,
    lines: Sequence[Line],
    author: str = "ada",
    project: str = "kiln",
    start: int = START,
) -> list[Document]:
    """The documents of an invented session."""
    return list(documents_of(events_of(lines, start), session_of(session_id, author, project, start), ()))


GLAZE: list[Line] = [
    ("prompt", "The firing schedule drifts when the kiln clock crosses midnight. Please find out why."),
    ("tool_use", "grep -rn nextSegment src/schedule", "src/schedule/ramp.go"),
    ("tool_result", "src/schedule/ramp.go:41: func nextSegment(now time.Time) Segment"),
    (
        "text",
        "The drift comes from nextSegment: it compares local wall clock times, and after midnight the ramp "
        "starts again. Storing the start as a monotonic duration removes the comparison altogether.",
    ),
    ("prompt", "Good, but keep the wall clock in the report. Operators read that."),
    ("text", "Done. The ramp uses a monotonic duration and the report keeps the wall clock time."),
]

CONES: list[Line] = [
    ("prompt", "Add a table of cone temperatures to the calibration page."),
    ("tool_use", "web/calibration/cones.tsx", "web/calibration/cones.tsx"),
    ("text", "The calibration page now shows cone temperatures from cone_table.json, sorted by cone number."),
    ("prompt", "The upload fails with ERR_PAYLOAD_7731 on big tables."),
    (
        "text",
        "ERR_PAYLOAD_7731 came from the proxy: it refuses bodies over one megabyte. "
        "The table is sent in parts now.",
    ),
]
