"""`rlm-context forget`: sessions out of the store, and out of all that was made of them."""

import os
import shlex
import sys
from collections.abc import Collection, Sequence
from typing import Any

import click

from compiler.citations import digits_of
from compiler.forgetting.extent import Forgettable, Found
from compiler.forgetting.home import purge_home
from compiler.forgetting.purge import Purged, purge
from compiler.local_copy import refresh
from compiler.plan import plan
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.kept import not_shared
from compiler.uploading.sharing import local_store_url
from data_models.errors import NotFoundError, PipelineError, RlmContextError
from rlm_context.failures import say
from rlm_context.names import match_project
from rlm_context.output import plural, print_json, table
from rlm_context.progress import steps_shown
from rlm_context.shown import harmless
from store.receipts import projects
from store.tombstones import forget_sessions

_LINES = 10


@click.command("forget")
@click.argument("sessions", metavar="[SESSION]...", nargs=-1)
@click.option("--author", metavar="A", help="All sessions that this author has uploaded so far.")
@click.option("--project", metavar="P", help="Look only in this project; a project, or the end of its name.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def forget_command(
    sessions: tuple[str, ...],
    author: str | None,
    project: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Forget sessions: remove them, and everything that holds their words.

    SESSION is a session id or the digits of a citation. What is forgotten is forgotten for everyone, in
    every project and under every author's name; it cannot be undone, and an upload of it is refused from
    then on. What remains is compiled anew first, which may ask models. Other machines let go of their
    copies with their next refresh; the agent's own transcripts stay where they are. Interrupted, the same
    command goes on.
    """
    if bool(sessions) == (author is not None):
        raise click.UsageError("give SESSIONs or --author A")
    runtime = open_runtime(make_store=False)
    known = Forgettable(runtime)
    ids = _chosen(runtime, known, sessions, author, project)
    found = known.described(ids)
    if not dry_run:
        _ask(found, yes, as_json)
        purged = _forget(runtime, ids)
    if as_json:
        print_json(_document(runtime, found, None if dry_run else purged))
    else:
        click.echo(_would_go(found) if dry_run else _gone(ids, purged))
    for session_id in sorted(ids):
        _say_local(runtime, session_id)
    return 0


def _chosen(
    runtime: Runtime, known: Forgettable, sessions: Sequence[str], author: str | None, project: str | None
) -> set[str]:
    """The ids that are meant.

    Raises:
        NotFoundError: there is none, or digits can mean several.
    """
    name = match_project(project, projects(runtime.store)) if project else None
    wanted = [digits_of(session) for session in sessions]
    try:
        return known.chosen(wanted, author=author, project=name)
    except NotFoundError:
        for digits in wanted:
            _say_local(runtime, digits)
        raise


def _ask(found: Sequence[Found], yes: bool, as_json: bool) -> None:
    """Have it confirmed.

    Raises:
        UsageError: there is nobody to ask.
        Abort: it was not meant.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone; give --yes to mean it (--dry-run shows what would go)")
    click.echo(_would_go(found), err=as_json)
    click.confirm("Forget them for good?", abort=True, err=True)


def _forget(runtime: Runtime, ids: Collection[str]) -> Purged:
    """Raise tombstones, compile without these sessions, and remove what held their words.

    Raises:
        RlmContextError: something failed; what is done is done, and the same again goes on.
    """
    forget_sessions(runtime.store, ids)
    waiting = [name for name in projects(runtime.store) if plan(runtime, name).drops]
    if waiting:
        _compile(runtime, waiting)
    for name in projects(runtime.store):
        refresh(runtime, name)
    purged = purge(runtime)
    purge_home(runtime, again=True)
    return purged


def _compile(runtime: Runtime, names: list[str]) -> None:
    """Compile projects without what was forgotten.

    Raises:
        PipelineError: one could not be.
    """
    # What Prefect logs is in its UI and comes back as an error; a person wants one line that changes.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    from flows import run  # imports Prefect when it runs, which nothing else here needs

    with steps_shown(len(names)) as begins:
        results = run.compile_projects(runtime.home, names, begins=begins)
    for name, result in zip(names, results, strict=True):
        if isinstance(result, RlmContextError):
            raise PipelineError(
                f"forgotten from now on, but {name} could not be compiled, so its words are still there: "
                f"{result.message}",
                next_command=result.next_command or "the same command again",
                partial=True,
            ) from result


def _document(runtime: Runtime, found: Sequence[Found], purged: Purged | None) -> dict[str, Any]:
    return {"store": runtime.store.url, "sessions": found, "removed": purged}


def _would_go(found: Sequence[Found]) -> str:
    if not found:
        return "Nothing of it is in the store any more."
    rows = [
        (
            one.session_id,
            one.author,
            one.project,
            f"{one.bytes:,}",
            str(len(one.lines)),
            one.title or "(untitled)",
        )
        for one in found
    ]
    listed = table(rows, ("session", "author", "project", "bytes", "lines", "title"))
    lines = list(dict.fromkeys(line for one in found for line in one.lines))
    told = [harmless(f"- {line}") for line in lines[:_LINES]]
    more = [f"- and {len(lines) - _LINES:,} more"] if len(lines) > _LINES else []
    rest = ["", "Lines of the brief that cite them:", *told, *more] if lines else []
    return "\n".join([listed, *rest])


def _gone(ids: Collection[str], purged: Purged) -> str:
    answers = (
        f" {plural(purged.answers, 'answer')} of models went with them: what needs one again pays it again."
        if purged.answers
        else ""
    )
    return (
        f"Forgot {plural(len(ids), 'session')}: {plural(purged.objects, 'object')} removed, "
        f"{purged.bytes / 1e6:,.1f} MB.{answers} Other machines let go with their next refresh."
    )


def _say_local(runtime: Runtime, digits: str) -> None:
    """Name the command for a session that is in the default local store as well."""
    if (kept := not_shared(runtime, digits)) is not None:
        url = shlex.quote(local_store_url(runtime.home))
        say(
            f"rlm-context: {kept.session_id} is in the store on this machine. "
            f"Next: RLM_CONTEXT_STORE={url} rlm-context forget {kept.session_id}"
        )
