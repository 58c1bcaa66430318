"""What a compile builds on: the sessions, catalog parts and index segments of the generation before it."""

from collections.abc import Mapping

import msgspec

from compiler.plan import versions
from compiler.runtime import Runtime
from compiler.work import Ingested, Plan
from data_models.records import BlobRef, CatalogEntry, Segment
from store.blobs import has_sound_blob
from store.generations import read_manifest
from store.keys import session_of_receipt
from store.tombstones import read_tombstones

Owner = tuple[str, str]


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The ground under a new generation.

    Where two generations were published at once it is the first, which readers see; what only the others hold
    is new to it, and memo has all that was made of it.
    """

    entries: Mapping[Owner, CatalogEntry]
    parts: tuple[BlobRef, ...]
    segments: tuple[Segment, ...]


def load_base(runtime: Runtime, plan: Plan) -> Base:
    """The base of this plan; empty where everything is made anew."""
    first = read_manifest(runtime.store, plan.parents[0]) if plan.parents else None
    if first is None or plan.rebuild or plan.drops or first.versions != versions(runtime):
        return Base(entries={}, parts=(), segments=())
    return Base(entries=runtime.catalog([first]), parts=first.parts, segments=first.segments)


def earlier_ingest(runtime: Runtime, plan: Plan, receipt: str) -> Ingested | None:
    """The state of this receipt's session that the plan's parents hold, if its events are sound.

    None also where that state is part of the base, and so stays without being handed on, or was forgotten.
    """
    base = load_base(runtime, plan)
    parents = [read_manifest(runtime.store, key) for key in plan.parents]
    session = session_of_receipt(receipt)
    entries = runtime.catalog(parents).values()
    found = next((entry for entry in entries if session_of_receipt(entry.receipt) == session), None)
    if found is None or base.entries.get((found.author, found.session_id)) == found:
        return None
    if read_tombstones(runtime.store).hold(found.receipt):
        return None
    if not has_sound_blob(runtime.store, found.parquet):
        return None
    return Ingested(
        receipt=found.receipt,
        session_id=found.session_id,
        agent=found.agent,
        author=found.author,
        project=plan.project,
        title=found.title,
        branch=found.branch,
        started=found.started,
        ended=found.ended,
        events=found.events,
        prompts=found.prompts,
        slim=found.slim,
        parquet=found.parquet,
        rejects=found.rejects,
        redactions=found.redactions,
    )
