"""What a worker does: sessions that ended or were missed are uploaded, then compiled where something is new."""

import dataclasses
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from compiler.local_copy import refresh
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.latest import own_sessions
from compiler.uploading.sharing import local_store_url
from compiler.uploading.upload import upload_sessions
from data_models.env import raw_folder
from data_models.errors import SourceError
from rlm_context.hooks.events.session_end import JOB
from rlm_context.hooks.files import names_in, running_folder
from rlm_context.hooks.notes.worker import tell_notes
from rlm_context.hooks.running import is_running
from rlm_context.hooks.trigger.decide import compile_projects_of, forget_settled, have_compiled, still_waiting
from rlm_context.hooks.trigger.record import Trigger, trigger_line
from store.counted import CountedStore
from store.receipts import projects
from store.registry import open_store
from transcripts.agent import SessionFiles
from transcripts.sources import find_sessions

_QUIET_SECONDS = 600.0
"""A session without a mark that was written this recently may still run, in an agent that has no hooks of ours."""


@dataclass
class Work:
    """What was done; `is_unfinished` where the next start shall leave a worker soon."""

    uploaded: int = 0
    unchanged: int = 0
    kept: int = 0
    compiled: str = "nothing"
    is_unfinished: bool = False


class _Job(msgspec.Struct):
    session_id: str
    transcript: str


def take_up(home: Path) -> Work:
    """Upload what ended and what was missed, have it compiled, and bring the local copies up to date.

    Raises:
        RlmContextError: the store, a setting or a file failed; what was not done waits for the next worker.
    """
    runtime = open_runtime()
    forget_settled(runtime)
    raw = Path(raw_folder(str(home)))
    jobs = [path for name in names_in(str(raw)) if (path := raw / name).is_dir()]
    found = {files.main: files for job in jobs for files in _sessions_of(job)}
    found |= {files.main: files for files in _missed(home)}
    result = upload_sessions(runtime, list(found.values()))
    for job in jobs:
        shutil.rmtree(job)
    tell_notes(runtime)
    compiled, left = _compile(runtime)
    told = ", ".join([*compiled, *map(trigger_line, left)]) or "nothing"
    is_unfinished = any(trigger.state in ("away", "running") for trigger in left)
    return Work(len(result.new), result.unchanged, len(result.kept), told, is_unfinished)


def _sessions_of(job: Path) -> list[SessionFiles]:
    """The session of a job: the agent's own files, and the spool's where those are gone."""
    try:
        told = msgspec.json.decode((job / JOB).read_bytes(), type=_Job)
    except (OSError, msgspec.MsgspecError):
        told = _Job("", "")
    own = _in_place(Path(told.transcript)) if told.transcript else []
    return own or _found(job)


def _in_place(transcript: Path) -> list[SessionFiles]:
    if not transcript.is_file():
        return []
    # Its folder and not the file alone: subagents' files may lie beside it.
    around = [files for files in _found(transcript.parent) if files.main == transcript]
    return around or _found(transcript)


def _found(place: Path) -> list[SessionFiles]:
    try:
        return list(find_sessions(place).sessions)
    except SourceError:
        return []  # empty, or no transcript: a session in which nothing was said


def _missed(home: Path) -> Iterator[SessionFiles]:
    """Sessions of this machine that do not run; what was uploaded of them is passed over later."""
    marked = set(names_in(running_folder(str(home))))
    for files in own_sessions():
        if files.session_id in marked:
            if not is_running(str(home), files.session_id):
                yield files
        elif time.time() - _written(files) > _QUIET_SECONDS:
            yield files


def _written(files: SessionFiles) -> float:
    try:
        return files.main.stat().st_mtime
    except OSError:
        return time.time()  # removed this moment


def _compile(runtime: Runtime) -> tuple[list[str], list[Trigger]]:
    """Have compiled what waits of this machine's uploads; the projects that are, and what became of the others.

    Raises:
        StoreError: a store failed; what waits in the spool is compiled by the next worker.
    """
    compiled: list[str] = []
    asked: list[Trigger] = []
    for url in sorted({runtime.store.url, local_store_url(runtime.home)}):
        before = {job.receipt.project for job in runtime.spool.pending() if job.store_url == url}
        if not before:
            continue
        own = _of_store(runtime, url)
        triggers = have_compiled(
            own,
            still_waiting(own),
            is_configured=url == runtime.store.url,
            compile_here=compile_projects_of,
            is_wanted=lambda: bool(names_in(raw_folder(str(runtime.home)))),
        )
        left = still_waiting(own)
        compiled += sorted(before.difference(left))
        asked += [trigger for trigger in triggers if trigger.project in left]
        # Sessions start with what the configured store says of a project; else with what is known here.
        elsewhere = set() if url == runtime.store.url else set(projects(runtime.store))
        for name in sorted(before - elsewhere):
            refresh(own, name)
    return compiled, asked


def _of_store(runtime: Runtime, url: str) -> Runtime:
    if url == runtime.store.url:
        return runtime
    return dataclasses.replace(runtime, store=CountedStore(open_store(url)), _catalogs={})
