"""The hooks of each agent: whether they are there, what they start, and when they last fired."""

import os
import re
import shlex
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from data_models.env import home_folder, raw_folder, worker_log
from data_models.errors import SettingsError
from data_models.settings import load_settings
from rlm_context.agent_plugin import Plugin
from rlm_context.agent_settings import our_commands
from rlm_context.agent_trust import untrusted
from rlm_context.changes import parsed, read_text
from rlm_context.checks import Check
from rlm_context.hooks.files import names_in
from rlm_context.hooks.fired import fired_folder
from rlm_context.hooks.text import ago
from rlm_context.installing import HOSTS, Host, wanted_hooks
from rlm_context.output import plural
from transcripts.registry import AGENTS

_PATH = re.compile(r"(?:[pm]=)?(/.*)", re.S)
_WAITING_SECONDS = 600
_SILENT_SECONDS = 3600
"""An agent that wrote a session so long after any of its hooks fired has hooks that do not fire."""


def hook_checks() -> Iterator[Check]:
    """Each agent on this machine, and what its hooks left for workers."""
    for agent in HOSTS:
        if _is_here(agent):
            yield from _agent(agent)
    yield from _waiting()


def _is_here(agent: str) -> bool:
    """Whether somebody uses this agent here: it has a folder of its own, or hooks of ours."""
    return any(folder.parent.is_dir() for folder in AGENTS[agent].default_folders())


def _agent(agent: str) -> Iterator[Check]:
    host = HOSTS[agent]
    plugin = host.plugin()
    found = list(_installed(agent, host))
    yield from _broken(agent, found)
    scopes = [scope for scope, commands in found if isinstance(commands, list)]
    if plugin is not None:
        yield _plugin(plugin)
    if len(scopes) + (plugin is not None) > 1:
        places = [*scopes, *(["plugin"] if plugin else [])]
        says = f"{agent} has them twice: {', '.join(places)}; one is enough"
        yield Check("hooks", None, says, f"rlm-context uninstall {agent} --scope {scopes[-1]}")
    if not scopes and plugin is None:
        yield Check("hooks", None, f"{agent} has none of ours", f"rlm-context install {agent}")
    elif not any(isinstance(commands, SettingsError) for _, commands in found):
        yield from _trusted(agent, host)
        yield _fired(agent)


def _installed(agent: str, host: Host) -> Iterator[tuple[str, list[str] | SettingsError]]:
    """The scopes that have hooks of ours, with their commands, or with what keeps them from being read."""
    for scope, file in host.files.items():
        try:
            path = file()
        except SettingsError:
            continue  # no repository here
        try:
            commands = list(our_commands(parsed(path, read_text(path))))
        except SettingsError as error:
            yield scope, error
            continue
        if commands:
            yield scope, commands


def _broken(agent: str, found: Iterable[tuple[str, list[str] | SettingsError]]) -> Iterator[Check]:
    for scope, commands in found:
        again = f"rlm-context install {agent} --scope {scope}"
        if isinstance(commands, SettingsError):
            yield Check("hooks", False, commands.message, commands.next_command or "")
            continue
        gone = sorted({path for command in commands for path in _paths(command) if not Path(path).exists()})
        if gone:
            yield Check("hooks", False, f"{agent} ({scope}): gone: {', '.join(gone)}", again)
        elif sorted(commands) != sorted(_wanted(agent, scope)):
            yield Check("hooks", None, f"{agent} ({scope}): not as this version writes them", again)
        else:
            yield Check("hooks", True, f"{agent} ({scope}): {plural(len(commands), 'hook')}")


def _wanted(agent: str, scope: str) -> list[str]:
    try:
        return [command for _, command in wanted_hooks(agent, scope, load_settings())]
    except SettingsError:
        return []  # said by the check of the settings


def _paths(command: str) -> Iterator[str]:
    """The files that a command of ours starts."""
    try:
        words = shlex.split(command.replace(";", " ; "))
    except ValueError:
        return
    for word in words:
        match = _PATH.fullmatch(word)
        if match:
            yield match[1]


def _plugin(plugin: Plugin) -> Check:
    ours = version("rlm-context")
    if plugin.version == ours:
        return Check("plugin", True, f"version {plugin.version}, like this program")
    newer = _parts(plugin.version) > _parts(ours)
    mend = "install the newest rlm-context" if newer else "claude plugin update rlm-context@rlm-context"
    says = f"version {plugin.version}, {'newer' if newer else 'older'} than this program ({ours})"
    return Check("plugin", None if not newer else False, says, mend)


def _parts(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]


def _trusted(agent: str, host: Host) -> Iterator[Check]:
    """Whether an agent was told to trust its hooks, where it asks for that."""
    if host.trust is None:
        return
    path = host.files["user"]()
    left = untrusted(path, parsed(path, read_text(path)), host.trust())
    if left:
        says = f"{agent} was not told to trust {plural(left, 'hook')}, and does not run {'it' if left == 1 else 'them'}"
        yield Check("hooks", None, says, f"{agent}, which asks, then: Trust all and continue")


def _fired(agent: str) -> Check:
    """When each hook fired last; a session written long after that tells that they do not."""
    folder = Path(fired_folder(home_folder(), agent))
    times = {name: (folder / name).stat().st_mtime for name in names_in(str(folder))}
    written = _last_written(agent)
    name = "hooks fired"
    if not times:
        return Check(name, None, f"{agent}: none yet", "start a new session, then rlm-context doctor")
    told = ", ".join(
        f"{hook} {ago(int(at * 1000))}" for hook, at in sorted(times.items(), key=lambda one: -one[1])
    )
    if written - max(times.values()) > _SILENT_SECONDS:
        told = f"{told}; a session was written {ago(int(written * 1000))}; {_cause(agent)}"
        return Check(name, None, f"{agent}: {told}", "start a new session, then rlm-context doctor")
    return Check(name, True, f"{agent}: {told}")


def _cause(agent: str) -> str:
    if HOSTS[agent].trust is not None:
        return "it runs only hooks that it was told to trust"
    return "settings may switch hooks off (disableAllHooks)"


def _last_written(agent: str) -> float:
    """When a session of an agent was written last; 0 for never."""
    files = (path for folder in AGENTS[agent].default_folders() for path in folder.rglob("*.jsonl"))
    return max((path.stat().st_mtime for path in files), default=0.0)


def _waiting() -> Iterator[Check]:
    """Sessions that ended, and that no worker took up in the time that takes."""
    raw = raw_folder(home_folder())
    if not os.path.isdir(raw):  # noqa: PTH112  the hooks' path is a text
        return
    old = [name for name in names_in(raw) if _age(Path(raw, name)) > _WAITING_SECONDS]
    if old:
        log = worker_log(home_folder())
        says = f"{plural(len(old), 'session')} that ended {'waits' if len(old) == 1 else 'wait'} for a worker"
        yield Check("workers", False, says, f"tail -n 20 {shlex.quote(log)}, then rlm-context sync")


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # taken up this moment
