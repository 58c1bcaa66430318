"""What the settings say: the store and what it holds, sharing, the spool, the copies on this machine."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from compiler.health import uploads_kept
from compiler.local_copy import Copy, projects_folder
from compiler.maintenance.newest import find_damage
from compiler.runtime import Runtime
from compiler.uploading.author import author_of
from compiler.uploading.sharing import Sharing, how_to_share, shared_projects
from data_models.errors import DamagedError
from rlm_context.checks import Check
from rlm_context.doctor.machine import first_there, usable
from rlm_context.fast_search import local_indexes
from rlm_context.names import mending
from rlm_context.output import plural
from search.filters import Filters
from search.query import search
from store.generations import Generation, history, newest
from store.receipts import projects
from transcripts.redaction.engine import Redactor
from transcripts.sources import default_sources

_MOST_DAMAGED = 5
_SOURCE = ", with --source where it was uploaded with one"
"""Only the agent's own files can bring back a transcript."""


def place_check(runtime: Runtime) -> Iterator[Check]:
    """Where the store is; one in a folder can be written, or made."""
    url = runtime.store.url
    place = first_there(Path(url)) if url.startswith("/") else None
    if place is None or (place.is_dir() and usable(place)):
        yield Check("settings and store", True, f"{url}, backend {runtime.backend.name}")
        return
    reason = "cannot be written" if place.is_dir() else "is no folder"
    yield Check("settings and store", False, f"{url}: {place} {reason}", f"ls -ld {shlex.quote(str(place))}")


def author_check(runtime: Runtime) -> Iterator[Check]:
    """Whose name stands on what is uploaded here."""
    yield Check("author", True, author_of(runtime.settings))


def redaction_check(runtime: Runtime) -> Iterator[Check]:
    """The rules that replace secrets."""
    rules = runtime.settings.redaction.rules
    Redactor(b"", rules=rules)  # compiles them; the runtime's own would make a key
    yield Check("redaction", True, f"built-in rules and {plural(len(rules), 'rule')} of your own")


def source_checks(runtime: Runtime) -> Iterator[Check]:
    """Where agents keep their sessions."""
    found = default_sources()
    if not found:
        yield Check(
            "agents",
            None,
            "no sessions of Claude Code, Codex or Gemini CLI here",
            "rlm-context compile --source DIR",
        )
    for folder in found:
        readable = os.access(folder, os.R_OK | os.X_OK)
        yield Check("agents", readable, f"{folder}{'' if readable else ' cannot be read'}")


def sharing_check(runtime: Runtime) -> Iterator[Check]:
    """What leaves this machine, and whether this folder's sessions do."""
    here = str(Path.cwd())
    sharing = Sharing(runtime.home, runtime.store.url)
    if sharing.is_local:
        yield Check("sharing", True, "the store is on this machine; nothing leaves it")
        return
    listed = plural(len(shared_projects(runtime.home).read()), "git remote")
    reason = sharing.stays("", here)
    says = f"sessions of this folder stay here: {reason}" if reason else "sessions of this folder are shared"
    yield Check(
        "sharing", None if reason else True, f"{listed} shared; {says}", how_to_share(here) if reason else ""
    )


def spool_checks(runtime: Runtime) -> Iterator[Check]:
    """Uploads that no generation holds yet."""
    waiting, dead = uploads_kept(runtime), runtime.spool.dead()
    mend = "rlm-context compile" if waiting else ""
    yield Check("spool", None if waiting else True, f"{plural(waiting, 'upload')} waiting", mend)
    for url in sorted({job.store_url for job in runtime.spool.pending()} - {runtime.store.url}):
        mend = f"RLM_CONTEXT_STORE={shlex.quote(url)} rlm-context compile"
        yield Check("spool", None, f"uploads to {url} waiting", mend)
    if dead:
        unread = f"{plural(dead, 'upload')} could not be read back"
        yield Check("spool", False, unread, f"ls {runtime.home}/spool/dead")


def generation_checks(runtime: Runtime) -> Iterator[Check]:
    """The newest generation of each project, read back whole."""
    for name in projects(runtime.store):
        generation = newest(runtime.store, name)
        if generation is None and history(runtime.store, name) != ([], []):
            yield Check("generations", False, f"{name}: all are damaged", mending(name))
        elif generation is None:
            yield Check("generations", None, f"{name}: not compiled yet", "rlm-context compile")
        else:
            yield from _generation(runtime, name, generation)


def _generation(runtime: Runtime, name: str, generation: Generation) -> Iterator[Check]:
    if generation.damaged:
        newer = f"{', '.join(generation.damaged)} damaged, an older one is shown"
        yield Check("generations", False, f"{name}: {newer}", mending(name))
    found = find_damage(runtime, generation)
    for damage in found[:_MOST_DAMAGED]:
        if damage.uploaded:
            what, mend = f"session {damage.uploaded}, {damage.key}", f"{mending(name)}{_SOURCE}"
        else:
            what, mend = damage.key, mending(name)
        yield Check("generations", False, f"{name}: damaged or missing: {what}", mend)
    if len(found) > _MOST_DAMAGED:
        more = len(found) - _MOST_DAMAGED
        yield Check(
            "generations", False, f"{name}: damaged or missing: {more} more", f"{mending(name)}{_SOURCE}"
        )
    if not found and not generation.damaged:
        yield Check("generations", True, f"{name}: generation {generation.manifest.number} is whole")


def copy_checks(runtime: Runtime) -> Iterator[Check]:
    """The copies that `show` and `search` read; they can be removed at any time."""
    mend = f"rm -r {shlex.quote(str(projects_folder(runtime.home)))}"
    for index in local_indexes(projects_folder(runtime.home)):
        copy = Copy(index.project, index.folder.name, str(index.folder))
        try:
            copy.sessions(), copy.root(), copy.manifest(), copy.read("brief.md"), copy.read("full.md")
            search([copy.index], index.project, Filters(), 1)
        except DamagedError as error:
            yield Check("local copies", False, error.message, mend)
