"""The last step: catalog part, manifest, readable copies. Until the manifest stands, nobody sees anything new."""

import logging
from collections.abc import Iterable, Sequence

from compiler.base import Base
from compiler.plan import versions
from compiler.runtime import Runtime
from compiler.work import Made, Plan, Texts
from data_models.errors import StoreError
from data_models.records import BlobRef, CatalogEntry, Manifest, Segment
from store.generations import compact_parts, write_part
from store.generations import publish as publish_manifest
from store.keys import compiled_text_key

logger = logging.getLogger(__name__)


def publish(
    runtime: Runtime,
    plan: Plan,
    base: Base,
    new: Sequence[CatalogEntry],
    segments: Sequence[Segment],
    texts: Texts,
    made: Made,
) -> str:
    """Publish the generation that holds the base's sessions and `new`, which go into a catalog part; its key.

    The same again changes nothing.

    Raises:
        StoreError: a file of it is missing or cannot be written; then nothing is published.
    """
    entries = {**base.entries, **{(entry.author, entry.session_id): entry for entry in new}}
    parts = [*base.parts, write_part(runtime.store, new)]
    manifest = Manifest(
        project=plan.project,
        number=plan.number,
        nonce=made.nonce,
        parents=plan.parents,
        parts=compact_parts(runtime.store, parts),
        segments=tuple(segments),
        texts=_named(texts),
        counts=_counts(entries.values(), made.rollups),
        created=made.created,
        versions=versions(runtime),
        usage=made.usage,
        degraded=(*made.degraded, *((f"root pass: {texts.degraded}",) if texts.degraded else ())),
    )
    key = publish_manifest(runtime.store, manifest)
    _write_readable_copy(runtime, plan.project, texts)
    return key


def _named(texts: Texts) -> dict[str, BlobRef]:
    named = {"brief": texts.brief, "full": texts.full, "root": texts.root}
    return {**named, "trajectory": texts.trajectory} if texts.trajectory else named


def _counts(entries: Iterable[CatalogEntry], rollups: int) -> dict[str, int]:
    entries = list(entries)
    return {
        "sessions": len(entries),
        "authors": len({entry.author for entry in entries}),
        "events": sum(entry.events for entry in entries),
        "chunks": sum(len(entry.chunks) for entry in entries),
        "rejects": sum(len(entry.rejects) for entry in entries),
        "rollups": rollups,
    }


def _write_readable_copy(runtime: Runtime, project: str, texts: Texts) -> None:
    """A copy for people. The generation stands without it, so a failure is said and no more."""
    try:
        runtime.store.put(compiled_text_key(project), runtime.store.get(texts.full.key))
    except StoreError as error:
        logger.warning("no readable copy of %s: %s", project, error)
