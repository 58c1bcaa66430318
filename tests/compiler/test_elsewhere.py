"""A store in a service: what is asked of it, and that its events read as those of a folder do."""

from pathlib import Path

import polars as pl
import pytest

from compiler.dataset import scan_events
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.upload import upload
from tests.compiler.conftest import Compile
from tests.store.s3_service import BUCKET, Proxy, environment, moto_port, new_prefix, s3

__all__ = ["moto_port", "s3"]


@pytest.fixture
def service(s3: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The store is in S3, in a place of its own, and the proxy counts what is asked."""
    for name, value in environment(s3.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RLM_CONTEXT_STORE", f"s3://{BUCKET}/{new_prefix()}")
    return s3


@pytest.fixture
def runtime(service: Proxy) -> Runtime:
    """A runtime on that store."""
    return open_runtime()


def empty_spool(runtime: Runtime) -> None:
    """As after a compile: nothing waits."""
    for job in runtime.spool.pending():
        job.path.unlink()


def test_known_sessions_are_asked_for_together(team: Path, runtime: Runtime, service: Proxy) -> None:
    """Nothing new among twelve sessions: a few questions and listings, not a question for each."""
    assert len(upload(runtime, [team], project="shop").new) == 12
    empty_spool(runtime)
    service.calls.clear()
    assert upload(runtime, [team], project="shop").unchanged == 12
    # Four by themselves; receipts, and what was forgotten, before and after.
    assert service.calls == {"HEAD": 4, "GET": 4}


def test_what_is_gone_is_uploaded_again(team: Path, runtime: Runtime) -> None:
    """A listing tells too which receipts the store has lost."""
    lost = upload(runtime, [team], project="shop").new[7]
    empty_spool(runtime)
    runtime.store.delete(lost)
    assert upload(runtime, [team], project="shop").new == [lost]


def test_events_come_down_as_they_are_needed(team: Path, compile_team: Compile, service: Proxy) -> None:
    """Every kind of query gives what it gives on a folder's files; a second one finds the files on this machine."""
    compile_team(team)
    table = scan_events("shop")
    whole = table.collect()
    assert (whole["session_id"].n_unique(), len(whole)) == (12, table.select(pl.len()).collect().item())
    spoken = pl.col("role") == "human"
    before = service.bytes_down
    assert table.filter(spoken).select("text").collect().equals(whole.filter(spoken).select("text"))
    assert table.head(7).filter(spoken).collect().equals(whole.head(7).filter(spoken))
    assert table.filter(spoken).head(7).collect().equals(whole.filter(spoken).head(7))
    assert (
        table.group_by("kind").len().sort("kind").collect().equals(whole.group_by("kind").len().sort("kind"))
    )
    assert service.bytes_down - before == 0
