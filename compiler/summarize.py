"""The map: a session's events are cut into chunks, and the backend summarises each."""

import asyncio
from collections.abc import Sequence
from time import perf_counter

import msgspec

from compiler.account import Account, Part
from compiler.chunk import CHUNK_VERSION, chunk_session
from compiler.memoised import recall, remember
from compiler.runtime import Runtime
from compiler.sessions import load_events
from compiler.together import together
from compiler.work import SUMMARIES, Ingested, Mapped, Summarized, content_hash
from data_models.knowledge import Chunk, ChunkSummary
from data_models.records import CatalogEntry, Usage


async def summarize(
    runtime: Runtime, sessions: Sequence[Ingested], account: Account, *, rebuild: bool = False
) -> list[Summarized]:
    """Chunk and summarise these sessions, in the order given; what is in memo is not done again.

    `rebuild` makes all of it anew. The answers that were paid for are in memo, so that costs only what could not be
    done in the backend's usual way before.
    """
    made: list[tuple[str, object]] = []

    async def one(session: Ingested) -> Summarized:
        async with runtime.sessions_open.get():
            return await _summarize_session(runtime, session, rebuild, account.part(), made)

    try:
        return await together(one(session) for session in sessions)
    finally:
        await asyncio.to_thread(remember, runtime.memo, SUMMARIES, made)


async def load_summaries(
    runtime: Runtime, entry: CatalogEntry, key: str, part: Part
) -> tuple[ChunkSummary, ...]:
    """The chunk summaries of one session that `summarize` left in memo under `key`; made again if memo lost them."""
    known = await asyncio.to_thread(recall, runtime.memo, SUMMARIES, key, Mapped)
    if known is not None:
        return known.summaries
    events = await asyncio.to_thread(load_events, runtime.store, entry.parquet)
    chunks = chunk_session(entry.session_id, events, runtime.settings.chunk_tokens)
    made = await _map(runtime, chunks, part)
    await asyncio.to_thread(remember, runtime.memo, SUMMARIES, [(key, made)])
    return made.summaries


async def _summarize_session(
    runtime: Runtime,
    session: Ingested,
    rebuild: bool,
    part: Part,
    made: list[tuple[str, object]],
) -> Summarized:
    backend, size = runtime.backend, runtime.settings.chunk_tokens
    stamp = content_hash(SUMMARIES, backend.map_id, CHUNK_VERSION, size, session.parquet.sha256)
    known = await asyncio.to_thread(recall, runtime.memo, SUMMARIES, stamp, Mapped)
    if known is not None and not rebuild:
        return _summarized(session, stamp, known)
    chunks, seconds = await asyncio.to_thread(_cut, runtime, session)
    mapped = await _map(runtime, chunks, part)
    if known is not None:
        mapped = msgspec.structs.replace(mapped, paid=known.paid + mapped.paid)
    made.append((stamp, mapped))
    return _summarized(session, stamp, mapped, part.usage, len(chunks), seconds)


def _cut(runtime: Runtime, session: Ingested) -> tuple[list[Chunk], float]:
    """A session's chunks, and the seconds that took."""
    begun = perf_counter()
    events = load_events(runtime.store, session.parquet)
    chunks = chunk_session(session.session_id, events, runtime.settings.chunk_tokens)
    return chunks, perf_counter() - begun


async def _map(runtime: Runtime, chunks: Sequence[Chunk], part: Part) -> Mapped:
    summaries = await together(runtime.backend.summarize(chunk, part) for chunk in chunks)
    return Mapped(summaries=tuple(summaries), paid=part.usage)


def _summarized(
    session: Ingested,
    stamp: str,
    mapped: Mapped,
    usage: Usage | None = None,
    new_chunks: int = 0,
    seconds_chunk: float = 0.0,
) -> Summarized:
    """`usage` and what follows is of this run; None where memo knew it all."""
    summaries = mapped.summaries
    return Summarized(
        ingested=session,
        chunks=tuple(summary.chunk_id for summary in summaries),
        summaries=stamp,
        new_chunks=new_chunks,
        degraded=tuple(summary.degraded for summary in summaries if summary.degraded),
        seconds_chunk=seconds_chunk,
        uncited=sum(summary.uncited for summary in summaries),
        refused=sum(summary.refused for summary in summaries),
        paid=mapped.paid,
        usage=usage or Usage(cached=len(summaries) if mapped.paid.calls else 0),
    )
