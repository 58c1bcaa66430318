"""What a compile builds on: the sessions, catalog parts and index segments of the generations before it."""

import msgspec

from compiler.plan import versions
from compiler.runtime import Runtime
from compiler.work import Plan
from data_models.records import BlobRef, CatalogEntry, Segment
from store.generations import read_catalog, read_manifest

Owner = tuple[str, str]


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The ground under a new generation.

    `entries` are all sessions of the parents. Where two generations were published at once, `held` are those of
    the first, whose parts and segments are built on, and `adopted` those that only the others hold, or hold in
    a newer state: they go into the new catalog part and are indexed again.
    """

    entries: dict[Owner, CatalogEntry]
    held: dict[Owner, CatalogEntry]
    adopted: tuple[CatalogEntry, ...]
    parts: tuple[BlobRef, ...]
    segments: tuple[Segment, ...]


def load_base(runtime: Runtime, plan: Plan) -> Base:
    """The base of this plan; empty where everything is made anew."""
    parents = [read_manifest(runtime.store, key) for key in plan.parents]
    if not parents or plan.rebuild or any(parent.versions != versions(runtime) for parent in parents):
        return Base(entries={}, held={}, adopted=(), parts=(), segments=())
    united = dict(runtime.catalog(parents))
    held = united if len(parents) == 1 else read_catalog(runtime.store, parents[:1])
    return Base(
        entries=united,
        held=held,
        adopted=tuple(entry for owner, entry in united.items() if held.get(owner) != entry),
        parts=parents[0].parts,
        segments=parents[0].segments,
    )
