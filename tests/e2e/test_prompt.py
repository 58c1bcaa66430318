"""What earlier sessions say about a first prompt reaches the real Claude Code's model with that prompt."""

import pytest

from tests.e2e.claude import Claude, briefs, told

pytestmark = pytest.mark.timeout(300)  # several runs of an agent, on a machine that does other things too

_UNKNOWN = (
    "A webhook receiver in Bergen says our HMAC signature does not match the JSON body: which header and which "
    "bytes do we sign?"
)
_IN_THE_BRIEF = (
    "The vendor's gauge feed closes idle server-sent event connections after thirty seconds; can we stream instead "
    "of polling?"
)


def test_a_first_prompt_brings_what_the_brief_does_not_say(
    claude: Claude, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cited passage beside the brief, once in a session; never the message that a line of the brief cites."""
    monkeypatch.setenv("RLM_CONTEXT_PROMPT_PASSAGES", "1")
    claude.install_hooks()
    claude.run("-p", _UNKNOWN)
    brief, passages = briefs(told(claude.sent()[-1]))
    assert "X-Tidewatch-Signature" not in brief
    assert "[s:b8ee3a02#30] 2026-03-05 adaeze: " in passages
    assert "X-Tidewatch-Signature" in passages
    claude.run("-p", "--continue", _IN_THE_BRIEF)
    assert briefs(told(claude.sent()[-1])) == [brief, passages]
    claude.run("-p", _IN_THE_BRIEF)
    brief, passages = briefs(told(claude.sent()[-1]))
    assert "[s:f390d6b8#16]" in brief
    assert "[s:f390d6b8#16]" not in passages


def test_it_is_off_by_default(claude: Claude) -> None:
    """Nobody is told anything at a prompt who did not ask for it."""
    claude.install_hooks()
    claude.run("-p", _UNKNOWN)
    assert len(briefs(told(claude.sent()[-1]))) == 1
