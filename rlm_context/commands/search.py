"""`rlm-context search`: the fast path's fallback, which also brings the local copies up to date."""

import click

from compiler.local_copy import projects_folder
from compiler.runtime import open_runtime
from rlm_context.fast_search import DEFAULT_LIMIT, MOST_HITS, answer, local_indexes
from rlm_context.places import copies


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--author", metavar="A", help="Only this author's sessions.")
@click.option("--agent", metavar="A", help="Only this agent's: claude-code, codex, gemini-cli.")
@click.option("--since", metavar="T", help="Not before: 2026-01-31 or 7d.")
@click.option("--until", metavar="T", help="Not after.")
@click.option("--file", "file_glob", metavar="GLOB", help="Only where a matching file was worked on: '*.go'.")
@click.option("--limit", default=DEFAULT_LIMIT, show_default=True, type=click.IntRange(1, MOST_HITS),
              help="The most passages.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def search_command(query: tuple[str, ...], limit: int, as_json: bool, **filters: str | None) -> int:
    """Find what was said and done.

    QUERY is anything: words, a question, a path, an error message. Each passage names its session, author,
    day and records; `rlm-context session ID --from SEQ` reads on there. A query that starts with "-" goes
    after "--".
    """
    runtime = open_runtime(make_store=False)
    found = copies(runtime, filters["project"])
    names = {copy.project for copy in found}
    indexes = [index for index in local_indexes(projects_folder(runtime.home)) if index.project in names]
    options = {
        f"--{name.removesuffix('_glob')}": value
        for name, value in filters.items()
        if value is not None and name != "project"
    }
    return answer(" ".join(query), {**options, "--limit": str(limit)}, as_json, indexes)
