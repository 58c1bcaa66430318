"""Publishes what an earlier generation holds as the newest one. Nothing is made, and nothing is lost by it.

The generations in between stay, and so do all uploads: whatever the earlier one does not hold is new to the next
compile.
"""

import time
from collections.abc import Sequence

import msgspec

from compiler.local_copy import generation_id
from compiler.runtime import Runtime
from compiler.turn import turn
from data_models.errors import DamagedError, KeyMissingError, NotFoundError
from data_models.records import CatalogEntry, Manifest, Usage
from store.blobs import get_blob, has_blob
from store.generations import (
    Generation,
    heads,
    history,
    holds_forgotten,
    new_nonce,
    next_number,
    publish,
    verify,
)
from store.keys import compiled_text_key
from store.tombstones import read_tombstones


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a rollback did.

    `generation` is the new one and `replaced` the one that readers saw before, `to` the number whose content it has
    and `made` when that was published (Unix milliseconds). `left_out` are the sessions that were there before and are
    not now, or not in that state: the next compile takes them in again.
    """

    project: str
    generation: str
    replaced: str
    to: int
    made: int
    sessions: int
    left_out: list[str]


async def roll_back(runtime: Runtime, project: str, number: int | None = None) -> RolledBack:
    """Publish an earlier generation's content as the newest.

    Args:
        runtime: the process's runtime.
        project: the project.
        number: the generation's number; None for the one before the content that readers see now.

    Raises:
        NotFoundError: there is no such generation, or it is not whole, or holds what was forgotten since.
        StoreError: the store failed; nothing was changed.
    """
    async with turn(runtime, project):
        parents = heads(runtime.store, project)
        if not parents:
            raise NotFoundError(f"{project} has no generation", next_command="rlm-context compile")
        shown = parents[0].manifest
        target = _target(runtime, project, shown, number)
        manifest = msgspec.structs.replace(
            target,
            number=next_number(runtime.store, project),
            nonce=new_nonce(),
            parents=tuple(parent.key for parent in parents),
            created=int(time.time() * 1000),
            usage=Usage(),
        )
        publish(runtime.store, manifest)
        runtime.store.put(compiled_text_key(project), get_blob(runtime.store, target.texts["full"]))
    now = _states(runtime, target)
    return RolledBack(
        project=project,
        generation=generation_id(manifest),
        replaced=generation_id(shown),
        to=target.number,
        made=target.created,
        sessions=len(now),
        left_out=sorted({session_id for session_id, _ in _states(runtime, shown) - now}),
    )


def _target(runtime: Runtime, project: str, shown: Manifest, number: int | None) -> Manifest:
    """The generation to go back to."""
    found = [one for one in history(runtime.store, project)[0] if one.manifest.number < shown.number]
    if number is None:
        # A rollback's content is older than its number: going back once more goes on from there.
        origin = min(
            one.manifest.number for one in [*found, Generation("", shown)] if _is_same(one.manifest, shown)
        )
        wanted = [one for one in found if one.manifest.number < origin]
    else:
        wanted = [one for one in found if one.manifest.number == number]
    whole = next((one.manifest for one in wanted if _is_usable(runtime, one)), None)
    if whole is None:
        which = f"whole generation {number}" if number is not None else "earlier whole generation"
        raise NotFoundError(
            f"{project} has no {which} to go back to{_others(runtime, found, number)}",
            next_command="rlm-context compile --full, which makes everything anew",
        )
    return whole


def _others(runtime: Runtime, found: Sequence[Generation], number: int | None) -> str:
    numbers = (
        sorted({one.manifest.number for one in found if _is_usable(runtime, one)})
        if number is not None
        else []
    )
    return f"; there are {', '.join(map(str, numbers))}" if numbers else ""


def _is_same(one: Manifest, other: Manifest) -> bool:
    return (one.parts, one.segments, one.texts) == (other.parts, other.segments, other.texts)


def _is_usable(runtime: Runtime, generation: Generation) -> bool:
    """Whether all that a generation rests on is there, and nothing of it was forgotten."""
    store = runtime.store
    try:
        manifest = verify(store, generation.key)
        if holds_forgotten(store, manifest, read_tombstones(store)):
            return False
        return all(has_blob(store, entry.parquet) for entry in _entries(runtime, manifest))
    except (DamagedError, KeyMissingError):
        return False


def _entries(runtime: Runtime, manifest: Manifest) -> Sequence[CatalogEntry]:
    return list(runtime.catalog([manifest]).values())


def _states(runtime: Runtime, manifest: Manifest) -> set[tuple[str, str]]:
    """Session ids with the receipts that a generation holds of them."""
    return {(entry.session_id, entry.receipt) for entry in _entries(runtime, manifest)}
