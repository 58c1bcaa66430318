"""The refresh hook with a store in a service: it is asked rarely, and nobody waits for one that hangs."""

from itertools import repeat
from pathlib import Path

import pytest

from rlm_context.hooks.fetch.due import AGAIN, UNKNOWN, rest
from tests.hooks.events.test_refresh import HASTE
from tests.hooks.helpers import REMOTE, context_of, event
from tests.hooks.newer import compiled_by_ann, ended, fetcher_has_ended, index_is_here, log_of, start_hook
from tests.store.s3_service import BUCKET, Proxy, moto_port, new_prefix, s3

__all__ = ["moto_port", "s3"]


@pytest.fixture
def service(s3: Proxy, home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """The team's store is in S3, and Ann has compiled into it."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", f"s3://{BUCKET}/{new_prefix()}")
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "bob")
    compiled_by_ann(home, 1)
    s3.calls.clear()
    return s3


def fetched(home: Path, cwd: Path, number: int = 9, code: str = HASTE) -> str:
    """What `refresh` tells a session that starts."""
    return context_of(ended(start_hook("refresh", event(number, cwd, home, source="startup"), code)))


def looked(home: Path) -> list[Path]:
    """The notes of when which project may be asked for again."""
    return list((home / "rlm-context" / "hooks" / "looked").iterdir())


def keep_bursting(home: Path) -> None:
    """The burst goes on, for longer than a busy machine takes for what it does next."""
    (note,) = looked(home)
    until, _, store = note.read_text().partition(" ")
    assert float(until) - note.stat().st_mtime < AGAIN + 1
    rest(str(home / "rlm-context"), REMOTE, store, UNKNOWN)


def test_starts_in_a_burst_ask_once(home: Path, checkout: Path, service: Proxy) -> None:
    """The second session reads the brief from this machine; later the store is asked, and only what is newer comes."""
    assert "## Summary" in fetched(home, checkout)
    index_is_here(home)
    keep_bursting(home)
    asked = service.calls.total()
    assert asked
    assert "## Summary" in fetched(home, checkout, number=8)
    assert service.calls.total() == asked
    compiled_by_ann(home, 2)
    for path in looked(home):
        path.unlink()
    assert 'generation="2"' in fetched(home, checkout)
    index_is_here(home)


def test_a_folder_of_nobodys_project_costs_one_question(home: Path, service: Proxy) -> None:
    """What the store did not know is not asked again for minutes."""
    assert fetched(home, home) == ""
    asked = service.calls.total()
    assert asked
    assert fetched(home, home, number=8) == ""
    assert service.calls.total() == asked
    assert not (home / "rlm-context" / "cache" / "projects").exists()
    assert AGAIN < UNKNOWN


def test_nobody_waits_for_a_service_that_hangs(home: Path, checkout: Path, service: Proxy) -> None:
    """The hook ends at its limit with nothing to read, and the log says so once; the next start does not ask."""
    service.methods, service.plan = frozenset({"GET", "HEAD"}), repeat("slow")
    code = HASTE + "refresh._FETCH_SECONDS = 1.5\n"
    for number in (8, 9):
        assert fetched(home, checkout, number, code) == ""
    service.closing.set()
    fetcher_has_ended(home)
    assert log_of(home).count("gave no brief within 1.5 s") == 1


def test_a_service_that_refuses_is_a_line_in_the_log(home: Path, checkout: Path, service: Proxy) -> None:
    """Wrong credentials: the agent reads nothing, and the log holds one line."""
    service.methods, service.plan = frozenset({"GET", "HEAD"}), repeat("denied")
    assert fetched(home, checkout) == ""
    assert len(log_of(home).splitlines()) == 1
    assert REMOTE not in fetched(home, checkout, number=8)
