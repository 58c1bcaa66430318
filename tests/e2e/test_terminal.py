"""Claude Code in a terminal: what each kind of start reads, and that no session is lost or uploaded twice."""

import pytest

from tests.e2e.claude import Claude, ClaudeTerminal, briefs, statements, told
from tests.e2e.places import compile_here, held, log_of, until_done, uploads
from tests.hooks.helpers import transcript, undated
from tests.rlm.servers.models import Call, asked_in

pytestmark = pytest.mark.timeout(300)

_CHANGED = "has changed. New in it:"


def shouted(call: Call) -> str:
    """The answer to a prompt, which its prompt does not hold."""
    return call.text.strip().upper()[:60]


def test_what_each_start_reads(claude: Claude) -> None:
    """The whole brief once at the start, after /clear and after /compact; a session that goes on reads nothing more,
    and when something newer was compiled the new lines alone."""
    claude.models.reply = shouted
    claude.install_hooks()
    with ClaudeTerminal(claude) as terminal:
        terminal.say("where are alerts kept", then="WHERE ARE ALERTS KEPT")
        terminal.say("/compact", then="Compacted")
        terminal.say("after compaction", then="AFTER COMPACTION")
        terminal.type("/clear")
        terminal.until(lambda: "AFTER COMPACTION" not in terminal.screen())
        terminal.say("after clearing", then="AFTER CLEARING")
        terminal.type("/exit")
        terminal.until_closed()
    with ClaudeTerminal(claude, "--continue") as terminal:
        terminal.say("as it was left", then="AS IT WAS LEFT")
        terminal.type("/exit")
        terminal.until_closed()
    compile_here(transcript(claude.home / "colleague", 7, claude.checkout))
    with ClaudeTerminal(claude, "--continue") as terminal:
        terminal.say("with something newer", then="WITH SOMETHING NEWER")
    asked = {asked_in(body).strip(): body for body in claude.sent()}
    [started], [compacted], [cleared], [left] = (
        briefs(told(asked[prompt]))
        for prompt in ("where are alerts kept", "after compaction", "after clearing", "as it was left")
    )
    assert "## Key decisions" in started
    assert undated(started) == undated(compacted) == undated(cleared)
    before, new = briefs(told(asked["with something newer"]))
    assert before == left == cleared
    assert _CHANGED in new
    assert statements(new)
    assert not statements(new) & statements(before)


def test_every_session_is_uploaded_once(working_claude: Claude) -> None:
    """Ended by /clear, by /exit (compacted before), by Ctrl-C twice or with its terminal, or killed at work and taken
    up by the next start: each session has one receipt and is in the newest generation, and a sync finds no more."""
    claude = working_claude
    store = claude.ours / "store"
    claude.models.reply = shouted
    with ClaudeTerminal(claude) as terminal:
        terminal.say("one was cleared", then="ONE WAS CLEARED")
        terminal.type("/clear")
        terminal.until(lambda: "ONE WAS CLEARED" not in terminal.screen())
        terminal.say("two was compacted", then="TWO WAS COMPACTED")
        terminal.say("/compact", then="Compacted")
        terminal.type("/exit")
        terminal.until_closed()
    with ClaudeTerminal(claude) as terminal:
        terminal.say("three was interrupted", then="THREE WAS INTERRUPTED")
        terminal.press("C-c", "C-c")
        terminal.until_closed()
    with ClaudeTerminal(claude) as terminal:
        terminal.say("four was closed", then="FOUR WAS CLOSED")
    with ClaudeTerminal(claude) as terminal:
        terminal.say("five was killed", then="FIVE WAS KILLED")
        claude.models.latency = 60
        asked = len(claude.sent())
        terminal.type("five was at work")
        terminal.until(lambda: len(claude.sent()) > asked)
        terminal.kill()
    claude.models.latency = 0
    killed = claude.transcripts()[-1].stem
    with ClaudeTerminal(claude) as terminal:
        terminal.until(lambda: killed in uploads(store))
        terminal.say("six found it", then="SIX FOUND IT")
        terminal.type("/exit")
        terminal.until_closed()
    until_done(claude.ours)
    sessions = sorted(path.stem for path in claude.transcripts())
    assert len(sessions) == 6
    assert uploads(store) == sessions, log_of(claude.ours)
    assert sorted(session for _, session in held(store)) == sessions
    synced = claude.rlm("sync", "--json")
    assert (synced.returncode, uploads(store)) == (0, sessions), (synced.stdout, synced.stderr)
