"""What the Prefect server knows that needs attention: runs that did not begin or crashed, and workers that are away.

Plain HTTP, as the triggers (`rlm_context.hooks.trigger.rest`): importing Prefect takes longer than all of it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from data_models.errors import PipelineError
from flows.configured import configured_api
from flows.local_server import live_server
from flows.up import is_up
from rlm_context.concern import Concern
from rlm_context.doctor.deadline import within
from rlm_context.output import plural
from rlm_context.shown import harmless

if TYPE_CHECKING:
    from rlm_context.hooks.trigger.rest import PrefectRest

_SECONDS = 2.0
"""For all questions together."""
_LATE = timedelta(minutes=2)
_RECENT = timedelta(days=1)
_OURS = {"tags": {"all_": ["rlm-context"]}}
_MOST = 200
"""What Prefect's API answers at most."""


class _Deployment(msgspec.Struct):
    name: str
    status: str | None = None
    paused: bool = False
    work_pool_name: str | None = None


class _Run(msgspec.Struct):
    name: str
    expected_start_time: datetime | None = None
    end_time: datetime | None = None


def prefect_concerns(home: Path) -> list[Concern]:
    """Ask the server that compiles go to, if there is one; that it does not answer is a concern too."""
    url, server = configured_api(), None
    if not url:
        server = live_server(home) if is_up(home) else None
        if server is None:
            return []
    # Not before: it brings an HTTP client, which a home without a server need not pay.
    from rlm_context.hooks.trigger.rest import configured_rest, homes_rest

    def ask() -> list[Concern]:
        if server:  # what serves the home's deployments is the process that keeps the server
            return [*_late(api := homes_rest(server), "rlm-context up"), *_crashed(api)]
        api = configured_rest(url)
        return [*_workers(api), *_late(api, "prefect worker start --pool rlm-context"), *_crashed(api)]

    try:
        return within(_SECONDS, ask)
    except TimeoutError:
        what = f"the Prefect server does not answer within {_SECONDS:.0f} s"
        return [Concern("prefect", what, "rlm-context doctor")]
    except PipelineError as error:
        return [Concern("prefect", error.message, error.next_command or "rlm-context doctor")]


def _workers(api: "PrefectRest") -> Iterator[Concern]:
    """Deployments whose runs nobody takes: Prefect says so when nobody has asked for them for a minute."""
    for one in api.post("/deployments/filter", {"deployments": _OURS}, list[_Deployment]):
        if one.status == "NOT_READY" and not one.paused:
            pool = one.work_pool_name
            mends = f"prefect worker start --pool {pool}, where it is deployed" if pool else "rlm-context up"
            yield Concern("worker", f"no worker takes runs of {harmless(one.name)}", harmless(mends))


def _late(api: "PrefectRest", mends: str) -> Iterator[Concern]:
    """Runs that should have begun minutes ago."""
    before = (datetime.now(UTC) - _LATE).isoformat()
    chosen = _OURS | {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"before_": before}}
    body = {"flow_runs": chosen, "sort": "EXPECTED_START_TIME_ASC", "limit": _MOST}
    runs = api.post("/flow_runs/filter", body, list[_Run])
    if runs:
        first = f"the first, {harmless(runs[0].name)}, since {_minute(runs[0].expected_start_time)} UTC"
        yield Concern("late", f"{_counted(runs)} did not begin, {first}", mends)


def _crashed(api: "PrefectRest") -> Iterator[Concern]:
    """Runs of the last day that crashed, and whose like has not completed since."""
    crashed = _ended(api, "CRASHED", {})
    if not crashed:
        return
    names = {"name": {"any_": sorted({run.name for run in crashed})}}
    done = _ended(api, "COMPLETED", names)
    left = [run for run in crashed if not any(one.name == run.name and _end(one) > _end(run) for one in done)]
    if left:
        last = f"the last, {harmless(left[0].name)}, at {_minute(left[0].end_time)} UTC"
        yield Concern(
            "crashed", f"{_counted(left)} crashed, {last}", "rlm-context compile, which goes on there"
        )


def _ended(api: "PrefectRest", state: str, more: dict[str, Any]) -> list[_Run]:
    """Our runs that ended so within the last day, the newest first."""
    after = (datetime.now(UTC) - _RECENT).isoformat()
    chosen = _OURS | {"state": {"type": {"any_": [state]}}, "end_time": {"after_": after}} | more
    body = {"flow_runs": chosen, "sort": "END_TIME_DESC", "limit": _MOST}
    return api.post("/flow_runs/filter", body, list[_Run])


def _end(run: _Run) -> datetime:
    return run.end_time or datetime.min.replace(tzinfo=UTC)


def _counted(runs: list[_Run]) -> str:
    return f"{'at least ' if len(runs) == _MOST else ''}{plural(len(runs), 'run')}"


def _minute(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if moment else "some time"
