"""What the user configured for Prefect, read without importing it: that takes a second, and settles which it uses."""

import os
import tomllib
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit


def configured_api() -> str:
    """The API that the user configured for Prefect: the environment, else the active profile; "" if none."""
    return prefect_setting("PREFECT_API_URL")


def without_password(url: str) -> str:
    """A server's URL as it may be shown: it can hold credentials."""
    try:
        address = urlsplit(url)
    except ValueError:
        return "what is configured as PREFECT_API_URL"
    return urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))


def prefect_setting(name: str) -> str:
    """What the user set for Prefect, read without importing it: the environment, else the active profile; else ""."""
    value = os.environ.get(name, "")
    if value:
        return value
    folder = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    path = Path(os.environ.get("PREFECT_PROFILES_PATH") or folder / "profiles.toml").expanduser()
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""  # Prefect itself goes on without profiles then, and says so
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
    profile = profiles.get("profiles", {}).get(active, {})
    return str(profile.get(name, ""))
