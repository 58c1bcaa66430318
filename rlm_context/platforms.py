"""Where this program runs. Standard library only."""

import sys

from data_models.errors import SettingsError


def require_posix() -> None:
    """Refuse to run where locks, forks and folders that can be synced are missing.

    Raises:
        SettingsError: this is Windows itself.
    """
    if sys.platform == "win32":
        raise SettingsError(
            "rlm-context runs on Linux and macOS, and on Windows inside WSL only",
            next_command="the same inside WSL",
        )
