"""`rlm-context install` and `uninstall`: our hooks in an agent's settings."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from compiler.sharing import local_store_url, shared_projects
from data_models.env import store_url
from data_models.project import project_of
from data_models.settings import load_settings
from rlm_context.agent_settings import with_hooks, without_hooks
from rlm_context.installing import HOSTS, SCOPES, apply, commands, host, other_scopes, planned, settings_file
from rlm_context.output import print_json
from store.registry import canonical_url

_SCOPE = "user: for you, everywhere. project: for everyone in this repository. local: for you, here."


@click.command("install")
@click.argument("agent", type=click.Choice(list(HOSTS)))
@click.option("--scope", type=click.Choice(SCOPES), default="user", show_default=True, help=_SCOPE)
@click.option("--dry-run", is_flag=True, help="Show the change; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def install_command(agent: str, scope: str, dry_run: bool, as_json: bool) -> None:
    """Let an agent start with the brief and hand over its sessions when they end.

    Puts two hooks into the agent's settings, keeps everything else there, shows what changes, and keeps
    a copy of the file. Again changes nothing. With --scope project or local, this repository's sessions
    are shared if the store is one that others read.
    """
    remarks = [host(agent).remark] if host(agent).remark else []
    remarks += [
        f"The scope {other} has these hooks too; both would run." for other in other_scopes(agent, scope)
    ]
    done = _changed(agent, scope, dry_run, partial(with_hooks, commands=commands(scope)))
    shared = _share(dry_run) if scope != "user" else ""
    if shared:
        remarks.append(f"Sessions of {shared} {'would be' if dry_run else 'are'} shared: rlm-context share.")
    remarks.append("Next: rlm-context sync, for the sessions that there are already.")
    _print(done | {"shared": shared, "remarks": remarks}, as_json)


@click.command("uninstall")
@click.argument("agent", type=click.Choice(list(HOSTS)))
@click.option("--scope", type=click.Choice(SCOPES), default="user", show_default=True, help=_SCOPE)
@click.option("--dry-run", is_flag=True, help="Show the change; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def uninstall_command(agent: str, scope: str, dry_run: bool, as_json: bool) -> None:
    """Take the hooks out of an agent's settings.

    Everything else there stays, and so does what was uploaded and compiled.
    """
    _print(_changed(agent, scope, dry_run, without_hooks) | {"shared": "", "remarks": []}, as_json)


def _changed(agent: str, scope: str, dry_run: bool, edit: Any) -> dict[str, Any]:
    change = planned(settings_file(agent, scope), edit)
    backup = apply(change, load_settings().home) if change.diff and not dry_run else None
    return {
        "file": str(change.path),
        "changed": bool(change.diff) and not dry_run,
        "diff": change.diff,
        "backup": str(backup) if backup else "",
    }


def _share(dry_run: bool) -> str:
    """Put this repository on the list of what is shared; its remote, "" where there is nothing to do."""
    home = load_settings().home
    _, remote = project_of(str(Path.cwd()))
    shared = shared_projects(home)
    if not remote or canonical_url(store_url()) == local_store_url(home) or remote in shared.read():
        return ""
    if not dry_run:
        shared.add(remote)
    return remote


def _print(done: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    lines = [done["diff"].rstrip()] if done["diff"] else [f"{done['file']} is as it should be."]
    if done["changed"]:
        lines.append(f"Changed {done['file']}" + (f"; before: {done['backup']}" if done["backup"] else ""))
    elif done["diff"]:
        lines.append("Nothing was written.")
    click.echo("\n".join([*lines, *done["remarks"]]))
