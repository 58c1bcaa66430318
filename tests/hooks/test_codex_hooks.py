"""What our hooks in Codex's settings may take, by what Codex gives them."""

from rlm_context.agent_hooks import CODEX, entries
from rlm_context.agent_settings import with_hooks
from rlm_context.hooks.brief.envelope import MOST_UNITS

_LONGEST_END = 3
"""Seconds; for more Codex 0.169.0 warns at each start."""
_TOKEN = 4
"""Bytes that Codex counts as one."""
_WIDEST = 3
"""Bytes that one UTF-16 unit takes in UTF-8."""


def test_codex_takes_a_whole_brief_in_any_script() -> None:
    """Every hook that may print a brief states room for it in bytes, without which 10,000 is the most."""
    hooks = with_hooks({}, entries("codex", CODEX, "user"))["hooks"]
    starts = [hook for group in hooks["SessionStart"] for hook in group["hooks"]]
    assert len(starts) == 2
    assert all(hook["additionalContextLimit"] * _TOKEN >= MOST_UNITS * _WIDEST for hook in starts)


def test_codex_has_no_reason_to_warn() -> None:
    """SessionEnd states a time, and none above what it gets; what may be slow is not waited for."""
    by_name = {hook.name: hook for hook in CODEX}
    assert 0 < by_name["session-end"].seconds <= _LONGEST_END
    assert by_name["refresh"].in_background
    assert by_name["stop"].in_background
