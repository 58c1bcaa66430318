"""Where a compile runs once a session was uploaded, and what is left for the next worker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from flows.local_server import LocalServer
from rlm_context.hooks.events import session_end
from rlm_context.hooks.trigger import asking, decide, rest
from rlm_context.hooks.trigger.record import Trigger, read_triggers
from rlm_context.hooks.worker import process, waiting
from rlm_context.hooks.worker.waiting import Work, take_up
from tests.hooks.helpers import REMOTE, compile_here, event, transcript
from tests.hooks.trigger.prefect_stub import Stub, nobody, prefect_stub

Calls = list[tuple[str, tuple[str, ...]]]


@pytest.fixture
def stub(home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """The user's Prefect server, and a worker that loses no time."""
    monkeypatch.setattr(asking, "_DELAYS", (0.01,) * 6)
    monkeypatch.setattr(asking, "_POLL_SECONDS", 0.01)
    with prefect_stub() as server:
        monkeypatch.setenv("PREFECT_API_URL", server.url)
        yield server


@pytest.fixture
def end(home: Path, checkout: Path) -> Callable[..., Work]:
    """Sessions end, and a worker takes them up."""

    def end_all(*numbers: int) -> Work:
        for number in numbers:
            transcript(home, number, checkout)
            session_end.keep(str(home / "rlm-context"), event(number, checkout, home))
        return take_up(home / "rlm-context")

    return end_all


End = Callable[..., Work]


def records(home: Path) -> list[Trigger]:
    return read_triggers(home / "rlm-context")


def waits() -> int:
    return len(open_runtime().spool.pending())


def store_of(home: Path) -> str:
    return str(home / "rlm-context" / "store")


def test_prefect_is_asked_and_not_waited_for(home: Path, stub: Stub, end: End, triggered: Calls) -> None:
    """One run, however many sessions and workers; the next worker after a generation acknowledges."""
    done = end(*range(1, 21))
    assert (done.uploaded, triggered, done.is_unfinished) == (20, [], False)
    assert "asked for, and not begun yet" in done.compiled
    (record,) = records(home)
    assert (record.place, record.state, record.generation, record.run) == (
        "Prefect",
        "waiting",
        "none",
        "r-0",
    )
    end(21)
    assert set(stub.keys) == {f"compile:{REMOTE}:none:0"}
    assert waits() == 21
    compile_here(store_of(home), [REMOTE])
    asked = len(stub.requests)
    assert end().compiled == REMOTE
    assert (waits(), records(home), len(stub.requests)) == (0, [], asked)
    end(22)
    assert stub.keys[-1].startswith(f"compile:{REMOTE}:0000000001-")


def test_a_running_run_that_took_all_needs_no_other(
    home: Path, stub: Stub, end: End, triggered: Calls
) -> None:
    """The worker looks again when it ends."""

    def finish() -> None:
        compile_here(store_of(home), [REMOTE])
        stub.end()

    stub.state = "RUNNING"
    stub.looks = [lambda: None, finish]
    assert (end(1).compiled, waits(), len(stub.runs), triggered) == (REMOTE, 0, 1, [])


def test_a_running_run_that_left_something_out_gets_a_successor(home: Path, stub: Stub, end: End) -> None:
    """What it looked at may have been older than the upload."""

    def finish() -> None:
        stub.end()
        stub.state = "SCHEDULED"

    stub.state = "RUNNING"
    stub.looks = [finish]
    end(1)
    assert sorted(stub.runs) == [f"compile:{REMOTE}:none:{attempt}" for attempt in (0, 1)]
    (record,) = records(home)
    assert (record.state, record.attempt, record.error) == ("waiting", 1, "")


def test_a_session_that_ends_meanwhile_is_not_kept_waiting(
    home: Path, checkout: Path, stub: Stub, end: End
) -> None:
    """The wait for a run ends when there is a job; the record says that the run was running."""

    def another() -> None:
        transcript(home, 2, checkout)
        session_end.keep(str(home / "rlm-context"), event(2, checkout, home))

    stub.state = "RUNNING"
    stub.looks = [another]
    assert end(1).is_unfinished
    assert [record.state for record in records(home)] == ["running"]


