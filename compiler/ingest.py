"""Receipts in, Parquet out: a session's slim blob becomes its events, one file per session."""

import re
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from compiler.memoised import recall, remember
from compiler.runtime import Runtime
from compiler.work import INGEST, Ingested, Unreadable, content_hash
from data_models.arrow import events_to_parquet
from data_models.errors import DamagedError, KeyMissingError
from data_models.events import Event, Reject
from data_models.records import BlobRef, Receipt
from store.blobs import get_blob, has_sound_blob, put_blob
from store.receipts import read_receipt
from transcripts.events import PARSER_VERSION, read_events

_TITLE_LENGTH = 80
_SPACE = re.compile(r"\s+")


def ingest(
    runtime: Runtime, receipts: Sequence[str], *, rebuild: bool = False
) -> list[Ingested | Unreadable]:
    """Ingest the sessions of these receipts, in the order given; what is in memo is not done again.

    Args:
        runtime: the process's runtime.
        receipts: keys of receipts.
        rebuild: do it again even if memo has it.

    Returns:
        For each receipt its session, or why its upload cannot be read.
    """
    results: list[Ingested | Unreadable | Future[_Made]] = []
    # This thread decodes, which is Python; packing, hashing and the disk happen beside it.
    with ThreadPoolExecutor(2) as pool:
        for key in receipts:
            results.append(_ingest_one(runtime, key, rebuild, pool))
    made = [result.result() for result in results if isinstance(result, Future)]
    remember(runtime.memo, INGEST, ((one.stamp, one.ingested) for one in made))
    return [result.result().ingested if isinstance(result, Future) else result for result in results]


class _Made(NamedTuple):
    """A session ingested now; its Parquet is stored, its memo not yet."""

    stamp: str
    ingested: Ingested


def _ingest_one(
    runtime: Runtime, key: str, rebuild: bool, pool: ThreadPoolExecutor
) -> Ingested | Unreadable | Future[_Made]:
    try:
        return _ingest_sound(runtime, key, rebuild, pool)
    except (DamagedError, KeyMissingError) as error:
        return Unreadable(key, error.message)


def _ingest_sound(
    runtime: Runtime, key: str, rebuild: bool, pool: ThreadPoolExecutor
) -> Ingested | Future[_Made]:
    receipt = read_receipt(runtime.store, key)
    stamp = content_hash(INGEST, PARSER_VERSION, key, receipt.slim.sha256)
    known = None if rebuild else recall(runtime.memo, INGEST, stamp, Ingested)
    if known is not None and has_sound_blob(runtime.store, known.parquet):
        return known
    events, rejects = read_events(get_blob(runtime.store, receipt.slim))
    return pool.submit(_store, runtime, stamp, key, receipt, events, rejects)


def _store(
    runtime: Runtime,
    stamp: str,
    key: str,
    receipt: Receipt,
    events: Sequence[Event],
    rejects: Sequence[Reject],
) -> _Made:
    parquet = events_to_parquet(
        events,
        session_id=receipt.session_id,
        agent=receipt.agent,
        author=receipt.author,
        project=receipt.project,
    )
    return _Made(stamp, _ingested(key, receipt, events, rejects, put_blob(runtime.store, parquet)))


def _ingested(
    key: str, receipt: Receipt, events: Sequence[Event], rejects: Sequence[Reject], parquet: BlobRef
) -> Ingested:
    times = [event.time for event in events if event.time is not None]
    return Ingested(
        receipt=key,
        session_id=receipt.session_id,
        agent=receipt.agent,
        author=receipt.author,
        project=receipt.project,
        title=title_of(events),
        branch=receipt.branch,
        started=min(times, default=receipt.event_ms),
        ended=max(times, default=receipt.event_ms),
        events=len(events),
        prompts=sum(event.kind == "prompt" for event in events),
        slim=receipt.slim,
        parquet=parquet,
        rejects=tuple(rejects),
        redactions=receipt.redactions,
    )


def title_of(events: Sequence[Event]) -> str:
    """The session's title: the host's latest one, else the first prompt's first words, else ""."""
    titles = [event.text for event in events if event.kind == "title" and event.text.strip()]
    prompts = (event.text for event in events if event.kind == "prompt" and event.text.strip())
    text = _SPACE.sub(" ", titles[-1] if titles else next(prompts, "")).strip()
    return text if len(text) <= _TITLE_LENGTH else text[: _TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"
