"""What a user types as project or time, and commands as a user can type them. Standard library only."""

import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from data_models.errors import NotFoundError, SettingsError

_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def match_project(wanted: str, known: Sequence[str]) -> str:
    """The project of this name, or the only one that ends with it.

    Raises:
        NotFoundError: none or several match.
    """
    if wanted in known:
        return wanted
    lowered = wanted.lower().strip("/")
    ends = [name for name in known if f"/{name.lower()}".endswith(f"/{lowered}")]
    ends = ends or [name for name in known if name.lower().endswith(lowered)]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise NotFoundError(f"{wanted} could be {', '.join(sorted(ends))}", next_command="name it in full")
    raise NotFoundError(
        f"no project {wanted} here; known: {', '.join(sorted(known)) or 'none'}",
        next_command="rlm-context status",
    )


def matches(wanted: str, name: str) -> bool:
    """Whether a user who types `wanted` can mean the project `name`."""
    try:
        return match_project(wanted, [name]) == name
    except NotFoundError:
        return False


def match_time(text: str) -> int:
    """A moment in Unix milliseconds: ISO 8601 (UTC where it names no zone), or `30m`, `12h`, `7d`, `2w` ago.

    Raises:
        SettingsError: it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise SettingsError(
            f"{text} is no time", next_command="write 2026-01-31, 2026-01-31T14:00 or 7d"
        ) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)


def mending(project: str) -> str:
    """The command that reads and makes everything of a project anew, also where it is damaged."""
    return f"rlm-context compile --project {shlex.quote(project)} --full"
