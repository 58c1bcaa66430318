"""docs/modal.md: each command of its transcript, run as it stands, prints what the page shows."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.flows.helpers import PATIENT, ROOT
from tests.synthetic import write_session

PAGE = (ROOT / "docs" / "modal.md").read_text(encoding="utf-8")
SETTING = re.compile(r"export (\w+)=(.*)")
DAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The emulator as the page starts it; the variables that it prints."""
    command = [sys.executable, "-m", "tests.modal_emulator", "--data", str(tmp_path / "modal")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield dict(re.findall(SETTING, "".join(process.stdout.readline() for _ in range(4))))
        finally:
            process.terminate()
            process.communicate(timeout=PATIENT)


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Each author's variables; both have two sessions of one checkout, which has a remote."""
    checkout = tmp_path / "kiln"
    checkout.mkdir()
    for command in (["init", "-q"], ["remote", "add", "origin", "https://git.example.com/acme/kiln.git"]):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    homes = {}
    for number, author in enumerate(("mira", "jonas")):
        home = tmp_path / author
        for day in range(2):
            session = f"{number}{day}c0ffee-0000-4000-8000-00000{number}{day}c0fee"
            write_session(
                home / ".claude" / "projects" / "-kiln" / f"{session}.jsonl",
                session_id=session,
                start=DAY.replace(day=5 + day),
                turns=3,
                seed=10 * number + day,
                cwd=str(checkout),
            )
        homes[author] = {
            "HOME": str(home),
            "RLM_CONTEXT_HOME": str(home / "rlm-context"),
            "RLM_CONTEXT_AUTHOR": author,
        }
    return homes


def steps() -> list[tuple[list[str], str, list[str]]]:
    """Who runs it, the command, and the lines that the page shows of what it prints."""
    block = re.search(r"<!-- transcript -->\n```console\n(.*?)```", PAGE, re.S)
    assert block is not None
    found: list[tuple[list[str], str, list[str]]] = []
    for line in block[1].splitlines():
        if prompt := re.fullmatch(r"([a-z, ]*)\$ (.+)", line):
            found.append(([name for name in prompt[1].split(", ") if name], prompt[2], []))
        else:
            found[-1][2].append(line)
    return found


def fits(shown: str, printed: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, shown.split("…"))), printed.strip()) is not None


@pytest.mark.timeout(900)  # two dozen commands, each of which imports modal
def test_the_transcript_is_real(emulator: dict[str, str], homes: dict[str, dict[str, str]]) -> None:
    """Every command ends well, and every line that the page shows stands in its output, in that order."""
    base = os.environ | emulator | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for people, command, shown in steps():
        if setting := SETTING.fullmatch(command):
            base[setting[1]] = setting[2]
            continue
        # Those who share a prompt type at the same moment.
        started = [
            subprocess.Popen(
                command, shell=True, cwd=ROOT, env=base | homes.get(name, {}), text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for name in people or [""]
        ]  # fmt: skip
        for process in started:
            out, complaints = process.communicate(timeout=PATIENT)
            assert process.returncode == 0, f"{command}\n{out}\n{complaints}"
            lines = iter(out.splitlines())
            missing = [line for line in shown if not any(fits(line, printed) for printed in lines)]
            assert not missing, f"{command} printed\n{out}\n{complaints}"
