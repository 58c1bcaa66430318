"""Somebody who looks into a search index at the moment in which it is removed."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest


def leave_a_lock(monkeypatch: pytest.MonkeyPatch, folders: Callable[[], Iterable[Path]]) -> list[Path]:
    """Put a lock's file, as tantivy does, into the first of these folders that is empty and about to go.

    Args:
        monkeypatch: ends it with the test.
        folders: gives the folders that count, whenever it is asked; they need not be there.

    Returns:
        The file, once it was there; empty until then.
    """
    remove, left = os.rmdir, []

    def rmdir(path: str | Path, *, dir_fd: int | None = None) -> None:
        for folder in folders():
            if not left and folder.is_dir() and not any(folder.iterdir()):
                left.append(folder / ".tantivy-meta.lock")
                left[0].touch()
        remove(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", rmdir)
    return left
