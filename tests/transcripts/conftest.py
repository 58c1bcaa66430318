"""Helpers for transcript tests: invented sessions, and a session made from given lines."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from data_models.events import Event, Reject
from transcripts.agent import SessionFiles
from transcripts.events import read_events
from transcripts.slim import Slim, slim_session

FIXTURES = Path(__file__).parent / "fixtures"


def keep(text: str, counts: dict[str, int], /) -> str:
    """A redactor that finds nothing."""
    return text


def unpacked(blob: bytes) -> list[dict[str, Any]]:
    """The lines of a slim blob."""
    data = zstandard.ZstdDecompressor().decompressobj().decompress(blob)
    return [json.loads(line) for line in data.split(b"\n") if line]


class Session:
    """A session of one main file with the given content."""

    def __init__(self, folder: Path, agent: str = "claude-code") -> None:
        self.path = folder / "-home-ada-kiln" / "5f0c1d2e-0000-4000-8000-0000000000bb.jsonl"
        self.path.parent.mkdir(exist_ok=True)
        self.files = SessionFiles(agent, self.path.stem, "", self.path)

    def slim(self, content: bytes) -> Slim:
        """The slim session of a main file with this content."""
        self.path.write_bytes(content)
        return slim_session(self.files, keep)

    def read(self, *records: dict[str, Any] | bytes) -> tuple[list[Event], list[Reject]]:
        """The events of these records, one a line."""
        lines = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in records)
        return read_events(self.slim(b"".join(line + b"\n" for line in lines)).blob)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A Claude Code session to fill."""
    return Session(tmp_path)


@pytest.fixture
def user() -> Callable[..., dict[str, Any]]:
    """Makes user records, each with a uuid of its own."""
    numbers = iter(range(1, 1 << 16))

    def make(content: Any, **more: Any) -> dict[str, Any]:
        uuid = f"00000000-0000-4000-8000-{next(numbers):012x}"
        return {"type": "user", "uuid": uuid, "message": {"role": "user", "content": content}, **more}

    return make
