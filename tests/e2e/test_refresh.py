"""What is fetched while the real Claude Code runs reaches its model once, also where it ends too soon and goes on."""

from pathlib import Path

import pytest

from tests.e2e.claude import ROOT, Claude, briefs, calls, statements, told
from tests.e2e.places import compile_here
from tests.e2e.team import Team, two_homes
from tests.rlm.servers.models import Call, Reply

pytestmark = pytest.mark.timeout(300)  # several runs of an agent, on a machine that does other things too

_STEPS = 40


def published(team: Team, sessions: Path) -> None:
    """Somebody else compiles these sessions into the team's store."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in team.ann.settings.items():
            patch.setenv(name, value)
        compile_here(sessions)


def read(member: Claude, *arguments: str, least: int) -> list[str]:
    """Run an agent until its model has read at least so many briefs or has made many steps: those that it read."""
    before = len(member.sent())

    def reply(call: Call) -> Reply:
        number = len(member.sent()) - before
        if len(briefs(told(call.received.body))) >= least or number >= _STEPS:
            return "That is all."
        return calls("Bash", {"command": "sleep 0.3"}, before + number)

    member.models.reply = reply
    member.run("-p", "Go on.", "--allowedTools", "Bash", *arguments)
    return briefs(told(member.sent()[-1]))


def test_a_session_that_ended_too_soon_reads_it_when_it_goes_on(program: str, home: Path) -> None:
    """On a new machine, an agent that answers at once ends before anything could be fetched. Continued, its model reads
    the brief; continued again, nothing; and once something newer was compiled, only the lines that it has not read."""
    with two_homes(program, home) as team:
        published(team, ROOT / "examples" / "sessions" / "mira")
        team.ben.install_hooks()
        assert read(team.ben, least=0) == []
        [whole] = read(team.ben, "--continue", least=1)
        assert "[s:" in whole
        assert read(team.ben, "--continue", least=0) == [whole]
        published(team, ROOT / "examples" / "sessions")
        first, new = read(team.ben, "--continue", least=2)
        assert first == whole
        assert 'generation="2"' in new
        assert statements(new)
        assert not statements(whole) & statements(new)


def test_a_first_request_is_not_held_up(program: str, home: Path) -> None:
    """A store that gives no answer costs the session nothing: it starts, works and ends."""
    with two_homes(program, home) as team:
        published(team, ROOT / "examples" / "sessions")
        team.ben.install_hooks()
        (team.store / "store.json").write_text("{")
        assert read(team.ben, least=0) == []
