"""Compiles that workers asked for and that no generation holds yet: for `status` and `doctor`."""

import time
from collections.abc import Iterator

from compiler.runtime import Runtime
from rlm_context.checks import Check
from rlm_context.hooks.trigger.record import Trigger, read_triggers, trigger_line
from rlm_context.shown import harmless, minute

_LATE_MS = 10 * 60_000
"""A run that nobody has begun by then waits for a worker that does not run."""


def pending_triggers(runtime: Runtime) -> list[Trigger]:
    """The triggers that wait for something, the oldest first; what a compile took meanwhile is left out."""
    own = runtime.store.url
    pending = [job for job in runtime.spool.pending() if job.store_url != own]
    # Where others compiled, only the next worker drops what a generation of theirs holds.
    pending += runtime.spool.waiting(runtime.store)
    waiting = {(job.store_url, job.receipt.project) for job in pending}
    return [
        trigger
        for trigger in read_triggers(runtime.home)
        if trigger.state == "refused" or (trigger.store, trigger.project) in waiting
    ]


def trigger_lines(triggers: list[Trigger]) -> Iterator[str]:
    """Each as a line for `status`: what became of it, since when, and what to do."""
    for trigger in triggers:
        instead = "; compiled on this machine instead" if trigger.here else ""
        following = _next(trigger)
        yield harmless(
            f"Trigger: {trigger_line(trigger)}{instead}, since {minute(trigger.since)} UTC"
            f"{'. Next: ' if following else ''}{following}"
        )


def trigger_checks(runtime: Runtime) -> Iterator[Check]:
    """What keeps compiles from being done, for `doctor`."""
    for trigger in pending_triggers(runtime):
        is_wrong = trigger.state in ("refused", "failed") and not trigger.here
        if is_wrong or _next(trigger):
            yield Check("trigger", False if is_wrong else None, trigger_line(trigger), _next(trigger))


def _next(trigger: Trigger) -> str:
    """The command that goes on from there, "" for none that is needed."""
    if trigger.next_command:
        return trigger.next_command
    if trigger.state == "away":
        return "rlm-context compile, or the next session"
    is_late = time.time() * 1000 > trigger.since + _LATE_MS
    if trigger.state == "waiting" and is_late and trigger.place == "Prefect":
        return "rlm-context up, or prefect worker start --pool rlm-context, where the deployment runs"
    return ""
