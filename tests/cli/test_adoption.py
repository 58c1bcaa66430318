"""A Modal volume and a bucket of an earlier upload script, through the real commands."""

import subprocess
import sys
from pathlib import Path

import modal
import pytest

from store.modal import ModalStore
from store.protocol import Store
from store.s3 import S3Store
from tests.cli.helpers import rlm
from tests.modal_emulator.fixtures import modal_emulator
from tests.modal_emulator.server import Emulator
from tests.store.s3_service import BUCKET, environment, moto_port, new_prefix

__all__ = ["modal_emulator", "moto_port"]

OLD = {
    "1a2b3c4d-0000-4000-8000-00000000000a": "Author: mira\nProject: acme/kiln\n\n"
    "User: Why does the kiln stay cold?\n\n"
    "Assistant: The relay of zone two is open. I replaced it and the kiln heats.\n",
    "1a2b3c4d-0000-4000-8000-00000000000b": "Author: ade\nProject: acme/kiln\n\n"
    "User: Please use the walnut glaze from now on.\n\nAssistant: Done: glaze.toml says walnut.\n",
    "1a2b3c4d-0000-4000-8000-00000000000c": "The flue was blocked by a marmot nest.\n\nIt is clear now.\n",
}


@pytest.fixture
def volume(modal_emulator: Emulator, direct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A version 1 volume with three transcripts, put there by the `modal` command."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", "modal://team")
    modal.Volume.objects.create("team", version=1)
    for session, text in OLD.items():
        (tmp_path / "old" / session).mkdir(parents=True)
        (tmp_path / "old" / session / "transcript.txt").write_text(text)
    put = [sys.executable, "-m", "modal", "volume", "put", "team", str(tmp_path / "old"), "/sessions"]
    subprocess.run(put, check=True, capture_output=True, timeout=60)
    return ModalStore("team", make=False)


@pytest.fixture
def bucket(moto_port: int, direct: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The same below a prefix of a bucket."""
    for name, value in environment(f"http://127.0.0.1:{moto_port}").items():
        monkeypatch.setenv(name, value)
    place = S3Store(BUCKET, new_prefix())
    monkeypatch.setenv("RLM_CONTEXT_STORE", place.url)
    place.put_many((f"sessions/{session}/transcript.txt", text.encode()) for session, text in OLD.items())
    return place


@pytest.mark.parametrize("kind", ["volume", "bucket"])
def test_it_is_adopted(kind: str, request: pytest.FixtureRequest) -> None:
    """Looking changes nothing; a compile imports, compiles and says so; search finds it, marked; again: nothing."""
    place: Store = request.getfixturevalue(kind)
    before = list(place.keys())
    assert len(before) == 3
    assert rlm("status").code == 0
    assert list(place.keys()) == before
    first = rlm("compile", "--json")
    assert first.code == 0, first.err
    assert "3 sessions" in first.err
    assert "text only" in first.err
    counts = {one["project"]: one["sessions"]["total"] for one in first.document["projects"]}
    assert counts == {"acme/kiln": 2, "adopted": 1}
    sessions = rlm("sessions", "--json").document["sessions"]
    assert {(one["author"], one["agent"]) for one in sessions} == {
        ("mira", "text-only"),
        ("ade", "text-only"),
        ("unknown", "text-only"),
    }
    hit = rlm("search", "--json", "--project", "adopted", "marmot").document["hits"][0]
    assert hit["agent"] == "text-only"
    shown = rlm("session", hit["session_id"])
    assert "marmot nest" in shown.out
    assert set(before) <= set(place.keys())
    assert [place.get(f"sessions/{session}/transcript.txt").decode() for session in OLD] == [*OLD.values()]
    again = rlm("compile", "--json")
    assert "earlier upload script" not in again.err
    assert again.document["totals"]["sessions"] == {"total": 3, "new": 0}


def test_nothing_is_written_before_they_are_imported(volume: Store, modal_emulator: Emulator) -> None:
    """Stopped at its first receipts, an upload leaves neither store.json nor anything of its own; the next goes on."""
    modal_emulator.faults.refuse("VolumePutFiles", skip=1, times=None)
    stopped = rlm("compile")
    assert stopped.code == 1
    assert "Next:" in stopped.last_line
    kept = list(volume.keys())
    assert "store.json" not in kept
    assert {path.partition("/")[0] for path in kept} <= {"sessions", "blobs"}
    modal_emulator.faults.clear()
    assert rlm("compile").code == 0
    assert rlm("sessions", "--json").document["sessions"][2:]
