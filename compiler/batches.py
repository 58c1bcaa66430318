"""A batch of a compile that another process does, elsewhere: what is sent, what comes back, and who may answer.

Both are JSON texts of small values; sessions and results go through the store, which both must see.
"""

from collections.abc import Sequence

import msgspec

from compiler.plan import versions
from compiler.runtime import Runtime
from compiler.steps import DirectSteps
from compiler.work import Ingested, Plan, Summarized, Unreadable
from data_models.decoding import decode_json
from data_models.errors import SettingsError


class Ground(msgspec.Struct, frozen=True):
    """What two processes must agree on to work on one generation: the store, and `compiler.plan.versions`."""

    store: str
    versions: dict[str, str]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One batch: receipts to ingest, or sessions to summarise."""

    ground: Ground
    plan: Plan
    label: str
    receipts: tuple[str, ...] = ()
    sessions: tuple[Ingested, ...] = ()


def ingest_batch(runtime: Runtime, plan: Plan, receipts: Sequence[str], label: str) -> str:
    """What to send so that these receipts are ingested."""
    batch = Batch(ground=_ground(runtime), plan=_alone(plan), label=label, receipts=tuple(receipts))
    return _json(batch)


def summarize_batch(runtime: Runtime, plan: Plan, sessions: Sequence[Ingested], label: str) -> str:
    """What to send so that these sessions are summarised."""
    batch = Batch(ground=_ground(runtime), plan=_alone(plan), label=label, sessions=tuple(sessions))
    return _json(batch)


def ingested(text: str) -> list[Ingested | Unreadable]:
    """What came back of an `ingest_batch`."""
    return decode_json(text, list[Ingested | Unreadable])


def summarized(text: str) -> list[Summarized]:
    """What came back of a `summarize_batch`."""
    return decode_json(text, list[Summarized])


async def do_ingest(runtime: Runtime, text: str) -> str:
    """Do an `ingest_batch`; what to send back.

    Raises:
        SettingsError: it is for another store, or its sender is another version.
    """
    batch = _decoded(runtime, text)
    return _json(await DirectSteps(runtime).ingest(batch.plan, batch.receipts, batch.label))


async def do_summarize(runtime: Runtime, text: str) -> str:
    """Do a `summarize_batch`; what to send back.

    Raises:
        SettingsError: it is for another store, or its sender is another version.
    """
    batch = _decoded(runtime, text)
    try:
        return _json(await DirectSteps(runtime).summarize(batch.plan, batch.sessions, batch.label))
    finally:
        await runtime.backend.close()


def _ground(runtime: Runtime) -> Ground:
    return Ground(runtime.store.url, versions(runtime))


def _alone(plan: Plan) -> Plan:
    """The plan without the receipts of other batches."""
    return msgspec.structs.replace(plan, new=())


def _decoded(runtime: Runtime, text: str) -> Batch:
    batch = decode_json(text, Batch)
    here = _ground(runtime)
    if batch.ground.store != here.store:
        raise SettingsError(
            f"the compile is of {batch.ground.store}, and the one asked to help works on {here.store}",
            next_command="set RLM_CONTEXT_STORE to the same store in both places",
        )
    differ = sorted(name for name, value in here.versions.items() if batch.ground.versions.get(name) != value)
    if differ:
        raise SettingsError(
            f"the one asked to help has another version or other settings: {', '.join(differ)}",
            next_command="install the same version in both places, and fix the settings in the store's store.json",
        )
    return batch


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
