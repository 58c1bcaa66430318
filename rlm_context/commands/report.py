"""`rlm-context report`: the figures of a store as a page to read in a browser, to print and to send."""

import click

from compiler.reporting.gather import gather
from compiler.reporting.page import render
from compiler.runtime import open_runtime
from rlm_context.output import print_json
from rlm_context.places import copies
from store.files import FileWriter


@click.command("report")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--json", "as_json", is_flag=True, help="The figures as one JSON document on stdout; no page.")
def report_command(project: str | None, as_json: bool) -> None:
    """Write a page with figures, and print where it is.

    Sessions over time by author, what each day cost, what the brief rests on, the files most worked on,
    runs, and what was left out. One file without scripts, to read in a browser, print or send; it names
    people, files and titles of sessions. The nightly leaves the same in the store: compiled/report.html.
    """
    runtime = open_runtime(make_store=False)
    figures = gather(runtime, copies(runtime, project))
    if as_json:
        print_json(figures)
        return
    page = runtime.home / "report.html"
    FileWriter(runtime.home).write_many([(page, render(figures).encode())])
    click.echo(str(page))
