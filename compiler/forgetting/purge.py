"""Removes what held the words of forgotten sessions and withdrawn states from a store.

Tombstones say what has to go, so any call finishes what an earlier one left, from any machine. Generations that hold
such a state go first, then every blob and result that no remaining generation rests on, and the receipts last: as long
as one is there, the work is not done. What readers see is never touched: a project whose newest generation holds a
forgotten session waits for a compile, and loses nothing before.
"""

import asyncio
from collections.abc import Iterator

import msgspec

from compiler.account import REPLY
from compiler.forgetting.marks import PAGE, Marks, look, runs_naming, unneeded
from compiler.forgetting.replies import answers_of
from compiler.maintenance.garbage import no_compiles, renewing
from compiler.runtime import Runtime
from store.blobs import get_blob
from store.generations import newest
from store.keys import compiled_text_key, decode_name, parse_memo_key
from store.receipts import projects
from store.tombstones import Tombstones, read_tombstones

_AGAIN = "the same command again once it has ended; nobody is shown what was forgotten meanwhile"


class Purged(msgspec.Struct, kw_only=True):
    """What `purge` did: objects removed with their bytes, models' answers among them (a compile that needs one again
    pays it again), and the projects that wait for a compile first."""

    objects: int = 0
    bytes: int = 0
    answers: int = 0
    waiting: list[str] = []


def purge(runtime: Runtime) -> Purged:
    """Remove what tombstones name, and all that was made of it.

    Raises:
        StoreError: the store failed, or a compile is running. What was removed is gone, and the next call goes on.
    """
    store, done = runtime.store, Purged()
    tombstones = read_tombstones(store)
    if not tombstones or not look(store, tombstones).is_any:
        return done
    with no_compiles(runtime, projects(store), _AGAIN) as held:
        marks = look(store, tombstones)  # again: a compile may have ended meanwhile
        done.waiting = list(marks.waiting)
        for key in renewing(held, _doomed(runtime, marks, tombstones)):
            done.bytes += store.size(key) or 0
            done.objects += 1
            done.answers += key.startswith(f"memo/{REPLY}/")
            store.delete(key)
        _write_texts_again(runtime, marks)
    return done


def _doomed(runtime: Runtime, marks: Marks, tombstones: Tombstones) -> Iterator[str]:
    """The keys to remove, in the order in which to do it."""
    store = runtime.store
    names = [name for segment in sorted(tombstones.sessions) if (name := decode_name(segment))]
    yield from marks.manifests
    yield from list(unneeded(runtime, marks, tombstones))
    yield from _answers(runtime, marks)
    yield from marks.beside
    yield from list(runs_naming(store, names))
    if store.size(PAGE) is not None:
        yield PAGE
    yield from marks.receipts


def _answers(runtime: Runtime, marks: Marks) -> Iterator[str]:
    """The models' answers that may know of what was forgotten."""
    answers = [key for key in runtime.store.keys(f"memo/{REPLY}") if parse_memo_key(key)]
    if answers:
        newest_kept = {one.project: one for one in sorted(marks.kept, key=lambda manifest: manifest.number)}
        kept = asyncio.run(answers_of(runtime, newest_kept.values()))
        yield from (key for key in answers if key.rpartition("/")[2] not in kept)


def _write_texts_again(runtime: Runtime, marks: Marks) -> None:
    """The copies for people, in case the compile could not replace them."""
    for project in marks.affected:
        generation = newest(runtime.store, project)
        key = compiled_text_key(project)
        if generation is None:
            runtime.store.delete(key)
        elif project not in marks.waiting:
            runtime.store.put(key, get_blob(runtime.store, generation.manifest.texts["full"]))
