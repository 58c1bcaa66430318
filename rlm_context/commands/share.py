"""`rlm-context share`: which git remotes may go to a store that others read."""

from pathlib import Path

import click

from compiler.runtime import Runtime, open_runtime
from compiler.uploading.sharing import Sharing, as_pattern, how_to_share, local_store_url, shared_projects
from data_models.errors import NotFoundError
from data_models.project import project_of
from rlm_context.output import print_json
from rlm_context.shown import harmless


@click.command("share")
@click.argument("remotes", metavar="[REMOTE]...", nargs=-1)
@click.option("--stop", is_flag=True, help="Share it no longer. What was uploaded stays in the store.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def share_command(remotes: tuple[str, ...], stop: bool, as_json: bool) -> None:
    """Say which repositories' sessions may go to a store that others read.

    REMOTE is a git remote (its URL, or host/owner/repo, where * stands for anything); "." is that of
    this folder. Without one, list what is shared. A store on this machine alone gets everything.
    """
    runtime = open_runtime(make_store=False)
    shared = shared_projects(runtime.home)
    for remote in map(_remote, remotes):
        if not stop:
            shared.add(remote)
        elif not shared.remove(remote):
            raise NotFoundError(f"{remote} is not on the list", next_command="rlm-context share")
    print_json(_described(runtime)) if as_json else click.echo(_told(runtime))


def _remote(given: str) -> str:
    if given != ".":
        return as_pattern(given)
    name, remote = project_of(str(Path.cwd()))
    if not remote:
        raise NotFoundError(
            f"{name} has no git remote, by which a project is shared",
            next_command="git remote add origin URL",
        )
    return remote


def _described(runtime: Runtime) -> dict[str, object]:
    return {
        "store": runtime.store.url,
        "is_local": runtime.store.url == local_store_url(runtime.home),
        "shared": shared_projects(runtime.home).read(),
        "file": str(shared_projects(runtime.home).path),
    }


def _told(runtime: Runtime) -> str:
    shared = shared_projects(runtime.home)
    names = shared.read()
    lines = (
        [f"Shared ({shared.path}):", *(f"- {name}" for name in names)] if names else ["Nothing is shared."]
    )
    sharing = Sharing(runtime.home, runtime.store.url)
    if sharing.is_local:
        return harmless(
            "\n".join([*lines, f"The store is on this machine, so nothing leaves it: {runtime.store.url}"])
        )
    here = str(Path.cwd())
    reason, command = sharing.stays("", here), how_to_share(here)
    if not reason:
        lines.append(f"Sessions in this folder go to {runtime.store.url}")
    else:
        following = f". To share them: {command}" if command else ""
        lines.append(f"Sessions in this folder stay here: {reason}{following}")
    return harmless("\n".join(lines))
