"""Who this machine's user is in the store."""

import getpass
import socket
import subprocess

from data_models.settings import Settings


def author_of(settings: Settings) -> str:
    """The configured name, else git's user.email, else user@host."""
    return settings.author or _git_email() or f"{getpass.getuser()}@{socket.gethostname()}"


def _git_email() -> str:
    command = ["git", "config", "--get", "user.email"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
