"""The tools (`rlm-context mcp`) in the places where agents look for MCP servers.

Claude Code and Codex keep the user's servers in files that they rewrite themselves, among much else, so that only
their own commands may change them: `claude mcp add`, `codex mcp add`. Reading those files is harmless. A repository's
`.mcp.json` is a file of people, and is changed like other settings.
"""

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from data_models.env import INSIDE
from data_models.errors import SettingsError
from rlm_context.programs import own_program

NAME = "rlm-context"
SHARED = {"command": NAME, "args": ["mcp"]}
"""The server as everyone in a repository starts it."""
_SECONDS = 60.0


@dataclass(frozen=True)
class Registry:
    """Where an agent lists its MCP servers for one scope.

    `program` is the agent's command, `options` what it needs for the scope, `file` where it keeps the list, `keys`
    the way to the list inside.
    """

    program: str
    options: tuple[str, ...]
    file: Callable[[], Path]
    keys: Callable[[], Sequence[str]]

    def found(self) -> list[str] | None:
        """The command line of the server that is listed; None for none, [] for one that is no command.

        Raises:
            SettingsError: the list cannot be read.
        """
        value: Any = _document(self.file())
        for key in (*self.keys(), NAME):
            value = value.get(key) if isinstance(value, dict) else None
        return None if value is None else _command_of(value)

    def adding(self) -> list[list[str]]:
        """The agent's commands that put our server there; none where it stands there already.

        Raises:
            SettingsError: the list cannot be read, or a server of somebody else has our name.
        """
        wanted, there = [*own_program(), "mcp"], self.found()
        if there == wanted:
            return []
        if there is not None and not is_ours(there):
            raise SettingsError(f"{self.file()} names another server {NAME}, which is left alone")
        add = [self.program, "mcp", "add", *self.options, NAME, "--", *wanted]
        return [add] if there is None else [*self.removing(), add]

    def removing(self) -> list[list[str]]:
        """The agent's commands that take our server out; none where there is none of ours.

        Raises:
            SettingsError: the list cannot be read.
        """
        there = self.found()
        if there is None or not is_ours(there):
            return []
        return [[self.program, "mcp", "remove", *self.options, NAME]]


def is_ours(command: Sequence[str]) -> bool:
    """Whether a command line starts our server."""
    names = {PurePath(word).name for word in command[:-1]}
    return command[-1:] == ["mcp"] and not names.isdisjoint({"rlm-context", "rlm_context"})


def with_server(document: Mapping[str, Any]) -> dict[str, Any]:
    """A repository's `.mcp.json` with our server; one of ours that is there already stays as it is.

    Raises:
        SettingsError: it is no such file, or a server of somebody else has our name.
    """
    servers = _servers(document)
    if NAME not in servers:
        return {**document, "mcpServers": {**servers, NAME: SHARED}}
    if not is_ours(_command_of(servers[NAME])):
        raise SettingsError(f".mcp.json names another server {NAME}, which is left alone")
    return dict(document)


def without_server(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same without it, and without what only it had filled.

    Raises:
        SettingsError: it is no such file.
    """
    servers = _servers(document)
    if not is_ours(_command_of(servers.get(NAME))):
        return dict(document)
    left = {name: server for name, server in servers.items() if name != NAME}
    rest = {name: value for name, value in document.items() if name != "mcpServers"}
    return {**rest, "mcpServers": left} if left else rest


def run(command: Sequence[str]) -> str:
    """Run one of an agent's commands; "" if it did what it should, else why not."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not on PATH"
    try:
        done = subprocess.run(
            command,
            env={**os.environ, INSIDE: "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            text=True,
            errors="replace",
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {type(error).__name__}"
    said = (done.stderr.strip() or done.stdout.strip()).rpartition("\n")[2]
    return "" if done.returncode == 0 else said or f"exit code {done.returncode}"


def _command_of(server: object) -> list[str]:
    """The command line of a listed server; [] for one that is no command."""
    if not isinstance(server, dict):
        return []
    command, arguments = server.get("command"), server.get("args", [])
    return [str(command), *map(str, arguments)] if command and isinstance(arguments, list) else []


def _servers(document: Mapping[str, Any]) -> dict[str, Any]:
    servers = document.get("mcpServers", {})
    if not isinstance(servers, dict):
        raise SettingsError(".mcp.json holds no servers, so nothing was changed")
    return servers


def _document(path: Path) -> Any:
    try:
        data = path.read_bytes()
        return tomllib.loads(data.decode()) if path.suffix == ".toml" else json.loads(data)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read", next_command=f"mend {path}") from error
