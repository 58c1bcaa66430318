"""Which of our hooks Codex was told to trust: it runs no other, and says nothing about them outside its terminal.

Codex 0.169.0 notes trust in its config.toml: [hooks.state."FILE:EVENT:GROUP:MEMBER"] with a hash, EVENT in snake case,
GROUP and MEMBER counted from 0. What the hash is of, it does not say, so that a hook changed since it was trusted
is not seen here; when Codex is next started in a terminal, it asks.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_models.errors import SettingsError
from rlm_context.agent_settings import our_places


def untrusted(hooks: Path, settings: Mapping[str, Any], config: Path) -> int:
    """How many of our hooks Codex was never told to trust.

    Args:
        hooks: the hooks.json that holds them.
        settings: what is in it.
        config: Codex's config.toml.

    Raises:
        SettingsError: a file is not what it should be.
    """
    names = {str(hooks), str(hooks.resolve())}
    trusted = _trusted(config)
    places = [f"{_snake(event)}:{group}:{member}" for event, group, member in our_places(settings)]
    return sum(not any(f"{name}:{place}" in trusted for name in names) for place in places)


def _trusted(config: Path) -> set[str]:
    try:
        found = tomllib.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{config} cannot be read", next_command=f"mend {config}") from error
    hooks = found.get("hooks", {})
    state = hooks.get("state", {}) if isinstance(hooks, dict) else {}
    return set(state) if isinstance(state, dict) else set()


def _snake(event: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()
