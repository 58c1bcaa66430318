"""`rlm-context show`: the compiled context."""

from typing import Any

import click
import msgspec

from compiler.local_copy import Copy, generation_id
from compiler.runtime import Runtime, open_runtime
from data_models.errors import NotFoundError
from rlm_context.output import print_json
from rlm_context.places import chosen_projects, copies
from store.blobs import get_blob
from store.generations import history


@click.command("show")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--full", is_flag=True, help="The full text instead of the brief.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="markdown")
@click.option("--generation", type=click.IntRange(1), metavar="N", help="An older generation, by its number.")
def show_command(project: str | None, full: bool, form: str, generation: int | None) -> None:
    """Print the brief: what a session in this project starts with."""
    runtime = open_runtime()
    shown = _older(runtime, project, generation, full) if generation else _newest(runtime, project, full)
    if form == "json":
        print_json({"projects": shown})
        return
    texts = [str(item["text"]) for item in shown]
    if form == "text":
        texts = [_plain(text) for text in texts]
    click.echo("\n".join(texts), nl=False)


def _newest(runtime: Runtime, project: str | None, full: bool) -> list[dict[str, Any]]:
    return [
        _described(copy, copy.read("full.md" if full else "brief.md")) for copy in copies(runtime, project)
    ]


def _described(copy: Copy, text: str) -> dict[str, Any]:
    lines = [msgspec.to_builtins(line) for line in copy.root().lines]
    return {"project": copy.project, "generation": copy.generation, "text": text, "lines": lines}


def _older(runtime: Runtime, project: str | None, number: int, full: bool) -> list[dict[str, Any]]:
    name = "full" if full else "brief"
    found = [
        {
            "project": known,
            "generation": generation_id(generation.manifest),
            "text": get_blob(runtime.store, generation.manifest.texts[name]).decode(),
        }
        for known in chosen_projects(runtime, project)
        for generation in history(runtime.store, known)[0]
        if generation.manifest.number == number
    ]
    if not found:
        raise NotFoundError(f"no generation {number} here", next_command="rlm-context status")
    return found


def _plain(text: str) -> str:
    """Markdown without its marks: headings in capitals, no back-ticks."""
    lines = [line.lstrip("# ").upper() if line.startswith("#") else line for line in text.split("\n")]
    return "\n".join(lines).replace("`", "").replace("**", "")
