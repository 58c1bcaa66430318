"""Asks a place for a compile: again where nobody answers, and with a record of what became of it."""

import contextlib
import random
import time
from collections.abc import Callable, Mapping

import msgspec

from compiler.local_copy import generation_id
from compiler.runtime import Runtime
from rlm_context.hooks.trigger.record import (
    Trigger,
    forget_trigger,
    read_trigger,
    read_triggers,
    write_trigger,
)
from rlm_context.hooks.trigger.remote import Asked, AwayError, NotDeployedError, RefusedError, Remote
from store.generations import newest

_DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between attempts: a server on SQLite that is busy answers again after half a minute."""
_DELAYS_WHERE_NOBODY_LISTENS = 3
"""How many of them on this machine: a compile here is as good, and need not wait for longer."""
_POLL_SECONDS = 2.0
_LOOKS_AGAIN_SECONDS = 900.0
"""A run that takes longer is looked at by the next worker; the spool holds what it is for."""
_SILENT_SECONDS = 60.0
"""The same where nobody can say whether it has ended."""


def ask(runtime: Runtime, remote: Remote, project: str, *, is_patient: bool) -> Trigger:
    """Ask for a compile of a project.

    Args:
        runtime: of the store that holds it.
        remote: whom to ask.
        project: the project.
        is_patient: whether to ask again where nobody answers.

    Returns:
        What became of it, as it was recorded.

    Raises:
        StoreError: the store failed.
    """
    generation = newest(runtime.store, project)
    known = generation_id(generation.manifest) if generation else "none"
    before = read_trigger(runtime.home, runtime.store.url, project)
    try:
        asked = _patiently(remote, lambda: remote.ask(project, known, before), _DELAYS if is_patient else ())
    except (AwayError, RefusedError) as error:
        return note(runtime, remote.name, project, error, is_here=remote.is_here)
    trigger = msgspec.structs.replace(
        _begun(runtime, remote.name, project),
        state=asked.state,
        generation=known,
        attempt=asked.attempt,
        run=asked.run,
        error=asked.doubt,
        next_command=f"set RLM_CONTEXT_STORE={runtime.store.url} where it runs" if asked.doubt else "",
    )
    _forget_refusals(runtime, remote.name)
    write_trigger(runtime.home, trigger)
    return trigger


def note(
    runtime: Runtime,
    place: str,
    project: str,
    error: AwayError | RefusedError | None,
    *,
    is_here: bool = False,
) -> Trigger:
    """Record that a project was not compiled.

    Args:
        runtime: of the store that holds it.
        place: where it was meant to be compiled.
        project: the project.
        error: what went wrong; None for a compile on this machine, whose own record says it.
        is_here: whether that place is on this machine, which then compiles by itself.
    """
    trigger = _begun(runtime, place, project)
    if error is None:
        changes = {"state": "failed", "error": "the compile failed", "next_command": "rlm-context compile"}
        trigger = msgspec.structs.replace(trigger, **changes)
    else:
        is_away = isinstance(error, AwayError)
        trigger = msgspec.structs.replace(
            trigger,
            state="away" if is_away else "refused",
            error=error.message,
            next_command=error.next_command or "",
            here=is_here if is_away else isinstance(error, NotDeployedError),
        )
    write_trigger(runtime.home, trigger)
    return trigger


def ended_of(remote: Remote, running: Mapping[str, str], is_wanted: Callable[[], bool]) -> list[str]:
    """Wait until one of some runs has ended.

    Args:
        remote: where they run.
        running: their ids, by project.
        is_wanted: whether this process has something better to do.

    Returns:
        The projects whose run has ended; [] where there was something better to do, or none ended in time.
    """
    heard = time.monotonic()
    deadline = heard + _LOOKS_AGAIN_SECONDS
    while running and not is_wanted() and time.monotonic() < min(deadline, heard + _SILENT_SECONDS):
        with contextlib.suppress(AwayError, RefusedError):  # a server that restarts is asked again
            ended = [project for project, run in running.items() if remote.has_ended(project, run)]
            if ended:
                return ended
            heard = time.monotonic()
        time.sleep(_POLL_SECONDS)
    return []


def _patiently(remote: Remote, attempt: Callable[[], Asked], delays: tuple[float, ...]) -> Asked:
    """Attempt until somebody answers; raises what the last attempt did."""
    for number, delay in enumerate(delays):
        try:
            return attempt()
        except AwayError as error:
            if error.nobody_listens and remote.is_here and number >= _DELAYS_WHERE_NOBODY_LISTENS:
                raise
            # Drawn at random, so that the workers of a team do not all come back in the same moment.
            time.sleep(max(error.retry_after, delay * random.uniform(0.5, 1.0)))  # noqa: S311  (no secret)
    return attempt()


def _begun(runtime: Runtime, place: str, project: str) -> Trigger:
    """A record of now, with the time of the first trigger from the record before it."""
    now = int(time.time() * 1000)
    before = read_trigger(runtime.home, runtime.store.url, project)
    return Trigger(
        store=runtime.store.url,
        project=project,
        place=place,
        state="away",
        since=before.since if before else now,
        asked=now,
    )


def _forget_refusals(runtime: Runtime, place: str) -> None:
    """The place does what it is asked again, so what it refused before is no news any more."""
    for trigger in read_triggers(runtime.home):
        if trigger.place == place and trigger.state == "refused":
            forget_trigger(runtime.home, trigger.store, trigger.project)
