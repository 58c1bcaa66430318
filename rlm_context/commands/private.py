"""`rlm-context private`: a session that stays on this machine."""

import re
from pathlib import Path

import click

from compiler.citations import digits_of, resolve
from compiler.runtime import open_runtime
from compiler.uploading.audit import read_audit
from compiler.uploading.latest import latest_session, own_sessions
from compiler.uploading.sharing import local_store_url, private_sessions
from data_models.errors import NotFoundError
from rlm_context.output import print_json

_WHOLE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@click.command("private")
@click.argument("session", required=False)
@click.option("--undo", is_flag=True, help="It may be shared again.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def private_command(session: str | None, undo: bool, as_json: bool) -> None:
    """Keep one session on this machine.

    SESSION is an id or the digits of a citation; without one, the latest session of this folder's
    repository. It counts at once, also for a session that still runs or whose upload waits.
    """
    runtime = open_runtime(make_store=False)
    private = private_sessions(runtime.home)
    session_id = _session(session) if session else latest_session(Path.cwd()).session_id
    (private.remove if undo else private.add)(session_id)
    if not undo:
        runtime.spool.redirect(session_id, local_store_url(runtime.home))
    stores = sorted({left.store for left in read_audit(runtime.home) if left.session_id == session_id})
    if as_json:
        print_json({"session_id": session_id, "private": not undo, "already_in": stores})
        return
    click.echo(f"{session_id} {'may be shared again' if undo else 'stays on this machine from now on'}.")
    if stores and not undo:
        click.echo(f"Earlier states of it are already in {', '.join(stores)}; this does not take them back.")


def _session(wanted: str) -> str:
    digits = digits_of(wanted)
    found = resolve(digits, {files.session_id for files in own_sessions()})
    if not found and _WHOLE_ID.fullmatch(digits):
        return digits  # its agent has not written anything of it yet
    if len(found) != 1:
        raise NotFoundError(
            f"{len(found)} sessions here are called {digits}", next_command="give the whole id"
        )
    return found[0]