def test_the_wait_for_a_run_ends(stub: Stub, end: End, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the next start goes on with it."""
    monkeypatch.setattr(asking, "_LOOKS_AGAIN_SECONDS", 0.05)
    stub.state = "RUNNING"
    assert end(1).is_unfinished


def test_a_server_that_falls_silent_is_not_waited_for(
    stub: Stub, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says any more whether the run ended: the next start goes on with it."""
    monkeypatch.setattr(asking, "_SILENT_SECONDS", 0.3)
    stub.state = "RUNNING"
    stub.looks = [lambda: stub.answers.extend([(503, {})] * 1000)]
    assert end(1).is_unfinished


def test_a_busy_server_is_asked_again(stub: Stub, end: End, triggered: Calls) -> None:
    """503 for a while: the worker goes on until it is accepted, once."""
    stub.answers = [(503, {})] * 6
    assert not end(1).is_unfinished
    assert list(stub.runs) == [f"compile:{REMOTE}:none:0"]
    assert triggered == []


def test_a_server_elsewhere_that_stays_away(
    home: Path, stub: Stub, end: End, triggered: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker does not ask for ever; the next one goes on, and nothing is compiled on this machine."""
    monkeypatch.setattr(rest, "_LOOPBACK", ())
    monkeypatch.setenv("NO_PROXY", "*")
    stub.answers = [(503, {})] * 7
    assert end(1).is_unfinished
    (record,) = records(home)
    assert (record.state, record.here, waits(), triggered) == ("away", False, 1, [])
    assert "503" in record.error
    assert not end().is_unfinished
    assert [one.state for one in records(home)] == ["waiting"]
    assert records(home)[0].since == record.since


def test_a_server_of_this_machine_that_stays_away(
    home: Path, stub: Stub, end: End, monkeypatch: pytest.MonkeyPatch, triggered: Calls
) -> None:
    """It is compiled here, on the home's own server; nothing is left to say once that is done."""
    own: list[bool] = []

    def compile_it(store_url: str, projects: list[str], *, own_server: bool = False) -> bool:
        own.append(own_server)
        return compile_here(store_url, projects)

    monkeypatch.setattr(waiting, "compile_projects_of", compile_it)
    with nobody() as gone:
        monkeypatch.setenv("PREFECT_API_URL", gone)
        assert end(1).compiled == REMOTE
    assert (own, waits(), records(home)) == ([True], 0, [])


def test_a_refusal_is_said_and_not_repeated(home: Path, stub: Stub, end: End, triggered: Calls) -> None:
    """Wrong credentials: one request a worker, no compile here, and the command that mends it."""
    for number in (1, 2):
        stub.answers = [(401, {})]
        assert not end(number).is_unfinished
        assert len(stub.requests) == number
    (record,) = records(home)
    assert (record.state, triggered, waits()) == ("refused", [], 2)
    assert "PREFECT_API_AUTH_STRING" in record.next_command
    end()
    assert [one.state for one in records(home)] == ["waiting"]


def test_without_the_deployment_it_is_compiled_here(
    home: Path, stub: Stub, end: End, triggered: Calls
) -> None:
    """And that is said until there is one."""
    stub.answers = [(404, {"detail": "Deployment not found"})]
    assert end(1).compiled == REMOTE
    (record,) = records(home)
    assert (record.state, record.here, waits()) == ("refused", True, 0)
    assert triggered == [(store_of(home), (REMOTE,))]
    end(2)
    assert [one.state for one in records(home)] == ["waiting"]


def test_what_is_configured_may_be_of_no_use(
    home: Path, stub: Stub, end: End, triggered: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is a refusal as well."""
    monkeypatch.setenv("PREFECT_API_URL", "127.0.0.1:4200/api")
    end(1)
    (record,) = records(home)
    assert (record.state, triggered) == ("refused", [])
    assert "not the API" in record.error


def test_what_stays_on_this_machine_is_compiled_on_it(
    home: Path, stub: Stub, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The team's server hears nothing of a project that is not shared, and gets no brief of it as an artifact."""
    here: list[tuple[str, bool]] = []

    def compile_it(store_url: str, projects: list[str], *, own_server: bool) -> bool:
        here.append((store_url, own_server))
        return compile_here(store_url, projects)

    monkeypatch.setattr(waiting, "compile_projects_of", compile_it)
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    end(1)
    assert here == [(store_of(home), True)]
    assert stub.requests == []
    (home / "rlm-context" / "shared-projects.txt").write_text(f"{REMOTE}\n")
    end(2)
    assert stub.keys == [f"compile:{REMOTE}:none:0"]
    assert len(here) == 1


def test_the_server_of_up_is_asked_with_its_credentials(
    home: Path, stub: Stub, end: End, triggered: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing else is configured; a server without schedules serves no deployments."""
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setattr(decide, "is_up", lambda folder: True)
    monkeypatch.setattr(decide, "live_server", lambda folder: LocalServer(1, stub.url, "a:b", schedules=True))
    end(1)
    assert len(stub.runs) == 1
    assert stub.requests[-1][2]["Authorization"] == "Basic YTpi"
    monkeypatch.setattr(decide, "live_server", lambda folder: LocalServer(1, stub.url, "a:b"))
    end(2)
    assert len(triggered) == 1


def test_a_compile_that_fails_here_is_said(
    home: Path, checkout: Path, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until one succeeds."""
    monkeypatch.setattr(waiting, "compile_projects_of", lambda store_url, projects, own_server: False)
    end(1)
    (record,) = records(home)
    assert (record.place, record.state, record.next_command) == (
        "this machine",
        "failed",
        "rlm-context compile",
    )
    monkeypatch.setattr(waiting, "compile_projects_of", compile_here)
    end()
    assert (records(home), waits()) == ([], 0)


def test_a_compile_in_anothers_place_that_fails_is_said(
    home: Path, stub: Stub, end: End, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is this machine then that has to be looked at."""
    stub.answers = [(404, {})]
    monkeypatch.setattr(waiting, "compile_projects_of", lambda store_url, projects, *, own_server: False)
    assert "on this machine: failed" in end(1).compiled
    assert [(one.place, one.state) for one in records(home)] == [("this machine", "failed")]


def test_what_a_compile_by_hand_took_is_forgotten(home: Path, stub: Stub, end: End) -> None:
    """The record of a trigger ends with what it was for, and says nothing of the next one."""
    end(1)
    compile_here(store_of(home), [REMOTE])
    runtime = open_runtime()
    runtime.spool.acknowledge(runtime.store)
    before = len(stub.requests)
    end()
    assert (records(home), len(stub.requests)) == ([], before)


@pytest.mark.parametrize("damage", [b"", b"{", b'{"state": "new"}', b"\xff"])
def test_a_damaged_record_costs_nothing(home: Path, stub: Stub, end: End, damage: bytes) -> None:
    """It is written anew, for this user alone."""
    end(1)
    (path,) = (home / "rlm-context" / "hooks" / "triggers").iterdir()
    path.write_bytes(damage)
    end()
    assert path.stat().st_mode & 0o077 == 0
    assert [record.state for record in records(home)] == ["waiting"]
    assert len(stub.runs) == 1


def test_the_next_start_goes_on_with_what_is_unfinished(
    home: Path, checkout: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker leaves no mark of a sweep, whose absence makes a start leave another worker."""
    swept = home / "rlm-context" / "hooks" / "swept"
    transcript(home, 1, checkout)
    session_end.keep(str(home / "rlm-context"), event(1, checkout, home))
    monkeypatch.setattr(asking, "_LOOKS_AGAIN_SECONDS", 0.0)
    monkeypatch.setenv("RLM_CONTEXT_INSIDE", "1")  # the worker sets it, which must not outlive this test
    stub.state = "RUNNING"
    process.main()
    assert not swept.exists()
    stub.end()
    stub.state = "SCHEDULED"
    process.main()
    assert swept.exists()
