"""SessionEnd: the transcript goes into the spool as it is, and a worker is left behind to do the rest.

A job is a folder `<home>/spool/raw/<time>-<nonce>/`: the session's files under the folders that their agent keeps
them in, and `job.json`, which says where they came from. It appears in one step. Files are linked and not copied:
that takes no time at any size, writes no secret to another place, and still survives the agent's own clean-up. Only
where the home is on another file system they are copied, for the seconds until the worker has redacted them.
"""

import os
import sys
import time

from data_models.env import home_folder, raw_folder
from rlm_context.hooks.detach import start_worker
from rlm_context.hooks.files import make_private
from rlm_context.hooks.quick_json import quoted
from rlm_context.hooks.running import unmark
from rlm_context.hooks.text import session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

JOB = "job.json"
_ROOTS = ("projects", "sessions")
"""The folders that agents keep transcripts in: what lies below decides how a transcript is read."""
_COPIED_AT_ONCE = 1 << 24


def session_end(event: "dict[str, Any]") -> str:
    """Keep the session that ended; nothing is printed.

    Raises:
        OSError: it cannot be kept. The agent's own file is still there, and the next sweep takes it up.
    """
    home = home_folder()
    try:
        if os.path.isfile(text_of(event, "transcript_path")):
            keep(home, event)
        if session_of(event):
            unmark(home, session_of(event))
    finally:
        start_worker(home)
    return ""


def keep(home: str, event: "dict[str, Any]") -> str:
    """Put a session's files into the spool, durably; the job's folder."""
    transcript = os.path.abspath(text_of(event, "transcript_path"))
    raw = make_private(raw_folder(home))
    name = f"{time.time_ns():020d}-{os.urandom(4).hex()}"
    temporary = os.path.join(raw, f".{name}")
    os.mkdir(temporary, 0o700)
    below = _below_root(transcript)
    folders = {raw, temporary}
    for path in (transcript, *_beside(transcript)):
        relative = os.path.relpath(path, os.path.dirname(transcript))
        target = os.path.join(temporary, os.path.dirname(below), relative)
        folder = make_private(os.path.dirname(target))
        while folder not in folders:
            folders.add(folder)
            folder = os.path.dirname(folder)
        _take(path, target)
    _write(
        os.path.join(temporary, JOB),
        f'{{"session_id":{quoted(session_of(event))},"transcript":{quoted(transcript)}}}'.encode(
            "utf-8", "replace"
        ),
    )
    for folder in sorted(folders - {raw}):
        _sync_folder(folder)
    os.rename(temporary, os.path.join(raw, name))
    _sync_folder(raw)
    return os.path.join(raw, name)


def _below_root(transcript: str) -> str:
    """The transcript's path from its agent's folder on, which is kept in the spool."""
    parts = transcript.split("/")
    roots = [index for index, part in enumerate(parts[:-1]) if part in _ROOTS]
    return "/".join(parts[roots[-1] :]) if roots else f"projects/-/{parts[-1]}"


def _beside(transcript: str) -> "Iterator[str]":
    """The subagents' files and tool results of a session, in the folder that is named like it."""
    for name in ("subagents", "tool-results"):
        for folder, _, files in os.walk(os.path.join(transcript.removesuffix(".jsonl"), name)):
            for file in sorted(files):
                path = os.path.join(folder, file)
                if os.path.isfile(path) and not os.path.islink(path):
                    yield path


def _take(path: str, target: str) -> None:
    """Link a file, or copy it where it cannot be linked; durable either way."""
    try:
        os.link(path, target)
    except FileNotFoundError:
        return  # removed this moment
    except OSError:
        _copy(path, target)
        return
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(path: str, target: str) -> None:
    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            _pour(source, descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    finally:
        os.close(source)


def _pour(source: int, target: int) -> None:
    if sys.platform == "linux":  # the kernel copies twice as fast; elsewhere this is for sockets only
        while os.sendfile(target, source, None, _COPIED_AT_ONCE):
            pass
    else:
        while data := os.read(source, _COPIED_AT_ONCE):
            _write_all(target, data)


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
