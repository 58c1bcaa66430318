"""What a Prefect server needs besides deployments: `prefect deploy` runs `set_up` as a step of `prefect.yaml`."""

from datetime import timedelta

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


def set_up() -> None:
    """Make the limit on tasks that ask models, and the automation that closes dead runs, where they are missing.

    What is there stays as it is, since whoever runs the server may have changed it.
    """
    with get_client(sync_client=True) as client:
        _limit_models(client)
        if not client.read_automations_by_name(name=DEAD_RUNS):
            client.create_automation(close_dead_runs(SILENCE))


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
    heartbeat, ends = "prefect.flow-run.heartbeat", ("Completed", "Failed", "Cancelled", "Crashed")
    return AutomationCore(
        name=DEAD_RUNS,
        description="A process that was killed cannot say so. Without this its run would show as running for ever.",
        trigger=EventTrigger(
            after={heartbeat},
            expect={heartbeat, *(f"prefect.flow-run.{end}" for end in ends)},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.rlm-context"}
            ),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=silence,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                name="Crashed",
                message="Its process gave no sign of life. The next run goes on there.",
                force=False,  # a run that ended meanwhile stays as it ended
            )
        ],
    )
