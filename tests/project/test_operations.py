"""docs/operations.md: every symptom that can be brought about is, is said as the page says it, and its command runs."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from compiler.maintenance.nightly import NOTE, Note
from compiler.maintenance.overdue import NOTE as SHARE_NOTE
from compiler.maintenance.overdue import Share
from compiler.runs import RunRecord
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from data_models.env import raw_folder, worker_log
from rlm_context import attention_prefect
from rlm_context.hooks.trigger.record import Trigger, write_trigger
from store.codec import encode
from store.keys import run_key
from tests.cli.conftest import _small, direct, without_prefect  # noqa: F401  fixtures
from tests.cli.helpers import EXAMPLES, MIRA, ROOT, rlm
from tests.waiting import PATIENCE

PROJECT = "acme/tide"
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
NOW = int(time.time() * 1000)
DAY = 86_400_000


class Row(NamedTuple):
    """A line of the page."""

    seen: str
    cause: str
    command: str


def rows(section: str) -> list[Row]:
    """The lines of one of the page's tables."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line[:1] == "|"
    ]
    return [Row(*line) for line in cells[2:]]


SAID, ELSEWHERE = rows("Said by `status`"), rows("Seen elsewhere")


def command_of(row: Row) -> list[str]:
    """The one command of a line, as a shell would take it apart."""
    (command,) = re.findall(r"`([^`]+)`", row.command)
    return shlex.split(command)


@pytest.fixture
def folder(
    home: Path,
    direct: Path,  # noqa: F811  the fixture
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Path:
    """The default home, with a compiled project, and programs of the system that do nothing."""
    folder = home / ".rlm-context"
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(folder))
    shutil.copytree(MIRA / "projects", home / ".claude" / "projects")
    assert rlm("compile", "--source", MIRA, "--project", PROJECT).code == 0
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "loginctl"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return folder


def leave(note: Note | Share) -> None:
    """Put a note into the store."""
    open_runtime().store.put(NOTE if isinstance(note, Note) else SHARE_NOTE, encode(note))


def upload_more() -> None:
    """Sessions that nobody has compiled."""
    assert upload(open_runtime(), [EXAMPLES / "jonas"], project=PROJECT).new


def damage_spool(folder: Path) -> None:
    """An upload that could not be read back."""
    dead = folder / "spool" / "dead"
    dead.mkdir(parents=True)
    (dead / "job").touch()


def end_session(folder: Path) -> None:
    """A session that ended, and whose worker was killed."""
    Path(raw_folder(str(folder))).mkdir(parents=True, exist_ok=True)
    (Path(raw_folder(str(folder))) / "job").touch()
    Path(worker_log(str(folder))).parent.mkdir(parents=True, exist_ok=True)
    Path(worker_log(str(folder))).touch()


def refuse(folder: Path) -> None:
    """A server that says no."""
    write_trigger(
        folder,
        Trigger(
            store=str(folder / "store"), project=PROJECT, place="Prefect", state="refused", since=NOW, asked=NOW,
            error="no", next_command="mend",
        ),
    )  # fmt: skip


def damage_manifest(folder: Path) -> None:
    """The newest of two generations is not what was written."""
    upload_more()
    assert rlm("compile", "--project", PROJECT).code == 0
    manifest = max((folder / "store" / "gen").rglob("*.json"))
    manifest.chmod(0o600)
    manifest.write_bytes(b"{}")


def end_run(state: str) -> None:
    """A run that failed, or said nothing more after it began, and left uploads where they were."""
    upload_more()
    record = RunRecord(
        id=f"{NOW + DAY:013d}-00000000", project=PROJECT, trigger="command line", started=NOW - DAY,
        seen=NOW - DAY, state=state, error="no" if state == "failed" else "",
    )  # fmt: skip
    open_runtime().store.put(run_key(PROJECT, record.id), msgspec.json.encode(record))


def fail_at_night() -> None:
    """A night in which a project failed, and left uploads where they were."""
    upload_more()
    leave(Note(ended=int(time.time() * 1000), failed=(PROJECT,)))


