"""Receipts in, Parquet out: a session's slim blob becomes its events, one file per session."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from compiler.memoised import recall, remember
from compiler.runtime import Runtime
from compiler.work import INGEST, Ingested, content_hash
from data_models.arrow import events_to_parquet
from data_models.events import Event, Reject
from data_models.records import BlobRef, Receipt
from store.blobs import blob_ref, get_blob, put_blobs
from store.receipts import read_receipt
from transcripts.events import PARSER_VERSION, read_events

_TITLE_LENGTH = 80
_SPACE = re.compile(r"\s+")


def ingest(runtime: Runtime, receipts: Sequence[str], *, rebuild: bool = False) -> list[Ingested]:
    """Ingest the sessions of these receipts, in the order given; what is in memo is not done again.

    Args:
        runtime: the process's runtime.
        receipts: keys of receipts.
        rebuild: do it again even if memo has it.

    Raises:
        DamagedError: a receipt or a blob is not what it should be.
    """
    with ThreadPoolExecutor(2) as pool:  # one decodes while the other compresses and waits for the disk
        results = list(pool.map(lambda key: _ingest_one(runtime, key, rebuild), receipts))
    made = [result for result in results if result.parquet is not None]
    put_blobs(runtime.store, (result.parquet for result in made if result.parquet is not None))
    remember(runtime.memo, INGEST, ((result.stamp, result.ingested) for result in made))
    return [result.ingested for result in results]


class _Result(NamedTuple):
    stamp: str
    ingested: Ingested
    parquet: bytes | None
    """What is to be stored; None if it came from memo."""


def _ingest_one(runtime: Runtime, key: str, rebuild: bool) -> _Result:
    receipt = read_receipt(runtime.store, key)
    stamp = content_hash(INGEST, PARSER_VERSION, key, receipt.slim.sha256)
    known = None if rebuild else recall(runtime.memo, INGEST, stamp, Ingested)
    if known is not None:
        return _Result(stamp, known, None)
    events, rejects = read_events(get_blob(runtime.store, receipt.slim))
    parquet = events_to_parquet(
        events,
        session_id=receipt.session_id,
        agent=receipt.agent,
        author=receipt.author,
        project=receipt.project,
    )
    return _Result(stamp, _ingested(key, receipt, events, rejects, blob_ref(parquet)), parquet)


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
