"""`rlm-context export`: everything as plain files, to query with other tools."""

from pathlib import Path

import click

from compiler.dataset import export
from compiler.runtime import open_runtime
from rlm_context.output import plural, print_json
from rlm_context.places import copies


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def export_command(folder: Path, project: str | None, as_json: bool) -> None:
    """Write everything as plain files.

    Events (Parquet), sessions (JSON lines), brief and full text of each project go below DIR.
    docs/data.md describes the columns and shows example queries.
    """
    runtime = open_runtime(make_store=False)
    names = [copy.project for copy in copies(runtime, project)]
    written = [export(runtime, name, folder) for name in names]
    if as_json:
        print_json({"projects": written})
        return
    for item in written:
        click.echo(
            f"{item.project}: {plural(item.sessions, 'session')}, {plural(item.events, 'event')} in {item.folder}"
        )
