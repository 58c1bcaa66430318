"""The segments of an index: joined while they are small, and never into one that is too large."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compiler import index
from compiler.local_copy import refresh
from compiler.runtime import Runtime
from search.read import documents_in
from store.generations import newest
from tests.compiler.conftest import Compile
from tests.synthetic import write_session

ROUNDS = 10
_START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def segments(tmp_path: Path, runtime: Runtime, compile_team: Compile) -> Callable[[], list[int]]:
    """Compiles one new session after the other; the documents of each segment then."""

    def compile_all() -> list[int]:
        for number in range(ROUNDS):
            session = f"{number:08x}-0000-4000-8000-{number:012x}"
            path = tmp_path / "ann" / "projects" / "-src-shop" / f"{session}.jsonl"
            start = _START + timedelta(hours=number)
            write_session(path, session_id=session, start=start, turns=2, seed=number)
            compile_team(tmp_path / "ann")
        generation = newest(runtime.store, "shop")
        assert generation is not None
        return [segment.documents for segment in generation.manifest.segments]

    return compile_all


def _sessions_in(runtime: Runtime) -> set[str]:
    copy = refresh(runtime, "shop")
    assert copy is not None
    return {document.session_id for document in documents_in(copy.index)}


def test_small_segments_are_joined(segments: Callable[[], list[int]], runtime: Runtime) -> None:
    """Eight of a kind become one, and hold every session."""
    assert len(segments()) <= ROUNDS - 7
    assert len(_sessions_in(runtime)) == ROUNDS


def test_large_segments_stay(
    segments: Callable[[], list[int]], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is joined beyond the bound, which is what memory and copying are bounded by."""
    monkeypatch.setattr(index, "_LARGEST", 1)
    assert len(segments()) == ROUNDS
    assert len(_sessions_in(runtime)) == ROUNDS
