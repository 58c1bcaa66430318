"""Where agents work and what is known there: checkouts, homes, compiled projects."""

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler.local_copy import refresh
from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from data_models.env import raw_folder
from flows.local_server import local_server
from flows.server_process import try_lock
from rlm_context.hooks.files import make_private, names_in
from store.generations import Catalog, newest, read_catalog
from store.receipts import receipt_keys
from store.registry import open_store
from tests.e2e.claude import PROJECT

_PATIENCE = 200.0


def checkout_in(home: Path) -> Path:
    """A checkout of the invented team's project."""
    checkout = home / "tidewatch"
    (checkout / ".git").mkdir(parents=True)
    (checkout / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{PROJECT}.git\n')
    return checkout


def compile_here(source: Path) -> None:
    """Upload sessions to this test's own store as the project's, compile it without Prefect, and fetch the copy."""
    runtime = open_runtime()
    upload(runtime, [source], project=PROJECT)
    asyncio.run(compile_project(runtime, PROJECT, DirectSteps(runtime)))
    refresh(runtime, PROJECT)


@contextmanager
def with_workers(ours: Path) -> Iterator[None]:
    """Workers of a home find a Prefect server there, and have ended when the block ends."""
    with local_server(ours, linger=1):
        yield
        until_done(ours)


@contextmanager
def without_workers(ours: Path) -> Iterator[None]:
    """Workers of a home find another one at work and end at once; after the block they find no home."""
    lock = _lock(ours)
    assert lock is not None
    yield
    _leave(ours, lock)


def without_home(ours: Path) -> None:
    """Wait until no worker works on a home; those that are late find none."""
    deadline = time.monotonic() + _PATIENCE
    while (lock := _lock(ours)) is None:
        assert time.monotonic() < deadline, log_of(ours)
        time.sleep(0.1)
    _leave(ours, lock)


def until_done(ours: Path) -> None:
    """Wait until no worker works on a home of rlm-context and none of its ended sessions waits."""
    deadline = time.monotonic() + _PATIENCE
    while names_in(raw_folder(str(ours))) or not _is_idle(ours):
        assert time.monotonic() < deadline, log_of(ours)
        time.sleep(0.1)


def log_of(ours: Path) -> str:
    """What its workers said."""
    log = ours / "logs" / "worker.log"
    return log.read_text() if log.exists() else "no worker has worked"


def uploads(store: Path) -> list[str]:
    """The sessions of the project's receipts in a store, one for each receipt, sorted."""
    return sorted(key.split("/")[3] for key in receipt_keys(open_store(str(store)), PROJECT))


def held(store: Path) -> Catalog:
    """What the project's newest generation in a store holds; nothing where there is none."""
    opened = open_store(str(store))
    generation = newest(opened, PROJECT)
    return read_catalog(opened, [generation.manifest] if generation else [])


def _is_idle(ours: Path) -> bool:
    lock = _lock(ours)
    if lock is not None:
        os.close(lock)
    return lock is not None


def _lock(ours: Path) -> int | None:
    """The lock that a home's worker holds; None where one works."""
    make_private(str(ours / "hooks"))
    return try_lock(ours / "hooks" / "worker.lock", fcntl.LOCK_EX)


def _leave(ours: Path, lock: int) -> None:
    ours.rename(ours.with_name("was"))
    ours.touch()
    os.close(lock)
