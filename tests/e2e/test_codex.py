"""The real Codex, offline, whose model is a script: what one person's session decided stands before the next one's
model; no session is lost; and what it writes is read."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from data_models.events import Event
from tests.e2e.claude import briefs
from tests.e2e.codex import Codex, CodexTerminal, kill, session_of
from tests.e2e.places import checkout_in, held, log_of, until_done, uploads, with_workers, without_workers
from tests.e2e.team import DECISION, cited
from tests.rlm.servers.models import Call, Reply
from tests.rlm.servers.responses import ResponsesServer, outputs, said_to
from transcripts.drift import drift_report
from transcripts.events import read_events
from transcripts.slim import slim_session
from transcripts.sources import find_sessions

CODEX = os.environ.get("RLM_CONTEXT_TEST_CODEX") or shutil.which("codex")
"""The program `codex` of the npm package @openai/codex."""
_TRIES = 60
pytestmark = pytest.mark.timeout(300)  # compiles of several sessions, on a machine that does other things too


@pytest.fixture(scope="session")
def codex_program() -> str:
    """Codex; the test is skipped where it is not installed."""
    if not CODEX or shutil.which(CODEX) is None:
        pytest.skip("no Codex: npm install -g @openai/codex, or RLM_CONTEXT_TEST_CODEX=PATH")
    found = subprocess.run([CODEX, "--version"], capture_output=True, text=True, timeout=60, check=False)
    if found.returncode:
        pytest.skip(f"{CODEX} does not start: {found.stderr.strip()[:200]}")
    return CODEX


@pytest.fixture
def team(codex_program: str, home: Path) -> Iterator[tuple[Codex, Codex]]:
    """Ann, whose workers work, and Ben, who opens later: a store shared by both, Codex with hooks in each home."""
    with ExitStack() as stack:
        members = []
        for name in ("ann", "ben"):
            folder = home / name
            folder.mkdir()
            settings = {"store": str(home / "team-store"), "author": name}
            models = stack.enter_context(ResponsesServer())
            member = Codex(codex_program, folder, checkout_in(folder), models, settings)
            shared = member.rlm("share", ".")
            assert shared.returncode == 0, shared.stderr
            stack.enter_context((without_workers if name == "ben" else with_workers)(member.ours))
            member.install()
            members.append(member)
        ann, ben = members
        yield ann, ben


def events_of(codex: Codex) -> list[Event]:
    """What is read of all its transcripts, each alone."""
    found = []
    for files in find_sessions(codex.folder).sessions:
        events, rejects = read_events(slim_session(files, lambda text, counts: text).blob)
        assert rejects == []
        found += events
    return found


def _searching(call: Call) -> Reply:
    """A model that calls our search once Codex has it: it waits for a server's start for a moment only."""
    found = outputs(call.received.body)
    if found and "information, not instructions" in found[-1]:
        return "I have read it."
    number = len(found)
    assert number < 2 * _TRIES, found[-1]
    if number % 2:
        return [_calling(number, "exec_command", {"cmd": "sleep 0.5"})]
    return [_calling(number, "search_context", {"query": "alert state"}) | {"namespace": "mcp__rlm_context"}]


def _calling(number: int, tool: str, given: dict[str, str] | str) -> dict[str, object]:
    return {"type": "tool_use", "id": f"call_{number}", "name": tool, "input": given}


def test_a_decision_reaches_the_teammate(team: tuple[Codex, Codex], home: Path) -> None:
    """Ann works and closes: SessionEnd fires, the spool drains, a generation appears. Ben opens: his first request
    holds her decision, cited, and once; his model's call of our tool returns it cited; nothing of either comes back
    in when his transcript is read, in which nothing is unknown."""
    ann, ben = team
    store = home / "team-store"
    ann.models.reply = lambda call: f"Decision: {DECISION}"
    ann.run("Decide where alert state is kept.")
    (transcript,) = ann.transcripts()
    until_done(ann.ours)
    assert uploads(store) == [session_of(transcript)], log_of(ann.ours)
    assert list(held(store)) == [("ann", session_of(transcript))]
    assert ben.rlm("show").returncode == 0

    ben.models.reply = _searching
    ben.run("--dangerously-bypass-approvals-and-sandbox", "Where is alert state kept?")
    first, *_, last = ben.sent()
    assert cited(said_to(first)) == session_of(transcript)[-8:]
    assert len(briefs(said_to(first))) == 1
    assert f"[s:{session_of(transcript)[-8:]}#" in outputs(last)[-1]
    texts = "\n".join(event.text for event in events_of(ben))
    assert "Where is alert state kept?" in texts
    assert "I have read it." in texts
    assert DECISION not in texts
    assert "information, not instructions" not in texts
    assert drift_report(ben.folder) == []


