"""What is known of a run decides whether it is dead: no live one ever is, and no dead one for much longer."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.runs import RECORD_LABEL, RunRecord
from rlm_context.hooks.trigger.dead import PATIENCE, Evidence, Run, State, is_dead

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = "runs/acme~tide/1772452800000-00000000.json"
COMPILES = "f-1"
HOUR, DAY = 3600.0, 86_400.0
BEAT, HEARTBEAT = 60.0, 30.0
MOMENT = timedelta(minutes=5)
"""A few minutes, for which a dead run may go on to look alive after the first ten."""


@dataclass(frozen=True)
class Told:
    """What a run left behind. Times are seconds before now; None for never.

    `seconds` is how long its record says that it had run.
    """

    began: float
    labelled: bool = True
    seconds: float | None = None
    ended: bool = False
    heartbeat: float | None = None
    cancelled: float | None = None
    flow: str = COMPILES


def dead(told: Told) -> bool:
    """Whether a run that left this behind, on a machine that nobody can look at, is called dead."""
    running, cancelled = NOW - timedelta(seconds=told.began), told.cancelled
    run = Run(
        id="r-1",
        flow_id=told.flow,
        state_type="RUNNING" if cancelled is None else "CANCELLING",
        state=State(running if cancelled is None else NOW - timedelta(seconds=cancelled)),
        start_time=running,
        labels={RECORD_LABEL: KEY} if told.labelled else {},
    )
    record = None
    if told.seconds is not None:
        record = RunRecord(
            id="0", project="p", trigger="t", started=1, seen=1, machine="00000000", process=1,
            seconds=told.seconds, state="completed" if told.ended else "running",
        )  # fmt: skip
    beat = None if told.heartbeat is None else NOW - timedelta(seconds=told.heartbeat)
    return is_dead(run, NOW, Evidence(COMPILES, {KEY: record}.get, {"r-1": beat}.get))


@st.composite
def runs(draw: st.DrawFn) -> tuple[Told, float | None, bool, bool]:
    """A run on another machine; for how long its process has been gone, None while it lives; whether our store has its
    record, and whether the server has its heartbeats."""
    began = draw(st.floats(0, 3 * DAY))
    gone = draw(st.none() | st.floats(0, began))
    lived = began - (gone or 0.0)
    ours, hears = draw(st.booleans()), draw(st.booleans())
    label_took = draw(st.floats(0, 299))
    # Between two signs of life, with a store and a server that were away for a while.
    unwritten = draw(st.floats(0, BEAT + 240))
    unheard = draw(st.floats(0, HEARTBEAT + 240))
    cancelled = draw(st.none() | st.floats(0, began))
    labelled = lived >= label_took
    written = ours and lived >= label_took / 2  # before the label, so whoever has that wrote
    told = Told(
        began=began,
        labelled=labelled,
        seconds=max(lived - unwritten, 0.0) if written else None,
        heartbeat=(gone or 0.0) + min(unheard, lived) if hears else None,
        cancelled=cancelled,
    )
    return told, gone, ours, hears


@given(runs())
def test_no_live_run_is_dead(drawn: tuple[Told, float | None, bool, bool]) -> None:
    """Whatever its machine's clock says, wherever its record is: as long as its store or the server hears of it. With
    neither, as for whoever has another store and a server that keeps no events, for a day."""
    told, gone, ours, hears = drawn
    if gone is None and (ours or hears or told.began <= DAY):
        assert not dead(told)


@given(runs())
def test_no_dead_run_is_alive_for_long(drawn: tuple[Told, float | None, bool, bool]) -> None:
    """Where our store is the one that it compiled, ten minutes and a few after its death, or its cancellation."""
    told, gone, ours, _ = drawn
    since = min(told.began, DAY if told.cancelled is None else told.cancelled)
    if ours and gone is not None and min(gone, since) > (PATIENCE + MOMENT).total_seconds():
        assert dead(told)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # Its flow is at its end, and has said so; nothing is left to do but to tell the server.
        (Told(began=HOUR, seconds=HOUR - 300, ended=True), False),
        (Told(began=HOUR, seconds=HOUR - 700, ended=True), True),
        # Killed in the second before its record was written, or in that after it: without label.
        (Told(began=700, labelled=False), True),
        (Told(began=700, labelled=False, heartbeat=650), True),
        (Told(began=500, labelled=False), False),
        # It reads a large store before it can begin.
        (Told(began=HOUR, labelled=False, heartbeat=20), False),
        # Of another store, or of one that was removed.
        (Told(began=2 * HOUR), False),
        (Told(began=DAY + 60), True),
        (Told(began=2 * HOUR, heartbeat=HOUR - 60), False),
        (Told(began=2 * HOUR, heartbeat=HOUR + 60), True),
        (Told(began=2 * DAY, heartbeat=20), False),
        # A night, or a question: neither has a record that is looked for.
        (Told(began=HOUR, labelled=False, flow="f-2"), False),
        (Told(began=DAY + 60, labelled=False, flow="f-2"), True),
        (Told(began=DAY + 60, labelled=False, flow="f-2", heartbeat=20), False),
        # Its store did not take what it wrote, or its machine slept before it could: the server hears it.
        (Told(began=2 * HOUR, seconds=60, heartbeat=30), False),
        # A record may hold anything.
        (Told(began=HOUR, seconds=1e300), False),
        (Told(began=HOUR, seconds=-1e300), True),
        # Cancelled, and nobody was there to stop it; one that goes on all the same.
        (Told(began=2 * HOUR, seconds=HOUR, cancelled=HOUR), True),
        (Told(began=2 * HOUR, seconds=2 * HOUR - 30, cancelled=HOUR), False),
    ],
)
def test_what_is_known(told: Told, expected: bool) -> None:
    """One case after the other."""
    assert dead(told) is expected


@pytest.mark.parametrize(
    ("name", "pool", "worker", "minutes"),
    [
        ("Pending", "team", None, 10),  # its worker was killed, or never heard that the run is its own
        ("Submitting", "team", "process", 10),
        ("Submitting", None, None, 10),  # served by rlm-context up
        ("Submitting", "team", "docker", 60),  # it pulls an image
        ("Pending", "team", "kubernetes", 60),  # it could not say that it submits
        ("InfrastructurePending", "team", None, 60),  # a pool without workers, on Prefect Cloud
    ],
)
def test_what_does_not_begin(name: str, pool: str | None, worker: str | None, minutes: int) -> None:
    """A process begins in seconds; a container may wait for its image."""

    def pending(since: float) -> Run:
        labels = {"prefect.worker.type": worker} if worker else {}
        state = State(NOW - timedelta(minutes=since))
        return Run("r-1", COMPILES, "PENDING", name, state, work_pool_name=pool, labels=labels)

    nothing = Evidence(COMPILES, lambda key: None, lambda run: None)
    assert not is_dead(pending(minutes - 1), NOW, nothing)
    assert is_dead(pending(minutes + 1), NOW, nothing)
