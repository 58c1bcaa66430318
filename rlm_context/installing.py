"""Where each agent keeps its settings, and changing them: shown as a diff, backed up, in one step."""

import difflib
import json
import os
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_models.errors import SettingsError
from data_models.project import find_repository
from rlm_context.agent_settings import has_hooks
from rlm_context.hooks import __main__ as hooks_program
from store.files import FileWriter

SCOPES = ("user", "project", "local")
"""For this user everywhere; for everyone who works in the repository; for this user in the repository."""
_EVENTS = {"SessionStart": "session-start", "SessionEnd": "session-end"}


@dataclass(frozen=True)
class Host:
    """An agent: where its settings are, and what its user has to know."""

    files: Mapping[str, Callable[[], Path]]
    remark: str = ""


@dataclass(frozen=True)
class Change:
    """What is to be done to one settings file: its text before and after ("" before where there is none)."""

    path: Path
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff; "" where nothing changes."""
        before, after = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(difflib.unified_diff(before, after, str(self.path), str(self.path), n=2))


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


def planned(path: Path, edit: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Change:
    """The change that `edit` makes to a settings file.

    Raises:
        SettingsError: the file cannot be read, or is no settings file; it is left as it is.
    """
    before = _read(path)
    settings = _parsed(path, before)
    edited = edit(settings)
    after = before if edited == settings else json.dumps(edited, indent=2, ensure_ascii=False) + "\n"
    return Change(path, before, after)


def apply(change: Change, home: Path) -> Path | None:
    """Write a change; the copy of what stood there before, None where nothing did.

    The copy lies in the home, because settings may hold secrets and their folder may be under version control.
    """
    backup = None
    if change.before:
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}-{change.path.name}"
        backup = home / "backups" / name
        FileWriter(home).write_many([(backup, change.before.encode())])
    _replace(change.path, change.after)
    return backup


def other_scopes(agent: str, scope: str) -> list[str]:
    """The other scopes that have our hooks as well: each would run."""
    found = []
    for other in set(host(agent).files) - {scope}:
        try:
            path = settings_file(agent, other)
            if has_hooks(_parsed(path, _read(path))):
                found.append(other)
        except SettingsError:
            continue  # no repository here, or nothing of ours in a file that is no settings file
    return sorted(found)


def commands(scope: str) -> dict[str, str]:
    """The command of each event. What a team shares names the program, all else the quicker path to it."""
    if scope == "project":
        return {event: f"rlm-context hook {name}" for event, name in _EVENTS.items()}
    start = shlex.join([sys.executable, "-I", "-S", os.path.abspath(hooks_program.__file__)])  # noqa: PTH100  as it is called
    return {event: f"{start} {name}" for event, name in _EVENTS.items()}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read, so nothing was changed", next_command=f"ls -l {path}"
        ) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise SettingsError(
            f"{path} is not JSON, so nothing was changed", next_command=f"mend {path}"
        ) from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path} holds no settings, so nothing was changed", next_command=f"mend {path}")
    return found


def _replace(path: Path, text: str) -> None:
    """Write a file in one step; a link stays a link, and the file keeps its mode."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


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


HOSTS: Mapping[str, Host] = {
    "claude-code": Host(
        {
            "user": lambda: _configured("CLAUDE_CONFIG_DIR", ".claude") / "settings.json",
            "project": lambda: _in_repository(".claude", "settings.json"),
            "local": lambda: _in_repository(".claude", "settings.local.json"),
        }
    ),
    "codex": Host(
        {"user": lambda: _configured("CODEX_HOME", ".codex") / "hooks.json"},
        remark="Codex runs only hooks that it was told to trust, and says nothing about others: trust these in Codex.",
    ),
}
"""By name: the one place that lists the agents that hooks are installed for."""
