"""Changing files that belong to the user: shown as a diff, backed up, in one step, and taken back to the byte."""

import difflib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_models.errors import SettingsError
from store.files import FileWriter

_INDENT = re.compile(r'^[{\[]\s*?\n([ \t]+)"')


@dataclass(frozen=True)
class Change:
    """What is to be done to one file: its text before and after; None where there is no file.

    `has_folder` says that the file's folder is there for it alone, and goes with it.
    """

    path: Path
    before: str | None
    after: str | None
    has_folder: bool = False

    @property
    def diff(self) -> str:
        """The change as a unified diff; "" where nothing changes."""
        before, after = _lines(self.before), _lines(self.after)
        diff = difflib.unified_diff(before, after, str(self.path), str(self.path), n=2)
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in diff)

    @property
    def is_needed(self) -> bool:
        """Whether anything changes."""
        return self.before != self.after


def edited(path: Path, edit: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Change:
    """The change that `edit` makes to a file with a JSON object, indented as it is.

    Raises:
        SettingsError: the file cannot be read, or holds no object; it is left as it is.
    """
    before = read_text(path)
    settings = parsed(path, before)
    wanted = edit(settings)
    return Change(path, before, before if wanted == settings else _written(wanted, before))


def undone(path: Path, edit: Callable[[Mapping[str, Any]], dict[str, Any]], home: Path) -> Change:
    """The same for an edit that takes out what an earlier one put in: the file is as it was then.

    Where a copy in the home has the same content as what is left, it stood there before, and its very bytes come
    back; a file that only we had filled goes, unless it is a link, which leads to a file that somebody keeps.

    Raises:
        SettingsError: the file cannot be read, or holds no object; it is left as it is.
    """
    change = edited(path, edit)
    if not change.is_needed or change.after is None:
        return change
    left = json.loads(change.after)
    for text in _backups(path, home):
        if _same(text, left):
            return Change(path, change.before, text)
    return change if left or path.is_symlink() else Change(path, change.before, None)


def apply(change: Change, home: Path) -> Path | None:
    """Write a change; the copy of what stood there before, None where nothing did.

    The copy lies in the home, because settings may hold secrets and their folder may be under version control.
    """
    backup = None
    if change.before is not None:
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}-{change.path.name}"
        backup = home / "backups" / name
        FileWriter(home).write_many([(backup, change.before.encode())])
    if change.after is None:
        change.path.unlink(missing_ok=True)
        if change.has_folder and not any(change.path.parent.iterdir()):
            change.path.parent.rmdir()
    else:
        _replace(change.path, change.after)
    return backup


def read_text(path: Path) -> str | None:
    """A file's text; None where there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8")  # line ends as they are
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} cannot be read, so nothing was changed", next_command=f"ls -l {path}"
        ) from error


def parsed(path: Path, text: str | None) -> dict[str, Any]:
    """The object that a file holds; {} for an empty one or none.

    Raises:
        SettingsError: it holds something else.
    """
    try:
        found = json.loads(text) if text and text.strip() else {}
    except ValueError as error:
        raise SettingsError(
            f"{path} is not JSON, so nothing was changed", next_command=f"mend {path}"
        ) from error
    if not isinstance(found, dict):
        raise SettingsError(f"{path} holds no settings, so nothing was changed", next_command=f"mend {path}")
    return found


def _lines(text: str | None) -> list[str]:
    return (text or "").splitlines(keepends=True)


def _written(settings: Mapping[str, Any], before: str | None) -> str:
    found = _INDENT.match(before or "")
    text = json.dumps(settings, indent=found[1] if found else 2, ensure_ascii=False)
    return text if before and not before.endswith("\n") else f"{text}\n"


def _backups(path: Path, home: Path) -> Iterable[str]:
    """What files of this name held before they were changed, newest first."""
    folder = home / "backups"
    copies = sorted(folder.glob(f"*-{path.name}"), reverse=True) if folder.is_dir() else []
    return (text for copy in copies if (text := read_text(copy)) is not None)


def _same(text: str, wanted: Any) -> bool:
    """Whether a file's text holds this, empty lists and objects left aside: which of them we emptied is not known."""
    try:
        found = json.loads(text) if text.strip() else {}
    except ValueError:
        return False  # of another file, which is no JSON
    return bool(_filled(found) == _filled(wanted))


def _filled(value: Any) -> Any:
    """A value without what is empty in its objects."""
    if not isinstance(value, dict):
        return value
    parts = {key: _filled(part) for key, part in value.items()}
    return {key: part for key, part in parts.items() if part not in ({}, [])}


def _replace(path: Path, text: str) -> None:
    """Write a file in one step; a link stays a link, and the file keeps its mode."""
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
