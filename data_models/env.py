"""Settings as plain values: environment over the configuration file. Standard library only.

Hooks and the search fast path read settings here, because importing pydantic costs more than they may take;
`data_models.settings` validates the same values for everything else. The file is
`$RLM_CONTEXT_HOME/config.toml` (TOML); a table `[redaction]` with `emails = true` is the setting
`redaction.emails`, in the environment `RLM_CONTEXT_REDACTION__EMAILS`.
"""

import os

from data_models.errors import SettingsError

TYPE_CHECKING = False  # typing's own costs an import, and so does pathlib, which hooks can do without
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

PREFIX = "RLM_CONTEXT_"


INSIDE = PREFIX + "INSIDE"
"""Set where our own pipeline starts a program: an agent that it runs must not fire our hooks again."""


def home_folder() -> str:
    """The folder that holds everything a user has: `RLM_CONTEXT_HOME`, else `~/.rlm-context`."""
    configured = os.environ.get(PREFIX + "HOME")
    return os.path.abspath(os.path.expanduser(configured or "~/.rlm-context"))


def home() -> "Path":
    """`home_folder` as a path."""
    from pathlib import Path

    return Path(home_folder())


def expanded(folder: "Path") -> "Path":
    """A folder as `home_folder` would give it: absolute, with the user's home for `~`."""
    return type(folder)(os.path.abspath(os.path.expanduser(folder)))


def raw_folder(home: str) -> str:
    """Where hooks put sessions that ended, until a worker has redacted them."""
    return os.path.join(home, "spool", "raw")


def worker_log(home: str) -> str:
    """What the workers that hooks leave behind did, and what went wrong."""
    return os.path.join(home, "logs", "worker.log")


def config_file() -> "Path":
    """The configuration file; it need not exist."""
    return home() / "config.toml"


def read_config() -> "dict[str, Any]":
    """The configuration file's tables, or {} where there is none.

    Raises:
        SettingsError: the file is not TOML or cannot be read.
    """
    path = os.path.join(home_folder(), "config.toml")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        plain = _plain_values(text)
        if plain is not None:
            return plain
        import tomllib  # more than Python's own start, which a hook may not take

        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # ValueError: neither UTF-8 nor TOML
        raise SettingsError(
            f"{path} cannot be used: {error}", next_command=f"mend or remove {path}"
        ) from error


def _plain_values(text: str) -> "dict[str, Any] | None":
    """The values of TOML that is only lines of `key = "text"` and `key = true`; None for any other, good or bad."""
    found: dict[str, Any] = {}
    for line in (line.strip(" \t") for line in text.split("\n")):
        if (line.startswith("#") and line.isprintable()) or not line:
            continue
        key, _, value = (part.strip(" \t") for part in line.partition("="))
        is_key = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
        is_text = len(value) >= 2 and value[0] == value[-1] == '"' and {'"', "\\"}.isdisjoint(value[1:-1])
        if (
            not line.isprintable()
            or not is_key
            or key in found
            or not (is_text or value in ("true", "false"))
        ):
            return None
        found[key] = value[1:-1] if is_text else value == "true"
    return found


def setting(name: str, default: str = "") -> str:
    """One top-level setting as text: the environment, else the configuration file, else `default`."""
    value = os.environ.get(PREFIX + name.upper())
    if value is None:
        value = read_config().get(name.lower())
    return default if value is None else str(value)


def is_on(name: str, *, default: bool = True) -> bool:
    """A top-level setting that says yes or no; in words that pydantic takes for yes."""
    return setting(name, str(default)).lower() in ("1", "on", "t", "true", "y", "yes")


def store_url() -> str:
    """Where the store is: the setting `store`, else the folder `store` in the home."""
    return setting("store") or str(home() / "store")
