"""`rlm-context up` as a service of the user: what is written for it, and how the system is told.

On Linux a systemd user unit, on macOS a launchd agent. The variables that the command was given when it was installed
go into a file of the home, for this user alone, since keys may be among them.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_models.env import INSIDE, PREFIX
from data_models.errors import PipelineError, SettingsError
from rlm_context.hooks.files import make_private, write_small
from rlm_context.programs import own_program
from rlm_context.service_files import launchd_agent, systemd_unit, variables_file

_SECONDS = 90.0
"""For an answer of the service manager, which waits while a service stops."""
_PREFIXES = (PREFIX, "PREFECT_", "ANTHROPIC_", "OPENAI_", "AWS_", "MODAL_")
_NAMES = frozenset(
    {
        *("PATH", "LANG", "TZ", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    }
)
Command = tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """One home's service.

    Attributes:
        name: what the service manager calls it.
        unit: the file that it reads, and `text` what stands in it.
        variables_path: the file of variables, and `variables` what stands in it.
        begin: the commands that make it run now and at each login.
        end: the command that stops it for good.
        look: the command that shows how it is.
    """

    name: str
    unit: Path
    text: str
    variables_path: Path
    variables: Mapping[str, str]
    begin: tuple[Command, ...]
    end: Command
    look: Command

    @property
    def is_installed(self) -> bool:
        """Whether its files are there, with this very content."""
        expected = ((self.unit, self.text), (self.variables_path, variables_file(self.variables)))
        return all(_content(path) == text for path, text in expected)


def plan_service(home: Path) -> Service:
    """What the service of this home is, on this machine and with this process's variables.

    Raises:
        SettingsError: the system has no service manager that is known, or the home's name would break its files.
    """
    if not str(home).isprintable():
        raise SettingsError(
            "the home's name holds what no unit can", next_command="set RLM_CONTEXT_HOME to another"
        )
    program, variables = (*own_program(), "up"), home / "up.env"
    given = carried(os.environ) | {PREFIX + "HOME": str(home)}
    name = _name(home)
    if sys.platform == "darwin":
        label = f"dev.rlm-context.{name}"
        unit = Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"
        text = launchd_agent(label, program, variables, home / "logs" / "up.log")
        return Service(label, unit, text, variables, given, *_launchd(label, unit))
    if shutil.which("systemctl") is None:
        raise SettingsError(
            "there is no systemd here that could keep it up",
            next_command="rlm-context up, under whatever starts programs here",
        )
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    unit = config / "systemd" / "user" / f"{name}.service"
    return Service(unit.name, unit, systemd_unit(program, variables), variables, given, *_systemd(unit.name))


def carried(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that the service gets: ours, Prefect's, providers' and stores', and those of the network."""
    return {
        name: value
        for name, value in environment.items()
        if (name in _NAMES or name.startswith(_PREFIXES)) and name != INSIDE
    }


def write_files(service: Service) -> None:
    """Write both files, for this user alone; folders that are missing are made so too."""
    make_private(str(service.variables_path.parent / "logs"))
    for path, text in (
        (service.variables_path, variables_file(service.variables)),
        (service.unit, service.text),
    ):
        write_small(str(path), text.encode("utf-8", "surrogateescape"))


def remove_files(service: Service) -> bool:
    """Remove both files; whether there was one."""
    found = [path for path in (service.unit, service.variables_path) if path.exists()]
    for path in found:
        path.unlink()
    return bool(found)


def tell_system(commands: Sequence[Command]) -> None:
    """Run commands of the service manager, one after the other.

    Raises:
        PipelineError: one failed; it and those after it are the next command.
    """
    for at, command in enumerate(commands):
        if reason := _failure(command):
            raise PipelineError(
                f"{command[0]} could not do its part: {reason}",
                next_command=" && ".join(map(shlex.join, commands[at:])),
                partial=True,
            )


def is_running(service: Service) -> bool:
    """Whether the service manager knows it, and keeps it up."""
    return not _failure(service.look)


def _failure(command: Command) -> str:
    """Why a command of the service manager failed, "" if it did not."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    if done.returncode == 0:
        return ""
    return done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"


def _systemd(unit: str) -> tuple[tuple[Command, ...], Command, Command]:
    """Beginning, end and look."""
    user = ("systemctl", "--user")
    begin = ((*user, "daemon-reload"), (*user, "enable", "--now", unit))
    return begin, (*user, "disable", "--now", unit), (*user, "status", unit)


def _launchd(label: str, unit: Path) -> tuple[tuple[Command, ...], Command, Command]:
    """Beginning, end and look."""
    domain = f"gui/{os.getuid()}"
    begin = (("launchctl", "bootstrap", domain, str(unit)),)
    return begin, ("launchctl", "bootout", f"{domain}/{label}"), ("launchctl", "print", f"{domain}/{label}")


def _name(home: Path) -> str:
    """One for each home; the default one's is plain."""
    if home == Path.home() / ".rlm-context":
        return "rlm-context"
    return f"rlm-context-{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}"


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
