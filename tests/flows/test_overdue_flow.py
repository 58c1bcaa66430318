"""A compile that does a share of the nightly: once, only where none came, and at no cost to the compile."""

import asyncio

import pytest

from compiler.maintenance.nightly import NOTE, Note, now_ms
from compiler.maintenance.overdue import LATE_MS, read_share
from compiler.runtime import open_runtime
from data_models.errors import StoreError
from flows.compile import compile_context
from flows.nightly import nightly_recompile
from store.codec import encode
from store.generations import newest
from tasks import overdue
from tests.flows.helpers import Api
from tests.flows.marks import hear_all

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def late() -> None:
    """The last night ended long ago."""
    open_runtime().store.put(NOTE, encode(Note(ended=now_ms() - 2 * LATE_MS)))


SHARE = "a share of the nightly"


def tasks(api: Api, project: str, *needed: str) -> list[str]:
    """The task runs of the newest compile, once the server knows those."""
    return list(api.task_runs(str(api.flow_run(f"compile {project}")["id"]), *needed))


def test_a_late_nights_share_is_done_once(api: Api, uploaded: str) -> None:
    """As a task of the compile that comes first; the one after it only compiles."""
    late()
    assert asyncio.run(compile_context(uploaded)).degraded == []
    assert tasks(api, uploaded, SHARE)[-1] == SHARE
    share = read_share(open_runtime())
    assert share is not None
    assert share.looked > 0
    asyncio.run(compile_context(uploaded))
    hear_all(api)
    assert SHARE not in tasks(api, uploaded)


def test_the_night_itself_does_no_share(api: Api, uploaded: str) -> None:
    """Its compiles leave that to it."""
    late()
    asyncio.run(nightly_recompile())
    assert read_share(open_runtime()) is None


def test_a_share_that_fails_takes_nothing_back(
    api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The generation stands, and the report says what is wrong."""

    def fail(*_: object) -> None:
        raise StoreError("out of reach")

    late()
    monkeypatch.setattr(overdue, "do_share", fail)
    report = asyncio.run(compile_context(uploaded))
    assert report.degraded == ["maintenance failed: out of reach"]
    assert newest(open_runtime().store, uploaded) is not None
