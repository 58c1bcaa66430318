"""`rlm-context upload`: sessions into the store, without compiling them."""

from collections.abc import Sequence
from pathlib import Path

import click

from compiler.runtime import Runtime, open_runtime
from compiler.uploading.latest import latest_session
from compiler.uploading.upload import upload_sessions
from data_models.errors import SourceError
from rlm_context.commands.upload_preview import show_preview
from rlm_context.failures import say
from rlm_context.output import print_json
from rlm_context.progress import reading_shown
from rlm_context.uploaded import adopted_lines, described, told
from transcripts.agent import Found
from transcripts.sources import default_sources, find_all_sessions


@click.command("upload")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Every session of this machine's agents.")
@click.option("--dry-run", is_flag=True, help="Print the redacted text that would leave; send nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def upload_command(paths: tuple[Path, ...], everything: bool, dry_run: bool, as_json: bool) -> None:
    """Redact sessions and put them into the store.

    PATH is a transcript or a folder of sessions; without one, the latest session of this folder's
    repository. What is not shared (rlm-context share) stays in the store on this machine.
    """
    if paths and everything:
        raise click.UsageError("give PATHs or --all, not both")
    runtime = open_runtime(make_store=not dry_run)
    found = _chosen(paths, everything)
    if dry_run:
        show_preview(runtime, found, as_json)
    else:
        send(runtime, found, as_json, title="upload")


def send(runtime: Runtime, found: Found, as_json: bool, *, title: str) -> None:
    """Upload these sessions and say what was done; `title` names the command in its progress.

    Raises:
        StoreError: the store failed; what was read so far waits in the spool.
    """
    for line in adopted_lines(runtime):
        say(f"rlm-context: {line}")
    with reading_shown(title) as progress:
        result = upload_sessions(runtime, found.sessions, progress=progress)
    result.skipped = [*found.skipped, *result.skipped]
    if as_json:
        print_json(described(runtime, result))
    else:
        click.echo(told(runtime, result))
    for reason in result.degraded:
        say(f"rlm-context: degraded: {reason}")


def everything_here() -> Found:
    """Every session of this machine's agents.

    Raises:
        SourceError: there is none.
    """
    sources: Sequence[Path] = [folder for folder in default_sources() if any(folder.iterdir())]
    if not sources:
        raise SourceError(
            "no agent sessions on this machine (looked in ~/.claude/projects, ~/.codex/sessions and ~/.gemini/tmp)",
            next_command="rlm-context upload PATH",
        )
    return find_all_sessions(sources)


def _chosen(paths: tuple[Path, ...], everything: bool) -> Found:
    if everything:
        return everything_here()
    return find_all_sessions(paths) if paths else Found((latest_session(Path.cwd()),))
