"""A transcript of 2 GB: what an upload of it needs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.runtime import Runtime
from compiler.uploading.readable import LONGEST
from compiler.uploading.upload import upload
from store.receipts import read_receipt

_MEASURED = """
import sys
from pathlib import Path
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
result = upload(open_runtime(), [Path(sys.argv[1])], project="long")
# Not getrusage: its peak is also that of whoever started this process.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(result.raw_bytes, len(result.skipped), int(peak) >> 10, *result.degraded)
"""


def prompt(number: int) -> bytes:
    uuid = f"00000000-0000-4000-8000-{number:012x}"
    message = {"role": "user", "content": f"prompt {number}"}
    return json.dumps({"type": "user", "uuid": uuid, "message": message}).encode() + b"\n"


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    """A file of 2 GB that takes next to no space: two prompts with a hole between them."""
    path = tmp_path / "-x" / "00000000-0000-4000-8000-0000000000aa.jsonl"
    path.parent.mkdir()
    with path.open("wb") as file:
        file.write(prompt(1))
        file.seek(2 << 30)
        file.write(b"\n" + prompt(2))
    return path


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_gigabytes(transcript: Path) -> None:
    """It goes through in pieces of bounded size, both prompts are kept, and what has no text for people is said."""
    command = [sys.executable, "-c", _MEASURED, str(transcript)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280, cwd=Path.cwd(),
                          env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])})  # fmt: skip
    raw, skipped, peak, *degraded = done.stdout.split(maxsplit=3)
    assert (int(raw), int(skipped)) == (transcript.stat().st_size, 0)
    assert int(peak) < 400
    assert "too long for a text" in " ".join(degraded)


def test_no_text_of_what_nobody_reads(
    transcript: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the limit the upload stands without its readable copy; below, with it."""
    assert transcript.stat().st_size > LONGEST
    transcript.write_bytes(prompt(1))
    monkeypatch.setattr("compiler.uploading.readable.LONGEST", 10)
    result = upload(runtime, [transcript], project="long")
    assert len(result.degraded) == 1
    assert read_receipt(runtime.store, result.new[0]).records == 1
    assert list(runtime.store.keys("sessions")) == []
