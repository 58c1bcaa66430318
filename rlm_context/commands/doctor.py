"""`rlm-context doctor`: is this machine set up, can the store be read, do we know what the agents write."""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from compiler.author import author_of
from compiler.health import uploads_kept
from compiler.local_copy import Copy, projects_folder
from compiler.runtime import Runtime, open_runtime
from compiler.sharing import Sharing, how_to_share, shared_projects
from compiler.verify import find_damage
from data_models.errors import DamagedError, RlmContextError
from data_models.events import Reject
from rlm_context.checks import Check
from rlm_context.fast_search import local_indexes
from rlm_context.model_checks import model_checks
from rlm_context.names import mending
from rlm_context.output import plural, print_json, table
from rlm_context.summary import reject_lines
from search.query import Filters, search
from store.generations import Generation, history, newest
from store.receipts import projects
from transcripts.drift import DriftRow, drift_report
from transcripts.redaction.engine import Redactor
from transcripts.sources import default_sources, find_sessions

_MOST_DAMAGED = 5
_LEAST_FREE = 500_000_000
"""Bytes on the home's disk below which a compile may fail."""
_SOURCE = ", with --source where it was uploaded with one"
"""Only the agent's own files can bring back a transcript."""


@click.command("doctor")
@click.option("--source", "source", type=click.Path(path_type=Path), metavar="DIR",
              help="Look at these sessions too: what would be left out, and what their agents write "
              "that this version does not know.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def doctor_command(source: Path | None, as_json: bool) -> int:
    """Look for trouble and say what mends it.

    Reads back all that the newest generations rest on. Exits with 1 where something is wrong.
    """
    checks = list(_checks())
    drift = drift_report(source) if source else []
    skipped = list(find_sessions(source).skipped) if source else []
    if as_json:
        print_json({"checks": checks, "drift": drift, "skipped": skipped})
    else:
        click.echo("\n".join(_line(check) for check in checks))
        if source:
            click.echo(_told(drift, skipped))
    return 1 if any(check.ok is False for check in checks) else 0


def _checks() -> Iterator[Check]:
    yield Check("python", sys.version_info >= (3, 11), sys.version.split()[0])
    try:
        runtime = open_runtime(make_store=False)
    except RlmContextError as error:
        yield Check("settings and store", False, error.message, error.next_command or "")
        return
    yield Check("settings and store", True, f"{runtime.store.url}, backend {runtime.backend.name}")
    yield Check("author", True, author_of(runtime.settings))
    for name, look in (
        ("redaction", _redaction),
        ("models", model_checks),
        ("home", _home),
        ("agents", _agents),
        ("sharing", _sharing),
        ("spool", _spool),
        ("generations", _generations),
        ("local copies", _copies),
    ):
        yield from _looked(name, look, runtime)


def _looked(name: str, look: Callable[[Runtime], Iterator[Check]], runtime: Runtime) -> Iterator[Check]:
    try:
        yield from look(runtime)
    except RlmContextError as error:
        yield Check(name, False, error.message, error.next_command or "")


def _redaction(runtime: Runtime) -> Iterator[Check]:
    rules = runtime.settings.redaction.rules
    Redactor(b"", rules=rules)  # compiles them; the runtime's own would make a key
    yield Check("redaction", True, f"built-in rules and {plural(len(rules), 'rule')} of your own")


def _home(runtime: Runtime) -> Iterator[Check]:
    home = runtime.home
    free = shutil.disk_usage(home if home.is_dir() else Path.home()).free
    private = not home.is_dir() or (home.stat().st_mode & 0o077) == 0
    mend = "" if private else f"chmod 700 {home}"
    yield Check("home", private, f"{home}, {'only yours' if private else 'others can look in'}", mend)
    roomy = free > _LEAST_FREE
    yield Check("disk", roomy, f"{free / 1e9:.1f} GB free", "" if roomy else f"free space (df -h {home})")


def _agents(runtime: Runtime) -> Iterator[Check]:
    found = default_sources()
    if not found:
        yield Check(
            "agents", None, "no sessions of Claude Code or Codex here", "rlm-context compile --source DIR"
        )
    for folder in found:
        readable = os.access(folder, os.R_OK | os.X_OK)
        yield Check("agents", readable, f"{folder}{'' if readable else ' cannot be read'}")


def _sharing(runtime: Runtime) -> Iterator[Check]:
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


def _spool(runtime: Runtime) -> Iterator[Check]:
    waiting, dead = uploads_kept(runtime), runtime.spool.dead()
    mend = "rlm-context compile" if waiting else ""
    yield Check("spool", None if waiting else True, f"{plural(waiting, 'upload')} waiting", mend)
    for url in sorted({job.store_url for job in runtime.spool.pending()} - {runtime.store.url}):
        mend = f"RLM_CONTEXT_STORE={shlex.quote(url)} rlm-context compile"
        yield Check("spool", None, f"uploads to {url} waiting", mend)
    if dead:
        unread = f"{plural(dead, 'upload')} could not be read back"
        yield Check("spool", False, unread, f"ls {runtime.home}/spool/dead")


def _generations(runtime: Runtime) -> Iterator[Check]:
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


def _copies(runtime: Runtime) -> Iterator[Check]:
    """The copies that `show` and `search` read; they can be removed at any time."""
    mend = f"rm -r {shlex.quote(str(projects_folder(runtime.home)))}"
    for index in local_indexes(projects_folder(runtime.home)):
        copy = Copy(index.project, index.folder.name, str(index.folder))
        try:
            copy.sessions(), copy.root(), copy.manifest(), copy.read("brief.md"), copy.read("full.md")
            search([copy.index], index.project, Filters(), 1)
        except DamagedError as error:
            yield Check("local copies", False, error.message, mend)


def _line(check: Check) -> str:
    mark = {True: "ok  ", None: "note", False: "BAD "}[check.ok]
    return f"{mark}  {check.name}: {check.detail}" + (
        f"  → {check.next_command}" if check.next_command else ""
    )


def _told(drift: list[DriftRow], skipped: list[Reject]) -> str:
    lines = [""]
    if drift:
        rows = [(row.agent, row.host_version, row.what, str(row.count), row.example) for row in drift]
        lines += ["Not known to this version (kept or counted, never lost):"]
        lines += [table(rows, ("agent", "version", "what", "count", "first seen"))]
    else:
        lines += ["Every record, block and field in it is known to this version."]
    if skipped:
        lines += ["", "Left out:", *reject_lines(skipped)]
    return "\n".join(lines)
