"""Our plugin as Claude Code has it: its own list of what is installed, which is only read here."""

import json
from pathlib import Path
from typing import Any, NamedTuple

_PLUGIN = "rlm-context@"


class Plugin(NamedTuple):
    """An installed and enabled plugin: its version, and where its files are."""

    version: str
    folder: Path


def installed_plugin(config: Path) -> Plugin | None:
    """The plugin in a configuration folder of Claude Code; None where it is not installed, or switched off.

    What cannot be read is taken for nothing: it is Claude Code's file, and it says so itself.
    """
    plugins = _object(_read(config / "plugins" / "installed_plugins.json").get("plugins"))
    enabled = _object(_read(config / "settings.json").get("enabledPlugins"))
    for name, places in plugins.items():
        if name.startswith(_PLUGIN) and enabled.get(name, True) and isinstance(places, list) and places:
            newest = _object(places[-1])
            return Plugin(str(newest.get("version", "")), Path(str(newest.get("installPath", ""))))
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return _object(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
