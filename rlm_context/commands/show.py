"""`rlm-context show`: the compiled context."""

from typing import Any

import click
import msgspec

from compiler.local_copy import Copy, generation_id
from compiler.runtime import Runtime, open_runtime
from data_models.errors import DamagedError, NotFoundError
from data_models.knowledge import Root
from data_models.records import Manifest
from rlm_context.output import print_json
from rlm_context.places import chosen_projects, copies
from rlm_context.shown import harmless
from rlm_context.trajectories import write_page
from store.blobs import get_blob
from store.generations import history


@click.command("show")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--full", is_flag=True, help="The full text instead of the brief.")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="markdown",
              show_default=True, help="text: without Markdown's marks.")  # fmt: skip
@click.option(
    "--trajectory", is_flag=True, help="How the root model came to it: write a page, print its path."
)
@click.option("--generation", type=click.IntRange(1), metavar="N", help="An older generation, by its number.")
def show_command(
    project: str | None, full: bool, form: str, trajectory: bool, generation: int | None
) -> None:
    """Print the brief that sessions start with."""
    runtime = open_runtime(make_store=False)
    if trajectory:
        _show_trajectories(runtime, project, generation, as_json=form == "json")
        return
    shown = _older(runtime, project, generation, full) if generation else _newest(runtime, project, full)
    if form == "json":
        print_json({"projects": shown})
        return
    texts = [str(item["text"]) for item in shown]
    click.echo(harmless("\n".join(map(_plain, texts) if form == "text" else texts)), nl=False)


def _newest(runtime: Runtime, project: str | None, full: bool) -> list[dict[str, Any]]:
    name = "full.md" if full else "brief.md"
    return [_from_copy(copy, name) for copy in copies(runtime, project)]


def _from_copy(copy: Copy, name: str) -> dict[str, Any]:
    return _described(copy.project, copy.generation, copy.read(name), copy.root())


def _older(runtime: Runtime, project: str | None, number: int, full: bool) -> list[dict[str, Any]]:
    manifests = _numbered(runtime, project, number)
    return [_from_store(runtime, manifest, "full" if full else "brief") for manifest in manifests]


def _numbered(runtime: Runtime, project: str | None, number: int) -> list[Manifest]:
    """The generations of that number; raises NotFoundError where there is none."""
    found = [
        generation.manifest
        for name in chosen_projects(runtime, project)
        for generation in history(runtime.store, name)[0]
        if generation.manifest.number == number
    ]
    if not found:
        raise NotFoundError(f"no generation {number} here", next_command="rlm-context status")
    return found


def _show_trajectories(runtime: Runtime, project: str | None, number: int | None, *, as_json: bool) -> None:
    """Write the page of each generation that a recursive run made, and print where it is."""
    manifests = (
        _numbered(runtime, project, number)
        if number
        else [copy.manifest() for copy in copies(runtime, project)]
    )
    pages = [(manifest, write_page(runtime, manifest)) for manifest in manifests]
    written = [
        {"project": manifest.project, "generation": generation_id(manifest), "page": str(page)}
        for manifest, page in pages
        if page
    ]
    if not written:
        named = ", ".join(sorted({manifest.project for manifest in manifests}))
        raise NotFoundError(
            f"{named}: no recursive run made this; one does with the backend model and root_pass rlm",
            next_command="RLM_CONTEXT_BACKEND=model rlm-context compile",
        )
    if as_json:
        print_json({"projects": written})
        return
    for item in written:
        click.echo(item["page"])


def _from_store(runtime: Runtime, manifest: Manifest, name: str) -> dict[str, Any]:
    try:
        text = get_blob(runtime.store, manifest.texts[name]).decode()
        root = msgspec.json.decode(get_blob(runtime.store, manifest.texts["root"]), type=Root)
    except (KeyError, ValueError) as error:  # ValueError: not UTF-8, or no Root
        raise DamagedError(f"generation {manifest.number}", f"its {name} text cannot be read") from error
    return _described(manifest.project, generation_id(manifest), text, root)


def _described(project: str, generation: str, text: str, root: Root) -> dict[str, Any]:
    return {"project": project, "generation": generation, "text": text, "lines": root.lines}


def _plain(text: str) -> str:
    """Markdown without its marks: headings in capitals, no back-ticks."""
    lines = [line.lstrip("# ").upper() if line.startswith("#") else line for line in text.split("\n")]
    return "\n".join(lines).replace("`", "").replace("**", "")
