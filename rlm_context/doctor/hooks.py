"""The hooks of each agent: whether they are there, what they start, and what keeps them from being run."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from data_models.errors import SettingsError
from data_models.settings import load_settings
from rlm_context.agent_plugin import Plugin
from rlm_context.agent_settings import our_commands
from rlm_context.agent_trust import untrusted
from rlm_context.changes import parsed, read_text
from rlm_context.checks import Check
from rlm_context.doctor.fired import fired_check, worker_checks
from rlm_context.installing import HOSTS, Host, wanted_hooks
from rlm_context.output import plural
from transcripts.registry import AGENTS

_PATH = re.compile(r"(?:[pm]=)?(/.*)", re.S)
_OFF = "disableAllHooks"
"""Claude Code's setting that no hook runs, whoever's it is."""


@dataclass(frozen=True)
class _Installed:
    """An agent's settings of one scope, and the commands of ours in them."""

    scope: str
    path: Path
    settings: dict[str, Any]
    commands: list[str]


def hook_checks() -> Iterator[Check]:
    """Each agent that is used here, and what its hooks left for workers."""
    for agent, host in HOSTS.items():
        if any(folder.parent.is_dir() for folder in AGENTS[agent].default_folders()):
            yield from _agent(agent, host)
    yield from worker_checks()


def _agent(agent: str, host: Host) -> Iterator[Check]:
    plugin, found, unread = host.plugin(), *_read(host)
    for error in unread:
        yield Check("hooks", False, error.message, error.next_command or "")
    ours = [installed for installed in found if installed.commands]
    for installed in ours:
        yield _commands(agent, installed)
    if plugin is not None:
        yield _plugin(plugin)
    if len(ours) + (plugin is not None) > 1:
        yield _twice(agent, ours, plugin)
    if ours or plugin is not None:
        yield from _kept_from_running(agent, host, found)
        yield fired_check(agent)
    elif not unread:
        yield Check("hooks", None, f"{agent} has none of ours", f"rlm-context install {agent}")


def _read(host: Host) -> tuple[list[_Installed], list[SettingsError]]:
    """The settings of all scopes there are here, and what is wrong with those that cannot be read."""
    found, unread = [], []
    for scope, file in host.files.items():
        try:
            path = file()
        except SettingsError:
            continue  # no repository here
        try:
            settings = parsed(path, read_text(path))
            found.append(_Installed(scope, path, settings, list(our_commands(settings))))
        except SettingsError as error:
            unread.append(error)
    return found, unread


def _commands(agent: str, installed: _Installed) -> Check:
    """Whether the commands of one scope start what is there, and are those of this version."""
    name, again = f"{agent} ({installed.scope})", f"rlm-context install {agent} --scope {installed.scope}"
    paths = {path for command in installed.commands for path in _paths(command)}
    gone = sorted(path for path in paths if not Path(path).exists())
    if gone:
        return Check("hooks", False, f"{name}: gone: {', '.join(gone)}", again)
    if sorted(installed.commands) != sorted(_wanted(agent, installed.scope)):
        return Check("hooks", None, f"{name}: not as this version writes them", again)
    return Check("hooks", True, f"{name}: {plural(len(installed.commands), 'hook')}")


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


def _twice(agent: str, ours: Sequence[_Installed], plugin: Plugin | None) -> Check:
    places = [*(installed.scope for installed in ours), *(["plugin"] if plugin else [])]
    says = f"{agent} has them twice: {', '.join(places)}; one is enough"
    return Check("hooks", None, says, f"rlm-context uninstall {agent} --scope {ours[-1].scope}")


def _kept_from_running(agent: str, host: Host, found: Sequence[_Installed]) -> Iterator[Check]:
    """What an agent was told, or was not told, so that it does not run hooks."""
    for installed in found:
        if installed.settings.get(_OFF) is True:
            says = f"{agent} runs no hooks: {_OFF} is on in {installed.path}"
            yield Check("hooks", None, says, f"take {_OFF} out of {installed.path}")
        left = untrusted(installed.path, installed.settings, host.trust()) if host.trust else 0
        if left:
            it = "it" if left == 1 else "them"
            says = f"{agent} was not told to trust {plural(left, 'hook')}, and does not run {it}"
            yield Check("hooks", None, says, f"{agent}, which asks, then: Trust all and continue")


def _plugin(plugin: Plugin) -> Check:
    """A program that is older than the plugin may lack what the plugin calls; the other way round all works."""
    ours = version("rlm-context")
    if plugin.version == ours:
        return Check("plugin", True, f"version {plugin.version}, like this program")
    if _parts(plugin.version) > _parts(ours):
        says = f"version {plugin.version}, newer than this program ({ours})"
        return Check("plugin", False, says, "install the newest rlm-context")
    says = f"version {plugin.version}, older than this program ({ours})"
    return Check("plugin", None, says, "claude plugin update rlm-context@rlm-context")


def _parts(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]
