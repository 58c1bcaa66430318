"""The example sessions give a compiled context that a newcomer would believe."""

import asyncio
from pathlib import Path

import pytest
import zstandard

from compiler.pipeline import compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from compiler.uploading.uploaded import Uploaded
from store.generations import Generation, heads

SESSIONS = Path(__file__).parents[2] / "examples" / "sessions"


@pytest.fixture
def runtime() -> Runtime:
    """A runtime on a store of its own."""
    return open_runtime()


@pytest.fixture
def uploaded(runtime: Runtime) -> Uploaded:
    """The example sessions, uploaded."""
    return upload(runtime, [SESSIONS], project="tidewatch")


@pytest.fixture
def generation(runtime: Runtime, uploaded: Uploaded) -> Generation:
    """The generation compiled from them."""
    asyncio.run(compile_project(runtime, "tidewatch", DirectSteps(runtime)))
    (head,) = heads(runtime.store, "tidewatch")
    return head


def text(runtime: Runtime, generation: Generation, name: str) -> str:
    return runtime.store.get(generation.manifest.texts[name].key).decode("utf-8")


def unpacked(data: bytes) -> bytes:
    """A file's bytes, decompressed where the store keeps it as zstd (RFC 8878 gives the magic number)."""
    if not data.startswith(b"\x28\xb5\x2f\xfd"):
        return data
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def test_twelve_sessions_of_four_authors(runtime: Runtime, generation: Generation) -> None:
    """Every file becomes a session of its author; the subagent's file becomes none."""
    sessions = runtime.catalog([generation.manifest])
    assert len(sessions) == 12
    assert {author for author, _ in sessions} == {"adaeze", "jonas", "mira", "tomasz"}


def test_the_corrupt_line_is_reported(runtime: Runtime, generation: Generation) -> None:
    """It is the only reject, with its line."""
    rejects = [
        reject for entry in runtime.catalog([generation.manifest]).values() for reject in entry.rejects
    ]
    assert len(rejects) == 1
    assert rejects[0].line > 1


def test_planted_secrets_are_counted(runtime: Runtime, generation: Generation) -> None:
    """The secrets of the `env` dump and the private passage are replaced and counted by kind."""
    kinds = {kind for entry in runtime.catalog([generation.manifest]).values() for kind in entry.redactions}
    assert len(kinds) >= 4


def test_no_secret_is_stored(generation: Generation, home: Path) -> None:
    """No planted secret stands in any file of the home, slim transcripts and texts included."""
    secrets = ("low-water-77", "smsgw_live_0Fake1", "wJalrXUtnFEMI", "0151 0000 4711")
    files = [unpacked(path.read_bytes()) for path in home.rglob("*") if path.is_file()]
    assert any(b"HMAC-SHA256" in data for data in files), (
        "what stands beside the secrets was not found either"
    )
    assert [secret for secret in secrets for data in files if secret.encode() in data] == []


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("Summary", "Keep alert state in the database"),
        ("Key decisions", "because the receivers are small shell scripts"),
        ("Patterns", "make check"),
        ("Patterns", "real SQLite file"),
        ("Dead ends", "no event ids"),
        ("Open items", "unit"),
        ("Where to look", "internal/feed"),
    ],
)
def test_the_brief_tells_the_story(
    runtime: Runtime, generation: Generation, section: str, words: str
) -> None:
    """What somebody would want to know before starting work stands in its section."""
    brief = text(runtime, generation, "brief")
    assert words in brief.split(f"## {section}\n")[1].split("\n## ")[0]
