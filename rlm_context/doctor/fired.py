"""When hooks fired, and whether what they left was taken up."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from data_models.env import home_folder, raw_folder, worker_log
from rlm_context.checks import Check
from rlm_context.hooks.files import names_in
from rlm_context.hooks.fired import fired_folder
from rlm_context.hooks.text import ago
from rlm_context.output import plural
from transcripts.registry import AGENTS

_WAITING_SECONDS = 600
_SILENT_SECONDS = 3600
"""An agent that wrote a session so long after any of its hooks fired has hooks that do not fire."""


def fired_check(agent: str) -> Check:
    """When each hook of an agent fired last; a session written long after that tells that they do not."""
    folder = fired_folder(home_folder(), agent)
    times = {name: _written(Path(folder, name)) for name in names_in(folder)}
    if not times:
        return Check(
            "hooks fired", None, f"{agent}: none yet", "start a new session, then rlm-context doctor"
        )
    newest_first = sorted(times.items(), key=lambda one: -one[1])
    told = ", ".join(f"{hook} {_ago(at)}" for hook, at in newest_first)
    session = _last_session(agent)
    if session - max(times.values()) > _SILENT_SECONDS:
        told = f"{told}; since then a session was written ({_ago(session)}), and no hook was called"
        return Check("hooks fired", None, f"{agent}: {told}", "start a new session, then rlm-context doctor")
    return Check("hooks fired", True, f"{agent}: {told}")


def worker_checks() -> Iterator[Check]:
    """Sessions that ended, and that no worker took up in the time that takes."""
    raw = raw_folder(home_folder())
    latest = time.time() - _WAITING_SECONDS
    old = sum(0 < _written(Path(raw, name)) < latest for name in names_in(raw))
    if old:
        log = shlex.quote(worker_log(home_folder()))
        says = f"{plural(old, 'session')} that ended {'waits' if old == 1 else 'wait'} for a worker"
        yield Check("workers", False, says, f"tail -n 20 {log}, then rlm-context sync")


def _last_session(agent: str) -> float:
    """When a session of an agent was written last; 0 for never."""
    files = (path for folder in AGENTS[agent].default_folders() for path in folder.rglob("*.jsonl"))
    return max(map(_written, files), default=0.0)


def _written(path: Path) -> float:
    """When a file was written, Unix seconds; 0 where it is gone this moment."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _ago(seconds: float) -> str:
    return ago(int(seconds * 1000))
