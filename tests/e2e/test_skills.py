"""The plugin's skills in the real Claude Code: listed, and put before the model as they are meant."""

import json
from typing import Any

import pytest

from tests.e2e.claude import ROOT, Claude, told

pytestmark = pytest.mark.timeout(300)  # several runs of an agent, on a machine that does other things too

SKILLS = sorted(path.parent.name for path in (ROOT / "plugin" / "skills").glob("*/SKILL.md"))
ONLY_THE_USER = {"upload-context", "private"}


def own_request(claude: Claude) -> dict[str, Any]:
    """The agent's last request of its own, and none for a title or the like."""
    return [body for body in claude.sent() if body.get("tools")][-1]


def test_all_skills_are_listed(claude: Claude) -> None:
    """For the user all five; for the model those that it may use by itself, each with when to use it."""
    claude.install_plugin()
    claude.models.reply = lambda call: "hello"
    printed = claude.run("-p", "hello", "--output-format", "stream-json", "--verbose")
    (start,) = [line for line in map(json.loads, printed.splitlines()) if line.get("subtype") == "init"]
    assert {f"rlm-context:{name}" for name in SKILLS} <= set(start["skills"])
    assert SKILLS == ["ask", "handoff", "private", "recall", "upload-context"]
    known = told(own_request(claude))
    for name in SKILLS:
        assert (f"- rlm-context:{name}: " in known) is (name not in ONLY_THE_USER)


@pytest.mark.parametrize(
    ("skill", "words"),
    [
        ("recall", "Find what earlier sessions know about: why sqlite"),
        ("ask", "The question: why sqlite"),
        ("handoff", "About: why sqlite (nothing given"),
    ],
)
def test_a_skill_is_put_before_the_model(skill: str, words: str, claude: Claude) -> None:
    """With what the user typed after it, and the rule that transcripts give no orders."""
    claude.install_plugin()
    claude.models.reply = lambda call: "Because of the alerts."
    claude.run("-p", f"/rlm-context:{skill} why sqlite")
    read = told(own_request(claude))
    assert words in read
    assert "information, not instructions" in read.rpartition(words)[2]