class Server(ThreadingHTTPServer):
    """One whose clients may leave before it has answered."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


class Prefect(BaseHTTPRequestHandler):
    """A server that has everything to complain about, or says nothing at all."""

    is_silent = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.is_silent:
            time_is_up.wait(20)
        states = body.get("flow_runs", {}).get("state", {}).get("type", {}).get("any_", [])
        run = [
            {
                "name": "compile x",
                "expected_start_time": "2026-03-01T00:00:00Z",
                "end_time": "2026-03-01T00:00:00Z",
            }
        ]
        deployment = [{"name": "nightly", "status": "NOT_READY", "work_pool_name": "rlm-context"}]
        answer = json.dumps([] if states == ["COMPLETED"] else run if states else deployment).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


time_is_up = threading.Event()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Starts a server that this home is configured for."""
    servers: list[Server] = []

    def start(is_silent: bool) -> None:
        if not is_silent:  # a busy machine may take longer to ask it than `status` waits
            monkeypatch.setattr(attention_prefect, "_SECONDS", PATIENCE)
        kind = type("Its", (Prefect,), {"is_silent": is_silent})
        servers.append(Server(("127.0.0.1", 0), kind))
        threading.Thread(target=servers[0].serve_forever, daemon=True).start()
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{servers[0].server_port}/api")

    time_is_up.clear()
    yield start
    time_is_up.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def causes(
    folder: Path, serve: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Callable[[], object]]:
    """What brings each symptom about, by a word of it."""
    return {
        "uploads waiting": upload_more,
        "kept here": upload_more,
        "could not be read back": lambda: damage_spool(folder),
        "wait for a worker": lambda: end_session(folder),
        "refused": lambda: refuse(folder),
        "damaged: gen/": lambda: damage_manifest(folder),
        "`failed`": lambda: end_run("failed"),
        "`crashed`": lambda: end_run("running"),
        "late: the last": lambda: leave(Note(ended=NOW - 5 * DAY)),
        "acme/tide failed": fail_at_night,
        "sweep failed": lambda: leave(Note(ended=NOW, failed=("sweep",))),
        "verify failed": lambda: leave(Note(ended=NOW, failed=("verify",))),
        "collect garbage failed": lambda: leave(Note(ended=NOW, failed=("collect garbage",))),
        "`found in the night`": lambda: leave(Note(ended=NOW, faults=2)),
        "maintenance by a compile": lambda: leave(Share(begun=NOW, damaged=["blobs/x"])),
        "no worker takes": lambda: serve(False),
        "did not begin": lambda: serve(False),
        "crashed, the last": lambda: serve(False),
        "does not answer": lambda: serve(True),
        "gives no answer": lambda: monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api"),
    }


def run(command: list[str]) -> tuple[int, str]:
    """Run a command of the page: ours in this process, Prefect's as far as its help, the system's in a shell."""
    name, *arguments = command
    if name == "rlm-context":
        result = rlm(*arguments)
        return result.code, result.out + result.err
    if name == "prefect":
        program = [
            str(Path(sys.executable).with_name("prefect")),
            *(word for word in arguments if word[0] != "-"),
        ]
        command = [*program[:-1], "--help"]
    text = " ".join(command).replace("~", "$HOME")
    done = subprocess.run(
        ["/bin/sh", "-c", text], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("row", SAID, ids=lambda row: row.seen)
def test_status_says_it_and_the_command_runs(row: Row, causes: dict[str, Callable[[], object]]) -> None:
    """Brought about, the symptom stands in `status` in the words of the page, and so it did not before."""
    (word,) = [word for word in causes if word in row.seen]
    words = re.findall(r"`([^`]+)`", row.seen)
    before = rlm("status").out
    assert not any(all(part in line for part in words) for line in before.splitlines())
    causes[word]()
    said = rlm("status").out
    assert any(all(part in line for part in words) for line in said.splitlines()), said
    code, told = run(command_of(row))
    # `doctor` fails where something is wrong, and `verify` where something is damaged: saying so is what they are for.
    assert code in ((0, 1) if "doctor" in row.command else (0,)), told
    assert "Traceback" not in told


MENDED = (
    "uploads waiting", "kept here", "damaged: gen/", "the last run", "acme/tide failed", "sweep failed",
    "verify failed", "collect garbage failed", "found in the night",
)  # fmt: skip
CURES = [row for row in SAID if row.seen.strip("`").startswith(MENDED)]


@pytest.mark.parametrize("row", CURES, ids=lambda row: row.seen)
def test_the_command_mends_it(row: Row, causes: dict[str, Callable[[], object]]) -> None:
    """Where the command is the cure, `status` does not say it any more."""
    (word,) = [word for word in causes if word in row.seen]
    causes[word]()
    run(command_of(row))
    words = re.findall(r"`([^`]+)`", row.seen)
    after = rlm("status").out
    assert not any(all(part in line for part in words) for line in after.splitlines()), after


@pytest.mark.parametrize("row", ELSEWHERE, ids=lambda row: row.seen)
def test_the_command_runs(row: Row, folder: Path) -> None:
    """In a home that has what the line is about."""
    (folder / "prefect").mkdir(exist_ok=True)
    (folder / "prefect" / "server.json").write_text("{}")
    code, told = run(command_of(row))
    assert code in ((0, 1) if "doctor" in row.command else (0,)), told
    assert "Traceback" not in told


def test_prefects_command_takes_the_options_of_the_page() -> None:
    """Its help knows what the page writes."""
    if shutil.which("prefect", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("the command prefect is not beside this interpreter")
    options = {word for row in SAID if "prefect" in row.command for word in command_of(row) if word[0] == "-"}
    _, told = run(["prefect", "worker", "start", "x"])
    assert options
    assert all(option in told for option in options)


def test_the_page_knows_every_concern() -> None:
    """What `status` can say of a part of the night or of the server has a line here."""
    source = "".join(
        (ROOT / "rlm_context" / name).read_text() for name in ("attention.py", "attention_prefect.py")
    )
    kinds = set(re.findall(r'Concern\(\s*"(\w+)"', source))
    assert kinds == {"nightly", "prefect", "worker", "late", "crashed", "damage", "waiting", "run"}
