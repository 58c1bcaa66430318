"""`rlm-context hook EVENT`: what an agent starts, its JSON on stdin.

The agent waits for it, so nothing is imported but the cheapest of the standard library: `re`, `json`, `pathlib` and
`typing` each cost a third to all of Python's own start. And nothing that goes wrong may reach the agent: whatever it
is, it is one line on stderr and exit code 0.
"""

import os
import sys

from data_models.env import INSIDE, home_folder
from rlm_context.hooks.fired import ANSWERED_ONCE, forget_first, is_first, stamp
from rlm_context.hooks.quick_json import loads
from rlm_context.hooks.text import complain
from rlm_context.platforms import require_posix

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

EVENTS = ("session-start", "refresh", "user-prompt-submit", "session-end", "stop")
_LONGEST = 1 << 20
"""Bytes read of the agent's JSON; it is a few hundred."""


def run_hook(arguments: list[str]) -> int | None:
    """Run one hook; 0, or None if these arguments are not for a hook and the click command has to answer.

    A hook that this version does not know, of a newer plugin, is answered by doing nothing: to some of an agent's
    events a failure would mean that they must not happen.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        return None
    if arguments[0] not in EVENTS:
        return None if _is_typed() else 0
    if os.environ.get(INSIDE):
        return 0  # an agent that our own pipeline runs: its sessions are nobody's
    try:
        require_posix()
        event = read_event()
        if _is_due(arguments[0], event):
            print_out(_handler(arguments[0])(event))
    except Exception as error:  # noqa: BLE001  an agent's start and end never fail because of us
        complain(arguments[0], error)
    return 0


def _is_due(hook: str, event: "dict[str, Any]") -> bool:
    """Note that a hook fired, in a home that can be written; whether there is something for it to do."""
    home = home_folder()
    try:
        stamp(home, hook, event)
        if hook in ANSWERED_ONCE:
            return is_first(home, hook, event)
        if hook == "session-end":
            forget_first(home, event)
    except OSError:
        pass  # what the hook itself writes fails in the same way, and says so
    return True


def _is_typed() -> bool:
    """Whether a person runs the command, and no agent."""
    return sys.stdin is None or sys.stdin.isatty()


def read_event() -> "dict[str, Any]":
    """What the agent says on stdin; {} where that is no JSON object, or where a person typed the command."""
    if _is_typed():
        return {}
    try:
        found = loads(sys.stdin.buffer.read(_LONGEST))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def print_out(text: str) -> None:
    """Print what the agent is to read, whatever the terminal's encoding is."""
    if text:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
        sys.stdout.buffer.flush()


def _handler(event: str) -> "Callable[[dict[str, Any]], str]":
    if event == "session-start":
        from rlm_context.hooks.events.session_start import session_start

        return session_start
    if event == "refresh":
        from rlm_context.hooks.events.refresh import refresh

        return refresh
    if event == "stop":
        from rlm_context.hooks.events.stop import stop

        return stop
    if event == "user-prompt-submit":
        from rlm_context.hooks.events.user_prompt_submit import user_prompt_submit

        return user_prompt_submit
    from rlm_context.hooks.events.session_end import session_end

    return session_end
