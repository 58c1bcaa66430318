"""What became of the last trigger of each project, in the home: `<home>/hooks/triggers/<hash>.json`.

A record stands for as long as uploads of its project wait here for a generation; a refusal, until the same place does
what it is asked. It saves requests and tells `status` what is wrong. What has to be compiled is decided by the spool
alone, so a record that is lost costs nothing.
"""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from rlm_context.hooks.files import names_in, read_small, write_small

State = Literal[
    "waiting",  # a run that has not begun: it will find what was uploaded
    "running",  # a run that may have looked before: looked at again when it ends
    "away",  # nobody answered; the next worker tries again
    "refused",  # the answer was no, and stays so until somebody mends it
    "failed",  # a compile on this machine failed
]


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """The last trigger of one project of one store.

    `place` is where it was meant to be compiled, `since` when it was first asked for and `asked` when last (Unix
    milliseconds), `generation` the newest one known then ("none" for none). Of a run, `attempt` counts those of that
    generation from 0, and `run` is its id there. `error` says what is wrong, "" for nothing, and `next_command` what
    mends it; `here` whether this machine compiles instead.
    """

    store: str
    project: str
    place: str
    state: State
    since: int
    asked: int
    generation: str = ""
    attempt: int = 0
    run: str = ""
    error: str = ""
    next_command: str = ""
    here: bool = False


def read_trigger(home: Path, store: str, project: str) -> Trigger | None:
    """The record of a project; None where there is none."""
    return _read(_path(home, store, project))


def write_trigger(home: Path, trigger: Trigger) -> None:
    """Replace the record of a project."""
    write_small(str(_path(home, trigger.store, trigger.project)), msgspec.json.encode(trigger))


def forget_trigger(home: Path, store: str, project: str) -> None:
    """Remove the record of a project, which waits for nothing any more."""
    _path(home, store, project).unlink(missing_ok=True)


def read_triggers(home: Path) -> list[Trigger]:
    """All records, the oldest first."""
    folder = _folder(home)
    found = [one for name in names_in(str(folder)) if (one := _read(folder / name)) is not None]
    return sorted(found, key=lambda one: (one.since, one.project))


def trigger_line(trigger: Trigger) -> str:
    """What became of a trigger, in a line without the command that mends it."""
    state = {
        "waiting": "asked for, and not begun yet",
        "running": "running",
        "away": "not asked for yet",
        "refused": "refused",
        "failed": "failed",
    }[trigger.state]
    return f"{trigger.project} on {trigger.place}: {state}{': ' if trigger.error else ''}{trigger.error}"


def _read(path: Path) -> Trigger | None:
    try:
        return msgspec.json.decode(read_small(str(path)), type=Trigger)
    except msgspec.MsgspecError:
        return None  # none, or of another version: the next trigger writes it anew


def _path(home: Path, store: str, project: str) -> Path:
    digest = hashlib.sha256(f"{store}\0{project}".encode("utf-8", "surrogatepass")).hexdigest()
    return _folder(home) / f"{digest[:32]}.json"


def _folder(home: Path) -> Path:
    return home / "hooks" / "triggers"
