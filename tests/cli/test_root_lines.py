"""What models wrote into the compiled context: shown, explained, and how they came to it; through the commands."""

import asyncio
import json
from pathlib import Path

import pytest

import tasks.artifacts
from compiler.models import clients
from compiler.report import ProjectReport
from rlm.clients.options import Options
from rlm.clients.protocol import Client, Completion, Request
from rlm.clients.scripted import QueueClient, Reply
from rlm.clients.usage import Usage
from tasks.links import artifact_key
from tests.cli.helpers import EXAMPLES, assert_one_line, rlm
from tests.cli.shapes import SHAPES, misfits

KEPT = (
    "SQLite, not PostgreSQL, because every harbour office runs tidewatch on one small ARM box in a cupboard."
)
MOVED = "Alert state moves from the in-memory map into the table alert_state of the SQLite database."
LINES = [
    {"section": "Key decisions", "text": KEPT, "cites": ["[s:05d95954#12]"]},
    {
        "section": "Key decisions",
        "text": MOVED,
        "cites": ["[s:46774c9d#10]"],
        "supersedes": ["[s:3d4a26d0#10]"],
    },
]


class Refusing(QueueClient):
    """A model that refuses everything: what it was to do is done by rules."""

    def _reply(self, request: Request) -> Reply:
        return Completion("", Usage(1, 10, 0), "refusal")


@pytest.fixture
def with_models(direct: Path, monkeypatch: pytest.MonkeyPatch) -> QueueClient:
    """The examples compiled with a root model that drafts two lines; the other models refuse."""
    monkeypatch.setenv("RLM_CONTEXT_BACKEND", "model")
    root = QueueClient(
        [f"```repl\nprint(draft({json.dumps(LINES)}))\n```", '```repl\nprint("<b>")\nfinish("done")\n```']
    )

    def open_client(name: str, options: Options) -> Client:
        return root if "sonnet" in name else Refusing([])

    monkeypatch.setattr(clients, "open_client", open_client)
    compiled = rlm("compile", "--source", EXAMPLES, "--project", "tidewatch")
    assert compiled.code == 0, compiled.err
    return root


def test_lines_of_a_model_are_shown_and_explained(with_models: QueueClient) -> None:
    """They lead their section in the brief, and `why` knows each: in the brief, or superseded and by what."""
    shown = rlm("show").out
    decisions = shown.partition("## Key decisions\n")[2].splitlines()
    assert decisions[0].endswith(f"{KEPT} [s:05d95954#12]")
    assert decisions[1].endswith(f"{MOVED} [s:46774c9d#10] [s:3d4a26d0#10]")
    assert "in the brief" in rlm("why", *MOVED.split()).out
    [old] = [
        row
        for row in rlm("why", "3d4a26d0", "--json").document["lines"]
        if row["verdict"] == "superseded" and row["citations"].startswith("[s:3d4a26d0#10]")
    ]
    assert old["superseded_by"].startswith("[s:46774c9d#10]")
    assert f"superseded by {old['superseded_by']}" in rlm("show", "--full").out


def test_how_a_model_came_to_it_can_be_looked_at(with_models: QueueClient, direct: Path) -> None:
    """A page that only the user can read, without script, with what was done and what came of it."""
    shown = rlm("show", "--trajectory")
    page = Path(shown.out.strip())
    assert page.is_relative_to(direct / "cache" / "trajectories")
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.parent.stat().st_mode & 0o777 == page.parent.parent.stat().st_mode & 0o777 == 0o700
    text = page.read_text()
    assert "Alert state moves from the in-memory map" in text
    assert "<script" not in text
    assert "&lt;b&gt;" in text
    document = rlm("show", "--trajectory", "--generation", "1", "--format", "json").document
    assert list(misfits(document, SHAPES["show-trajectory"])) == []
    assert document["projects"][0]["page"] == str(page)


def test_prefect_shows_it_too(with_models: QueueClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow's artifacts are the brief and the run, as Markdown in which nothing of a transcript is HTML."""
    made: dict[str, str] = {}

    async def keep(markdown: str = "", *, key: str, **other: object) -> None:
        made[key] = markdown

    monkeypatch.setattr(tasks.artifacts, "acreate_markdown_artifact", keep)
    monkeypatch.setattr(tasks.artifacts, "acreate_table_artifact", lambda table, **other: keep(**other))
    asyncio.run(tasks.artifacts.show.fn(1, ProjectReport(project="tidewatch"), [], []))
    told = made[artifact_key("trajectory", "tidewatch")]
    assert told.startswith("2 turns, 1 calls, $")
    assert "draft(" in told
    assert KEPT in told


def test_the_same_again_asks_nothing(with_models: QueueClient) -> None:
    """Nothing new: no step runs, and no model is asked."""
    asked = len(with_models.requests)
    assert rlm("compile", "--source", EXAMPLES, "--project", "tidewatch").code == 0
    assert len(with_models.requests) == asked == 2


def test_without_a_recursive_run_there_is_nothing_to_look_at(compiled: Path) -> None:
    """It says so, and what makes one."""
    assert_one_line(rlm("show", "--trajectory"), "no recursive run", "rlm-context compile")
