"""The hooks that each agent gets, and the command that its settings name for them.

The plugin's hooks.json holds the same list for Claude Code; a test compares them.
"""

import os
import shlex
import sys
from collections.abc import Mapping
from typing import NamedTuple

from rlm_context.hooks import __main__ as hooks_program

_STARTS = "startup|resume|clear|compact"
_SECONDS = 10
"""Above Claude Code's own budget of 1.5 s for all SessionEnd hooks together, which a busy machine may pass."""
_REFRESH_SECONDS = 60
"""More than the hook's own limit."""
_CODEX_END_SECONDS = 3
"""The most that Codex gives SessionEnd; for more it warns at each start. Without a number it is one second."""
_CODEX_TOKENS = 7_500
"""The most that our context takes in Codex's count, bytes / 4: 10,000 UTF-16 units of three bytes each."""


class Hook(NamedTuple):
    """One of our hooks in an agent's settings.

    `event` is the agent's name for it and `name` ours; `seconds` the agent's time-out; `matcher` which kinds of the
    event are meant, "" for all; `in_background` that the agent does not wait for it; `context_tokens` how much context
    the agent is to take from it, 0 for what it takes anyway.
    """

    event: str
    name: str
    seconds: int = _SECONDS
    matcher: str = ""
    in_background: bool = False
    context_tokens: int = 0


class Entry(NamedTuple):
    """A hook and its command."""

    hook: Hook
    command: str


CLAUDE_CODE = (
    Hook("SessionStart", "session-start", matcher=_STARTS),
    Hook("SessionStart", "refresh", _REFRESH_SECONDS, _STARTS, in_background=True),
    Hook("SessionEnd", "session-end"),
    Hook("Stop", "stop", in_background=True),
    Hook("UserPromptSubmit", "user-prompt-submit"),
)
CODEX = (
    Hook("SessionStart", "session-start", context_tokens=_CODEX_TOKENS),
    Hook("SessionStart", "refresh", _REFRESH_SECONDS, in_background=True, context_tokens=_CODEX_TOKENS),
    Hook("SessionEnd", "session-end", _CODEX_END_SECONDS),
    Hook("Stop", "stop", in_background=True),
    Hook("UserPromptSubmit", "user-prompt-submit"),
)
OPTIONAL: Mapping[str, str] = {"user-prompt-submit": "prompt_passages"}
"""Hooks that are installed only where a setting is on."""


def entries(agent: str, hooks: tuple[Hook, ...], scope: str) -> list[Entry]:
    """The hooks with their commands, as an agent's settings of this scope hold them."""
    if scope == "project":
        return [Entry(hook, _shared_command(hook)) for hook in hooks]
    return [Entry(hook, _own_command(agent, hook)) for hook in hooks]


def _shared_command(hook: Hook) -> str:
    """What everyone in a repository runs: nothing, where the program is not installed."""
    return f"command -v rlm-context >/dev/null || exit 0; exec rlm-context hook {hook.name}"


def _own_command(agent: str, hook: Hook) -> str:
    """The program by its path, half the price of its name; where it has moved, by its name; else it is said once.

    The agent starts as if there were no hook then: the shell, which it starts anyway, looks for the files.
    """
    python, program = shlex.quote(sys.executable), shlex.quote(program_path())
    steps = [
        f'p={python} m={program}; [ -x "$p" ] && [ -f "$m" ] && exec "$p" -I -S "$m" {hook.name}',
        f"command -v rlm-context >/dev/null && rlm-context hook {hook.name} && exit",
    ]
    if hook.name == "session-start":
        steps.append(_say_once(agent))
    return "; ".join([*steps, "true"])


def program_path() -> str:
    """The hooks' program, as it is called: a link stays one."""
    return os.path.abspath(hooks_program.__file__)  # noqa: PTH100


def moved_mark(home: str) -> str:
    """The folder whose making says that the user was told of a program that is gone."""
    return os.path.join(home, "hooks", "moved")  # noqa: PTH118  as the shell writes it


def _say_once(agent: str) -> str:
    mark = moved_mark("${RLM_CONTEXT_HOME:-$HOME/.rlm-context}")
    told = (
        "rlm-context is gone from where it was installed, so this session is not kept. "
        f"From its new place: rlm-context install {agent}"
    )
    return f'mkdir "{mark}" 2>/dev/null && echo \'{{"systemMessage":"{told}"}}\''
