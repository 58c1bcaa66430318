"""What a Prefect server needs besides deployments: `prefect deploy` runs `set_up` as a step of `prefect.yaml`."""

from datetime import timedelta
from typing import Any

from prefect.automations import (
    AutomationCore,
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    ResourceSpecification,
)
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound

from tasks.options import MODELS_TAG

MODELS_AT_ONCE = 20
"""Tasks that ask models, on all workers of a server together; each asks as many as the setting `models.at_once`."""

DEAD_RUNS = "rlm-context: runs without a sign of life have crashed"
SILENCE = timedelta(seconds=120)
"""Four heartbeats of a run: `PREFECT_FLOWS_HEARTBEAT_FREQUENCY` in `prefect.yaml` is 30 seconds, Prefect's least."""


NOT_BEGUN = "rlm-context: runs that do not begin have crashed"
BEGINS_IN = timedelta(minutes=5)
"""Of a process. A worker took up the run, and died before its process could say that it runs. Until such a run ends,
triggers with its idempotency key make no other."""
NO_CONTAINER = "rlm-context: runs that do not begin in an hour have crashed"
PULLS_IN = timedelta(hours=1)
"""Of a container, whose image may have to be pulled first; meanwhile the run is as one whose worker died."""

_ENDS = ("Completed", "Failed", "Cancelled", "Crashed")
_RUN = "prefect.flow-run."


def set_up() -> None:
    """Make the limit on tasks that ask models, and the automations that close dead runs, where they are missing.

    What is there stays as it is, since whoever runs the server may have changed it. Where the server has no work pool,
    `rlm-context up` serves all runs, as processes.
    """
    with get_client(sync_client=True) as client:
        _limit_models(client)
        pool_type = "process" if client.read_work_pools(limit=1) else None
        for automation in (
            close_dead_runs(SILENCE),
            close_runs_not_begun(NOT_BEGUN, BEGINS_IN, pool_type),
            close_runs_not_begun(NO_CONTAINER, PULLS_IN),
        ):
            if not client.read_automations_by_name(name=automation.name):
                client.create_automation(automation)


def _limit_models(client: SyncPrefectClient) -> None:
    try:
        client.read_concurrency_limit_by_tag(MODELS_TAG)
    except ObjectNotFound:
        client.create_concurrency_limit(tag=MODELS_TAG, concurrency_limit=MODELS_AT_ONCE)


def close_dead_runs(silence: timedelta) -> AutomationCore:
    """The automation that marks a run as crashed once its process says nothing more, as one that was killed.

    Args:
        silence: how long that takes; longer than the time between two heartbeats.
    """
    return _closing(
        DEAD_RUNS,
        "A process that was killed cannot say so. Without this its run would show as running for ever.",
        EventTrigger(
            after={f"{_RUN}heartbeat"},
            expect={f"{_RUN}{event}" for event in ("heartbeat", *_ENDS)},
            posture=Posture.Proactive,
            within=silence,
            match_related=_OURS,
            **_EACH,
        ),
        "Its process gave no sign of life. The next run goes on there.",
    )


def close_runs_not_begun(name: str, wait: timedelta, pool_type: str | None = None) -> AutomationCore:
    """An automation that marks a run as crashed that a worker took up and that does not begin.

    Args:
        name: what it is called.
        wait: how long that takes; longer than it takes to start what runs there.
        pool_type: of the work pools whose runs it looks at; None for all runs, also those in no pool.
    """
    ours: list[ResourceSpecification] = [_OURS]
    if pool_type:
        where: dict[str, str | list[str]] = {
            "prefect.resource.role": "work-pool",
            "prefect.work-pool.type": pool_type,
        }
        ours.append(ResourceSpecification(where))
    return _closing(
        name,
        "A worker that was killed leaves runs behind that it had taken up. Others would wait for them for ever.",
        EventTrigger(
            after={f"{_RUN}{event}" for event in ("Pending", "Submitting", "InfrastructurePending")},
            expect={f"{_RUN}*"},
            posture=Posture.Proactive,
            within=wait,
            match_related=[*ours],
            **_EACH,
        ),
        "Its process never began. The next trigger makes another run.",
    )


_OURS = ResourceSpecification(
    {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.rlm-context"}
)
_EACH: dict[str, Any] = {
    "match": ResourceSpecification({"prefect.resource.id": [f"{_RUN}*"]}),
    "for_each": {"prefect.resource.id"},
    "threshold": 1,
}


def _closing(name: str, description: str, trigger: EventTrigger, message: str) -> AutomationCore:
    """An automation that marks what triggers it as crashed; a run that ended meanwhile stays as it ended."""
    crashed = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=message, force=False)
    return AutomationCore(name=name, description=description, trigger=trigger, actions=[crashed])
