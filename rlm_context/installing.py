"""What `install` and `uninstall` change for each agent: hooks, skill, tools. All is planned before any is done."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_models.env import home
from data_models.errors import SettingsError
from data_models.project import find_repository
from data_models.settings import Settings
from rlm_context import agent_hooks, agent_skill, agent_tools
from rlm_context.agent_hooks import Entry, Hook
from rlm_context.agent_plugin import Plugin, installed_plugin
from rlm_context.agent_settings import has_hooks, with_hooks, without_hooks
from rlm_context.agent_tools import Registry
from rlm_context.changes import Change, edited, parsed, read_text, undone

SCOPES = ("user", "project", "local")
"""For this user everywhere; for everyone who works in the repository; for this user in the repository."""


@dataclass(frozen=True)
class Host:
    """An agent: its hooks, and by scope where it has its settings, its skills and its list of MCP servers.

    `plugin` finds our plugin in it, `trust` is where it notes which hooks it was told to trust; None: it runs all.
    """

    hooks: tuple[Hook, ...]
    files: Mapping[str, Callable[[], Path]]
    skills: Mapping[str, Callable[[], Path]]
    servers: Mapping[str, Registry | Callable[[], Path]]
    plugin: Callable[[], Plugin | None] = lambda: None
    trust: Callable[[], Path] | None = None
    remark: str = ""


@dataclass
class Plan:
    """What is to be done: files changed, commands of the agent run; and what is to be known about it."""

    changes: list[Change] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, change: Change | None) -> None:
        """Add a change where something changes."""
        if change is not None and change.is_needed:
            self.changes.append(change)


def host(agent: str) -> Host:
    """The agent of this name."""
    return HOSTS[agent]


def settings_file(agent: str, scope: str) -> Path:
    """Where an agent keeps the settings of a scope.

    Raises:
        SettingsError: the agent has no such scope, or there is no repository here.
    """
    files = host(agent).files
    if scope not in files:
        raise SettingsError(
            f"{agent} has no hooks for the scope {scope}",
            next_command=f"rlm-context install {agent} --scope user",
        )
    return files[scope]()


def wanted_hooks(agent: str, scope: str, settings: Settings) -> list[Entry]:
    """The hooks that an agent's settings should hold, with those that settings of ours switch on."""
    hooks = host(agent).hooks
    off = {name for name, setting in agent_hooks.OPTIONAL.items() if not getattr(settings, setting)}
    return agent_hooks.entries(agent, tuple(hook for hook in hooks if hook.name not in off), scope)


def plan_install(agent: str, scope: str, settings: Settings) -> Plan:
    """What `install` has to do; nothing of it is done.

    Raises:
        SettingsError: a file cannot be read or is not what it should be; nothing is to be done then.
    """
    entries = wanted_hooks(agent, scope, settings)
    plan = Plan(remarks=[host(agent).remark] if host(agent).remark else [])
    plan.add(edited(settings_file(agent, scope), lambda found: with_hooks(found, entries)))
    if scope in host(agent).skills:
        skill = agent_skill.written(host(agent).skills[scope]())
        plan.add(skill)
        if skill is None:
            plan.remarks.append(f"There is another skill {agent_skill.NAME}, which is left alone.")
    plan.remarks += _both(agent, scope)
    if host(agent).plugin() is None:  # which brings the tools along
        _plan_tools(plan, agent, scope, wanted=True)
    return plan


def plan_uninstall(agent: str, scope: str) -> Plan:
    """What `uninstall` has to do; nothing of it is done.

    Raises:
        SettingsError: a file cannot be read or is not what it should be; nothing is to be done then.
    """
    plan = Plan()
    plan.add(undone(settings_file(agent, scope), without_hooks, home()))
    if scope in host(agent).skills:
        plan.add(agent_skill.removed(host(agent).skills[scope]()))
    _plan_tools(plan, agent, scope, wanted=False)
    return plan


def other_scopes(agent: str, scope: str) -> list[str]:
    """The other scopes that have our hooks as well: each would run."""
    found = []
    for other in set(host(agent).files) - {scope}:
        try:
            path = settings_file(agent, other)
            if has_hooks(parsed(path, read_text(path))):
                found.append(other)
        except SettingsError:
            continue  # no repository here, or nothing of ours in a file that is no settings file
    return sorted(found)


def _both(agent: str, scope: str) -> list[str]:
    """What is to be known where an agent has our hooks twice: they do their work once all the same."""
    twice = [
        f"The scope {other} has these hooks too; they do their work once, and one would do ({agent})."
        for other in other_scopes(agent, scope)
    ]
    if host(agent).plugin() is not None:
        twice.append(f"The plugin is installed too; its hooks leave the work to these ({agent}).")
    return twice


def _plan_tools(plan: Plan, agent: str, scope: str, *, wanted: bool) -> None:
    """Put the tools in, or take them out; what stands in the way keeps no hook from being changed."""
    server = host(agent).servers.get(scope)
    try:
        if isinstance(server, Registry):
            plan.commands += server.adding() if wanted else server.removing()
        elif server is not None and wanted:
            plan.add(edited(server(), agent_tools.with_server))
        elif server is not None:
            plan.add(undone(server(), agent_tools.without_server, home()))
    except SettingsError as error:
        plan.remarks.append(f"The tools were left as they are: {error.message}.")


def claude_folder() -> Path:
    """Claude Code's configuration folder."""
    return _configured("CLAUDE_CONFIG_DIR", ".claude")


def _claude_state() -> Path:
    """The file in which Claude Code keeps its own state, the user's MCP servers among it."""
    moved = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(moved).expanduser() if moved else Path.home()) / ".claude.json"


def _codex_folder() -> Path:
    return _configured("CODEX_HOME", ".codex")


def _configured(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default).expanduser()


def _in_repository(*parts: str) -> Path:
    repository = find_repository(str(Path.cwd()))
    if not repository:
        raise SettingsError(
            f"{Path.cwd()} is in no git repository",
            next_command="the same with --scope user, or in a checkout",
        )
    return Path(repository).joinpath(*parts)


def _claude_servers(scope: str, keys: Callable[[], tuple[Any, ...]]) -> Registry:
    return Registry("claude", ("--scope", scope), _claude_state, keys)


HOSTS: Mapping[str, Host] = {
    "claude-code": Host(
        hooks=agent_hooks.CLAUDE_CODE,
        files={
            "user": lambda: claude_folder() / "settings.json",
            "project": lambda: _in_repository(".claude", "settings.json"),
            "local": lambda: _in_repository(".claude", "settings.local.json"),
        },
        skills={
            "user": lambda: claude_folder() / "skills",
            "project": lambda: _in_repository(".claude", "skills"),
        },
        servers={
            "user": _claude_servers("user", lambda: ("mcpServers",)),
            "project": lambda: _in_repository(".mcp.json"),
            "local": _claude_servers("local", lambda: ("projects", str(_in_repository()), "mcpServers")),
        },
        plugin=lambda: installed_plugin(claude_folder()),
    ),
    "codex": Host(
        hooks=agent_hooks.CODEX,
        files={"user": lambda: _codex_folder() / "hooks.json"},
        skills={},
        servers={
            "user": Registry("codex", (), lambda: _codex_folder() / "config.toml", lambda: ("mcp_servers",))
        },
        trust=lambda: _codex_folder() / "config.toml",
        remark="Codex runs only hooks that you trusted, and passes over others without a word. Start `codex` in a "
        "terminal: it says that hooks need review; choose “Trust all and continue” (later: /hooks, then t).",
    ),
}
"""By name: the one place that lists the agents that hooks are installed for."""
