"""What needs somebody's attention, each with the command that goes on from there: for `status`."""

import time
from collections.abc import Iterator

from compiler.health import ProjectStatus, Status
from compiler.maintenance.nightly import Note, last_night
from compiler.maintenance.overdue import LATE_MS, read_share
from compiler.runtime import Runtime
from flows.configured import configured_api
from flows.up import is_up
from rlm_context.attention_prefect import prefect_concerns
from rlm_context.concern import Concern
from rlm_context.hooks.text import ago
from rlm_context.names import mending
from rlm_context.output import plural
from rlm_context.shown import minute

_OLD_MS = 24 * 3_600_000
_ENDED = {"failed": "failed", "cancelled": "was stopped", "crashed": "crashed"}
_BY_PART = {
    "sweep": "rlm-context sync",
    "verify": "rlm-context store verify",
    "collect garbage": "rlm-context store gc",
}
"""What does a part of the night by itself."""
_ONLY_AT_NIGHT = frozenset({"redact again", "purge", "look for what is new", "forget old runs"})
"""Parts that only another night does; what is in neither is a project, or the batches of one."""


def concerns(runtime: Runtime, found: Status) -> list[Concern]:
    """Look at the nightly, the Prefect server, and each project; a few requests at most."""
    return [
        *_night_concerns(runtime, found),
        *prefect_concerns(runtime.home),
        *(concern for project in found.projects for concern in _project_concerns(project)),
    ]


def _night_concerns(runtime: Runtime, found: Status) -> Iterator[Concern]:
    if note := last_night(runtime):
        yield from _of_night(note, _by_hand(runtime), _compiled_since(found, note.ended))
    share = read_share(runtime)
    if share is None or (note is not None and note.ended > share.begun):
        return
    if share.failed:
        yield Concern(
            "nightly",
            f"maintenance by a compile failed ({minute(share.begun)} UTC): {share.failed}",
            "rlm-context store verify",
        )
    if share.damaged:
        count = plural(len(share.damaged), "damaged object")
        yield Concern("nightly", f"maintenance by a compile found {count}", "rlm-context store verify")


def _compiled_since(found: Status, ended: int) -> set[str]:
    """The projects of which a generation was published since then (Unix milliseconds), or a run has completed."""
    return {
        project.project
        for project in found.projects
        if project.created > ended
        or any(run.state == "completed" and run.started > ended for run in project.runs)
    }


def _of_night(note: Note, by_hand: str, compiled: set[str]) -> Iterator[Concern]:
    when = f"of {minute(note.ended)} UTC"
    for part in note.failed:
        if part.removeprefix("batches of ") in compiled:
            continue
        compiling = by_hand if part in _ONLY_AT_NIGHT else "rlm-context compile"
        yield Concern("nightly", f"{part} failed in the night {when}", _BY_PART.get(part, compiling))
    if note.faults:
        found = plural(note.faults, "damaged object")
        yield Concern("nightly", f"{found} found in the night {when}", "rlm-context store verify")
    if time.time() * 1000 - note.ended > LATE_MS:
        yield Concern("nightly", f"late: the last one ended {ago(note.ended)}", by_hand)


def _by_hand(runtime: Runtime) -> str:
    """What makes a night happen."""
    if configured_api() or is_up(runtime.home):
        return "prefect deployment run nightly-recompile/nightly"
    return "rlm-context up, or rlm-context up --install"


def _project_concerns(project: ProjectStatus) -> Iterator[Concern]:
    name, compiling = project.project, "rlm-context compile"
    for key in project.damaged:
        yield Concern("damage", f"{name}: damaged: {key}", mending(name))
    if project.waiting:
        since = (
            f", the oldest session from {minute(project.oldest_waiting_ms)} UTC"
            if project.oldest_waiting_ms
            else ""
        )
        if project.oldest_waiting_ms and time.time() * 1000 - project.oldest_waiting_ms > _OLD_MS:
            since += f", {ago(project.oldest_waiting_ms)}"
        yield Concern("waiting", f"{name}: {plural(project.waiting, 'upload')} waiting{since}", compiling)
    run = next(iter(project.runs), None)
    if (
        run and run.state in _ENDED and (project.waiting or project.generation is None)
    ):  # else it left nothing undone
        reason = f": {run.error}" if run.state != "cancelled" and run.error else ""
        when = f"{minute(run.started)} UTC"
        yield Concern("run", f"{name}: the last run ({when}) {_ENDED[run.state]}{reason}", compiling)


def concern_lines(found: list[Concern]) -> Iterator[str]:
    """Each as a line: what is seen, and what to do."""
    for one in found:
        yield f"{one.what}. Next: {one.next_command}"
