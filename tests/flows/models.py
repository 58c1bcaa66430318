"""What the flow tests with models share: a project of many chunks, its sums at the server and in the store."""

from functools import partial
from pathlib import Path

import pytest

from compiler.chunk import chunk_session
from compiler.memoised import recall
from compiler.runtime import Runtime, open_runtime
from compiler.sessions import load_events
from compiler.uploading.upload import upload
from compiler.work import SUMMARIES, Mapped
from data_models.knowledge import ChunkSummary
from data_models.records import CatalogEntry
from rlm.clients.options import Options
from rlm.clients.patience import Patience
from store.generations import heads, read_catalog
from tests.compiler.models.server_model import fitting, settings_for
from tests.rlm.servers.faults import Fault
from tests.rlm.servers.messages import MessagesServer
from tests.synthetic import write_team

PROJECT = "acme/shop"
CHUNK_TOKENS = "500"
_TURNS_A_CHUNK = 8

EVERY_WAY = [
    Fault("status", 429),
    Fault("status", 429, "0.2"),
    Fault("status", 529),
    Fault("status", 500),
    Fault("reset"),
    Fault("hang"),
    Fault("truncated"),
    Fault("invalid"),
    Fault("refusal"),
    Fault("max_tokens"),
]
"""The ways in which a provider's answer goes wrong."""

IMPATIENT = partial(Options, patience=Patience(total=120.0, attempt=6.0, attempts=20, first_wait=0.02))
"""Stands in for the clients' options: an answer that never comes is given up after six seconds."""


def use(server: MessagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile with this server's models from now on."""
    server.reply = fitting
    monkeypatch.setenv("RLM_CONTEXT_CHUNK_TOKENS", CHUNK_TOKENS)
    for name, value in settings_for(server).items():
        monkeypatch.setenv(name, value)


def upload_chunks(folder: Path, sessions: int, per_session: int) -> None:
    """Upload invented sessions that come to about so many chunks each."""
    write_team(folder, sessions, turns=per_session * _TURNS_A_CHUNK)
    upload(open_runtime(), [folder], project=PROJECT)


def entries(runtime: Runtime) -> list[CatalogEntry]:
    """The sessions of the newest generation."""
    return list(
        read_catalog(runtime.store, [head.manifest for head in heads(runtime.store, PROJECT)]).values()
    )


def chunk_ids(runtime: Runtime, entry: CatalogEntry) -> list[str]:
    """The chunks that a session's events come to."""
    events = load_events(runtime.store, entry.parquet)
    return [one.id for one in chunk_session(entry.session_id, events, runtime.settings.chunk_tokens)]


def summaries(runtime: Runtime, entry: CatalogEntry) -> tuple[ChunkSummary, ...]:
    """The chunk summaries that the store holds of a session."""
    stage, _, key = entry.memo[0].partition("/")
    assert stage == SUMMARIES
    mapped = recall(runtime.memo, stage, key, Mapped)
    assert mapped is not None
    return mapped.summaries
