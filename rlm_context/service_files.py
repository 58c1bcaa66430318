"""What a service manager reads to keep `rlm-context up` running: a systemd unit, or a launchd agent.

Formats: systemd.unit(5), systemd.service(5), systemd.exec(5); launchd.plist(5). Both read the same file of variables,
so that no key stands in the unit, which people put under version control.
"""

import plistlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

RETRY_SECONDS = 60
"""Between two starts: a service that another `rlm-context up` keeps out takes over so soon after it."""

_DESCRIPTION = "rlm-context: Prefect's server and UI, hook-triggered compiles and the nightly"
_IN_SHELL = 'set -a; . "$1"; set +a; shift; exec "$@"'


def systemd_unit(program: Sequence[str], variables: Path) -> str:
    """A user unit.

    Args:
        program: the command that serves, by its path (in which systemd takes no quote and no backslash), and its
            arguments.
        variables: the file of `variables_file`.
    """
    return "\n".join(
        [
            "[Unit]",
            f"Description={_DESCRIPTION}",
            "StartLimitIntervalSec=0",
            "",
            "[Service]",
            f"EnvironmentFile={_no_specifiers(str(variables))}",
            f'ExecStart="{_no_specifiers(program[0])}" {" ".join(map(_quoted, program[1:]))}',
            "Restart=on-failure",
            f"RestartSec={RETRY_SECONDS}",
            "# The server ends by itself once no compile uses it, and the runner ends its runs.",
            "KillMode=process",
            "TimeoutStopSec=60",
            "",
            "[Install]",
            "WantedBy=default.target",
            "",
        ]
    )


def launchd_agent(label: str, program: Sequence[str], variables: Path, log: Path) -> str:
    """A user agent.

    Args:
        label: its name.
        program: the command that serves, and its arguments.
        variables: the file of `variables_file`; launchd reads none, so a shell does.
        log: where its lines go.
    """
    agent = {
        "Label": label,
        "ProgramArguments": ["/bin/sh", "-c", _IN_SHELL, label, str(variables), *program],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": RETRY_SECONDS,
        "ExitTimeOut": 60,
        "ProcessType": "Background",
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
    }
    return plistlib.dumps(agent).decode()


def variables_file(variables: Mapping[str, str]) -> str:
    """Variables as lines that a shell and systemd's `EnvironmentFile` read alike."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))


def _quoted(argument: str) -> str:
    """An argument of `ExecStart` that stands for itself (systemd.service(5), "Command lines")."""
    text = argument.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{_no_specifiers(text)}"'


def _no_specifiers(text: str) -> str:
    return text.replace("%", "%%")