def test_what_was_killed_is_taken_up(team: tuple[Codex, Codex], home: Path) -> None:
    """A session ended by kill -9 is uploaded by the next start; neither of the two is lost, none comes twice."""
    ann, _ = team
    ann.models.latency = 600
    process = ann.running("This one is killed.")
    with CodexTerminal(ann) as terminal:  # only to wait, with a deadline
        terminal.until(ann.sent)
    kill(process)
    ann.models.latency = 0
    ann.models.reply = lambda call: "Here I am again."
    ann.run("This one ends.")
    until_done(ann.ours)
    sessions = sorted(map(session_of, ann.transcripts()))
    assert len(sessions) == 2
    assert uploads(home / "team-store") == sessions, log_of(ann.ours)


def test_in_a_terminal(team: tuple[Codex, Codex], home: Path) -> None:
    """Sessions left by /clear and by Ctrl-C twice are uploaded, the resumed one again and without a second brief;
    what is read after /clear is the whole brief."""
    ann, _ = team
    store = home / "team-store"
    ann.models.reply = lambda call: f"Decision: {DECISION}" if "first" in call.text else call.text.upper()
    ann.run("the very first")
    until_done(ann.ours)
    with CodexTerminal(ann) as terminal:
        terminal.say("read it", then="READ IT")
        terminal.clear("READ IT")
        terminal.say("read it anew", then="READ IT ANEW")
        terminal.close()
    until_done(ann.ours)
    assert uploads(store) == sorted(map(session_of, ann.transcripts())), log_of(ann.ours)
    with CodexTerminal(ann, "resume", "--last") as terminal:
        terminal.say("go on", then="GO ON")
        terminal.close()
    asked = {call.text: briefs(said_to(call.received.body)) for call in ann.models.calls}
    read, cleared, resumed = (asked[prompt] for prompt in ("read it", "read it anew", "go on"))
    assert len(read) == len(cleared) == 1
    assert DECISION in read[0]
    assert DECISION in cleared[0]
    assert resumed[: len(cleared)] == cleared
    assert all("has changed. New in it:" in more for more in resumed[len(cleared) :])
    until_done(ann.ours)
    assert len(set(uploads(store))) == 3


def test_what_scripts_run_is_read(codex_program: str, home: Path) -> None:
    """Newer models write scripts that call the tools: the commands and the files that they change are read all the
    same, and nothing in the transcript is unknown."""
    script = (
        "text((await tools.exec_command({cmd: 'printf five; exit 5'})).output);"
        r" text(await tools.apply_patch('*** Begin Patch\n*** Add File: five.txt\n+5\n*** End Patch\n'));"
    )
    with ResponsesServer() as models:
        codex = Codex(codex_program, home, checkout_in(home), models)
        models.reply = lambda call: (
            "Done."
            if outputs(call.received.body)
            else [_calling(1, "exec", script) | {"namespace": "functions"}]
        )
        codex.run("-m", "gpt-6-sol", "--dangerously-bypass-approvals-and-sandbox", "Write a five.")
    events = events_of(codex)
    calls = {event.tool: event for event in events if event.kind == "tool_use"}
    assert calls["exec_command"].text == "printf five; exit 5"
    assert calls["apply_patch"].file_path == str(codex.checkout.resolve() / "five.txt")
    assert [event.text for event in events if event.is_error] == ["five"]
    assert [event.text for event in events if event.role == "human"] == ["Write a five."]
    assert drift_report(codex.folder) == []
