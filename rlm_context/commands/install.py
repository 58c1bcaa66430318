"""`rlm-context install` and `uninstall`: our hooks, skill and tools in an agent's settings."""

from pathlib import Path

import click

from compiler.runtime import open_runtime
from compiler.uploading.sharing import local_store_url, shared_projects
from data_models.env import home, store_url
from data_models.errors import RlmContextError
from data_models.project import project_of
from data_models.settings import load_settings
from rlm_context import installed
from rlm_context.agent_hooks import moved_mark
from rlm_context.checks import Check
from rlm_context.commands.doctor import check_lines, is_well
from rlm_context.doctor.every import all_checks
from rlm_context.failures import explained, say
from rlm_context.first_sync import first_sync
from rlm_context.installed import Done, carry_out
from rlm_context.installing import HOSTS, SCOPES, plan_install, plan_uninstall
from rlm_context.output import plural, print_json
from rlm_context.uploaded import described, told
from store.registry import canonical_url

_SCOPE = "user: for you, everywhere. project: for everyone in this repository. local: for you, here."


@click.command("install")
@click.argument("agent", type=click.Choice(list(HOSTS)))
@click.option("--scope", type=click.Choice(SCOPES), default="user", show_default=True, help=_SCOPE)
@click.option("--no-sync", is_flag=True, help="Leave the sessions that there are already to the hooks.")
@click.option("--dry-run", is_flag=True, help="Show what would be done; do nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def install_command(agent: str, scope: str, no_sync: bool, dry_run: bool, as_json: bool) -> int:
    """Let an agent start with the brief, search, and hand over its sessions when they end.

    Puts hooks into the agent's settings, the skill /upload-context beside them and the tools into its
    list of MCP servers, keeps everything else there, shows what changes, and keeps copies. Again
    changes nothing. With --scope project or local, this repository's sessions are shared if the store
    is one that others read. Then uploads the sessions that there are (the newest gigabyte; Ctrl-C loses
    nothing), and looks for trouble; exits with 1 where there is some.
    """
    done = carry_out(plan_install(agent, scope, load_settings()), dry_run=dry_run)
    if scope != "user":
        done.shared = _share(dry_run)
    if done.shared:
        verb = "would be" if dry_run else "are"
        done.remarks.append(f"Sessions of {done.shared} {verb} shared: rlm-context share.")
    if not as_json:
        click.echo(installed.told(done, dry_run=dry_run))
    if not dry_run:
        _finish(done, with_sync=not no_sync, as_json=as_json)
    if as_json:
        print_json(done)
    return 0 if is_well(done.checks) else 1


@click.command("uninstall")
@click.argument("agent", type=click.Choice(list(HOSTS)))
@click.option("--scope", type=click.Choice(SCOPES), default="user", show_default=True, help=_SCOPE)
@click.option("--dry-run", is_flag=True, help="Show what would be done; do nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def uninstall_command(agent: str, scope: str, dry_run: bool, as_json: bool) -> None:
    """Take out of an agent's settings what `install` put there.

    Everything else there stays, and so does what was uploaded and compiled.
    """
    done = carry_out(plan_uninstall(agent, scope), dry_run=dry_run)
    print_json(done) if as_json else click.echo(installed.told(done, dry_run=dry_run))


def _finish(done: Done, *, with_sync: bool, as_json: bool) -> None:
    """Bring in the sessions that there are, and look whether all is well."""
    mark = Path(moved_mark(str(home())))
    if mark.is_dir():
        mark.rmdir()
    if with_sync:
        _sync(done, as_json)
    done.checks = list(all_checks(thorough=False))
    if not as_json:
        click.echo(_looked(done.checks))


def _sync(done: Done, as_json: bool) -> None:
    """Upload; a store that cannot be reached leaves the hooks installed, and is what the checks then name."""
    try:
        runtime = open_runtime()
        synced = first_sync(runtime)
    except RlmContextError as error:
        say(f"rlm-context: degraded: {explained(error)}")
        return
    if synced is None:
        return
    done.synced = described(runtime, synced.uploaded)
    lines = [] if as_json else [told(runtime, synced.uploaded)]
    if synced.left:
        older = f"{plural(synced.left, 'older session')} left to the hooks, or now: rlm-context sync"
        done.remarks.append(older)
        lines += [] if as_json else [older]
    if lines:
        click.echo("\n".join(lines))


def _share(dry_run: bool) -> str:
    """Put this repository on the list of what is shared; its remote, "" where there is nothing to do."""
    _, remote = project_of(str(Path.cwd()))
    shared = shared_projects(home())
    if not remote or canonical_url(store_url()) == local_store_url(home()) or remote in shared.read():
        return ""
    if not dry_run:
        shared.add(remote)
    return remote


def _looked(checks: list[Check]) -> str:
    """What is wrong or worth knowing; for the rest one line."""
    odd = [check for check in checks if check.ok is not True]
    well = plural(len(checks) - len(odd), "thing")
    return "\n".join([*([check_lines(odd)] if odd else []), f"doctor: {well} looked at and found well."])
