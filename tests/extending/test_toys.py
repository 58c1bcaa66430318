"""The programs of docs/extending.md keep the contracts, stand on the page as they are, and stay small."""

import json
import re
from pathlib import Path

import pytest

from examples.extending.toy_agent import ToyAgent
from examples.extending.toy_store import ToyStore
from store.protocol import Store
from tests.store.conformance import StoreConformance
from tests.transcripts.conformance import AgentConformance

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted((ROOT / "examples" / "extending").glob("toy_*.py"))


class TestToyAgent(AgentConformance):
    """The toy agent keeps every promise of an agent module."""

    agent = ToyAgent()
    prompts = ("Why is the kiln so slow?", "Then read it once.")

    def write_sample(self, home: Path) -> Path:
        said = [
            ("me", self.prompts[0]),
            ("bot", "It reads its file twice."),
            ("tool", "two reads"),
            ("me", self.prompts[1]),
        ]
        folder = home / ".toy" / "sessions"
        folder.mkdir(parents=True)
        records = [{"timestamp": "2026-03-04T12:00:00Z", "by": by, "text": text} for by, text in said]
        (folder / "one.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        return folder


@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
class TestToyStore(StoreConformance):
    """The toy store keeps every contract of a store."""

    examples = 10

    def make_store(self, folder: Path) -> Store:
        return ToyStore(folder.with_suffix(".db"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_the_page_shows_the_program(program: Path) -> None:
    """Word for word, in under sixty lines."""
    text = program.read_text(encoding="utf-8")
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    assert text in re.findall(r"```python\n(.*?)```", page, re.S)
    assert text.count("\n") < 60


def test_there_are_three() -> None:
    """An agent, a store and a client; the client's contracts are among those of all clients."""
    assert [program.stem for program in PROGRAMS] == ["toy_agent", "toy_client", "toy_store"]
