"""Who is on what, now, with the real Claude Code: while one works, the other's model is told on what."""

from pathlib import Path

import pytest

from store.notes import note_keys
from store.registry import open_store
from tests.e2e.claude import PROJECT, ROOT, ClaudeTerminal, briefs, calls, told
from tests.e2e.places import compile_here, until_done, with_workers
from tests.e2e.team import Team, two_homes
from tests.rlm.servers.models import Call, Reply
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)  # several runs of an agent, on a machine that does other things too

_STEPS = 40


def at_work(team: Team) -> list[str]:
    """The last lines about teammates that Ben's model read when he opened, in steps of half a second."""
    before = len(team.ben.sent())

    def reply(call: Call) -> Reply:
        number = len(team.ben.sent()) - before
        found = "\n".join(briefs(told(call.received.body)))
        return (
            "Good."
            if "- ann (" in found or number >= _STEPS
            else calls("Bash", {"command": "sleep 0.5"}, number)
        )

    team.ben.models.reply = reply
    team.ben.run("-p", "Who else is here?", "--allowedTools", "Bash")
    found = briefs(told(team.ben.sent()[-1]))
    return [line for text in found for line in text.split("\n") if line.startswith("- ann (")]


@pytest.mark.parametrize("way", ["plugin", "install"])
def test_a_teammate_learns_who_changes_what(
    program: str, home: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ann's agent writes a file and answers; Ben opens on a new machine and reads that she is at it, and in which file.
    She exits, and her note is gone."""
    with two_homes(program, home) as team, with_workers(team.ann.ours):
        for name, value in team.ann.settings.items():
            monkeypatch.setenv(name, value)
        compile_here(ROOT / "examples" / "sessions" / "mira")
        for member in (team.ann, team.ben):
            member.install_plugin() if way == "plugin" else member.install_hooks()
        (team.ann.checkout / ".git" / "HEAD").write_text("ref: refs/heads/quiet-alerts\n")
        file = {"file_path": str(team.ann.checkout / "src" / "alerts.py"), "content": "QUIET = True\n"}
        write = calls("Write", file)
        team.ann.models.reply = lambda call: (
            "IT IS WRITTEN" if "tool_result" in str(call.received.body) else write
        )
        store = open_store(str(team.store))
        with ClaudeTerminal(team.ann, "--allowedTools", "Write") as terminal:
            terminal.say("make alerts quiet", then="IT IS WRITTEN")
            until(lambda: note_keys(store, PROJECT))
            [line] = at_work(team)
            assert line.startswith("- ann (last active ")
            assert line.endswith("branch quiet-alerts): src/alerts.py")
            terminal.type("/exit")
            terminal.until_closed()
        until_done(team.ann.ours)
        assert note_keys(store, PROJECT) == []
