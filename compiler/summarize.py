"""The map: a session's events are cut into chunks, and the backend summarises each."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

from compiler.chunk import CHUNK_VERSION, chunk_session
from compiler.memoised import recall, remember
from compiler.runtime import Runtime
from compiler.work import CHUNK, SUMMARIES, Ingested, Summarized, content_hash
from data_models.arrow import events_from_parquet
from data_models.events import Event
from data_models.knowledge import Chunk, ChunkSummary
from data_models.records import BlobRef, CatalogEntry
from store.blobs import get_blob

_CONCURRENT_CHUNKS = 50


async def summarize(
    runtime: Runtime, sessions: Sequence[Ingested], *, rebuild: bool = False
) -> list[Summarized]:
    """Chunk and summarise these sessions, in the order given; what is in memo is not done again.

    A paid chunk summary is in memo before the next thing happens to it, so a call whose answer arrived is never
    paid again, whatever dies. `rebuild` therefore repeats only what costs nothing.
    """
    slots = asyncio.Semaphore(_CONCURRENT_CHUNKS)
    made: list[tuple[str, object]] = []
    done = [await _summarize_session(runtime, session, rebuild, slots, made) for session in sessions]
    await asyncio.to_thread(remember, runtime.memo, SUMMARIES, made)
    return done


def load_events(runtime: Runtime, parquet: BlobRef) -> list[Event]:
    """The events of one session, from its Parquet file, verified."""
    return events_from_parquet(get_blob(runtime.store, parquet), parquet.key)


async def load_summaries(runtime: Runtime, entry: CatalogEntry, key: str) -> list[ChunkSummary]:
    """The chunk summaries of one session that `summarize` left in memo under `key`; made again if memo lost them."""
    known = recall(runtime.memo, SUMMARIES, key, list[ChunkSummary])
    if known is not None:
        return known
    events = await asyncio.to_thread(load_events, runtime, entry.parquet)
    slots = asyncio.Semaphore(_CONCURRENT_CHUNKS)
    chunks = chunk_session(entry.session_id, events, runtime.settings.chunk_tokens)
    made = list(await asyncio.gather(*(_summarize_chunk(runtime, chunk, slots) for chunk in chunks)))
    await asyncio.to_thread(remember, runtime.memo, SUMMARIES, [(key, made)])
    return made


async def _summarize_session(
    runtime: Runtime,
    session: Ingested,
    rebuild: bool,
    slots: asyncio.Semaphore,
    made: list[tuple[str, object]],
) -> Summarized:
    backend, size = runtime.backend, runtime.settings.chunk_tokens
    stamp = content_hash(SUMMARIES, backend.id, CHUNK_VERSION, size, session.parquet.sha256)
    skip = rebuild and not backend.paid
    known = None if skip else recall(runtime.memo, SUMMARIES, stamp, list[ChunkSummary])
    if known is not None:
        return _summarized(session, stamp, known)
    begun = perf_counter()
    events = await asyncio.to_thread(load_events, runtime, session.parquet)
    chunks = chunk_session(session.session_id, events, size)
    cut = perf_counter()
    summaries = list(await asyncio.gather(*(_summarize_chunk(runtime, chunk, slots) for chunk in chunks)))
    made.append((stamp, summaries))
    return _summarized(session, stamp, summaries, len(chunks), cut - begun, perf_counter() - cut)


def _summarized(
    session: Ingested,
    stamp: str,
    summaries: Sequence[ChunkSummary],
    new_chunks: int = 0,
    seconds_chunk: float = 0.0,
    seconds_summarize: float = 0.0,
) -> Summarized:
    return Summarized(
        ingested=session,
        chunks=tuple(summary.chunk_id for summary in summaries),
        summaries=stamp,
        new_chunks=new_chunks,
        degraded=tuple(summary.degraded for summary in summaries if summary.degraded),
        seconds_chunk=seconds_chunk,
        seconds_summarize=seconds_summarize,
    )


async def _summarize_chunk(runtime: Runtime, chunk: Chunk, slots: asyncio.Semaphore) -> ChunkSummary:
    async with slots:
        if not runtime.backend.paid:
            return await runtime.backend.summarize(chunk)
        stamp = content_hash(CHUNK, runtime.backend.id, chunk.id)
        known = recall(runtime.memo, CHUNK, stamp, ChunkSummary)
        if known is None:
            known = await runtime.backend.summarize(chunk)
            remember(runtime.memo, CHUNK, [(stamp, known)])
        return known
