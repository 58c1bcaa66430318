"""Whatever is wrong with what a user hands in: one clear line, the next command, exit 1, nothing half done."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import store.files
import transcripts.sources
from rlm_context import failures
from rlm_context.commands import status as status_module
from tests.cli.helpers import EXAMPLES, MIRA, assert_one_line, rlm, shell, tree
from tests.synthetic import write_team

READING = (["show"], ["search", "x"], ["status"], ["sessions"])


def test_a_missing_source(direct: Path) -> None:
    """It is named."""
    assert_one_line(rlm("compile", "--source", "/nowhere/at/all"), "/nowhere/at/all does not exist")


def test_an_empty_source(direct: Path, home: Path) -> None:
    """It is named, and said to be empty."""
    (home / "empty").mkdir()
    assert_one_line(rlm("compile", "--source", home / "empty"), "empty is empty")


def test_a_folder_of_other_json(direct: Path, home: Path) -> None:
    """No session in it; `doctor --source` says of each file why."""
    (home / "other").mkdir()
    (home / "other" / "package.json").write_text("{}")
    (home / "other" / "rows.jsonl").write_text('{"id": 1}\n{"id": 2}\n')
    result = rlm("compile", "--source", home / "other")
    assert_one_line(result, "no sessions found", f"rlm-context doctor --source {home / 'other'}")
    assert "rows.jsonl: not a transcript" in rlm("doctor", "--source", home / "other").out


def test_an_unreadable_source(direct: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root reads everything, so the system's refusal is simulated."""
    (home / "locked").mkdir()

    def refuse(folder: Path, depth: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(transcripts.sources, "_in_folder", refuse)
    assert_one_line(rlm("compile", "--source", home / "locked"), "locked: Permission denied", "ls -ld")


def test_no_sessions_on_this_machine(direct: Path) -> None:
    """A newcomer without any is told what else there is."""
    assert_one_line(rlm("compile"), "no agent sessions on this machine", "--source DIR")


@pytest.mark.parametrize("command", READING[:2])
def test_nothing_compiled_yet(direct: Path, command: list[str]) -> None:
    """Reading commands name the command that comes first."""
    assert_one_line(rlm(*command), "nothing has been compiled yet", "rlm-context compile")


def test_an_unknown_project(small: Path) -> None:
    """Known ones are listed."""
    assert_one_line(rlm("compile", "--project", "nowhere"), "no project nowhere here; known: shop")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("store = [", "config.toml cannot be used"),
        ("\xff", "config.toml cannot be used"),
        ("colour = 'red'", "setting colour: Extra inputs are not permitted"),
        ("chunk_tokens = 3", "setting chunk_tokens: Input should be greater than or equal to 500"),
        ("backend = 'oracle'", "setting backend"),
        ("[redaction.rules]\nticket = '('", "ticket"),
        ("store = 'carrier-pigeon://x'", "there is no store of the kind 'carrier-pigeon://x'"),
    ],
)
def test_a_configuration_that_cannot_be_used(direct: Path, home: Path, text: str, part: str) -> None:
    """Broken TOML, other encodings, unknown settings, wrong values: nothing is read, nothing written."""
    direct.mkdir(mode=0o700)
    (direct / "config.toml").write_text(text, encoding="latin-1")
    result = rlm("compile", "--source", MIRA)
    assert_one_line(result, part)
    assert not list(home.rglob("inbox"))
    doctor = rlm("doctor")
    assert doctor.code == 1
    assert part in doctor.out


def test_an_invalid_value_in_the_environment(direct: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv("RLM_CONTEXT_CHUNK_TOKENS", "many")
    assert_one_line(rlm("status"), "setting chunk_tokens", "RLM_CONTEXT_CHUNK_TOKENS")


@pytest.mark.parametrize("command", [["compile", "--source", str(MIRA)], *READING])
def test_a_foreign_folder_as_store(
    command: list[str], direct: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's files are never mixed with a store's."""
    folder = home / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"x")
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(folder))
    assert_one_line(rlm(*command), "photos holds files and is not a store", "empty folder")
    assert list(tree(folder)) == ["cat.jpg"]


@pytest.mark.parametrize("command", [["compile", "--source", str(MIRA)], *READING])
def test_a_store_of_a_newer_format(command: list[str], small: Path) -> None:
    """It is left as it is, and the way out is said."""
    (small / "store" / "store.json").write_text('{"format": 99}')
    before = tree(small / "store")
    if command[0] != "search":
        assert_one_line(rlm(*command), "format 99", "install the newest rlm-context")
    else:
        assert rlm(*command).code == 0  # goes on serving its copy
    assert tree(small / "store") == before


def test_a_home_that_may_not_be_written(direct: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file stands where the home should be: root may write anywhere else."""
    (home / "file").write_text("")
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home / "file" / "home"))
    assert_one_line(rlm("compile", "--source", MIRA), "file/home")


@pytest.mark.parametrize("after", [0, 2, 5, 9, 14, 20, 26, 30])
def test_a_disk_that_fills_up(after: int, direct: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At whatever file: one line, no half generation; with space again the next run holds every session."""
    real, written = store.files._write_new, []

    def write(path: Path, data: bytes) -> int:
        written.append(path)
        if len(written) > after:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, data)

    monkeypatch.setattr(store.files, "_write_new", write)
    result = rlm("compile", "--source", MIRA, "--project", "shop")
    assert_one_line(result, "no space left", "free space")
    monkeypatch.setattr(store.files, "_write_new", real)
    again = rlm("compile", "--json", "--source", MIRA, "--project", "shop")
    assert again.code == 0
    assert again.document["totals"]["sessions"]["total"] == 4
    assert rlm("doctor").code == 0


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 200 kB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_really_full_disk(tiny_disk: Path, live_home: Path, tmp_path: Path) -> None:
    """The store's disk fills up during a compile through Prefect: one line, the store stays readable."""
    source = write_team(tmp_path / "team", 12, turns=40)
    settings = {"RLM_CONTEXT_HOME": live_home, "RLM_CONTEXT_STORE": tiny_disk / "store"}
    result = shell("compile", "--source", source, "--project", "full-disk", **settings)
    assert_one_line(result, "no space left", "df -h")
    assert shell("status", **settings).code == 0


def test_what_nobody_expected(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is one line with its type and place; the traceback is in the home, without messages."""

    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("".join(["quo", "ted from a transcript"]))

    monkeypatch.setattr(status_module, "status", fail)
    result = rlm("status")
    log = small / "logs" / "errors.log"
    assert_one_line(result, "unexpected ZeroDivisionError in ", str(log))
    text = log.read_text()
    assert "ZeroDivisionError" in text
    assert "status.py" in text
    assert "quoted" not in result.err + text
    assert log.stat().st_mode & 0o777 == 0o600
    rlm("status")
    assert log.read_text().count("\nZeroDivisionError\n") == 2


def test_the_log_of_bugs_stays_small(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a megabyte it starts anew."""
    log = small / "logs" / "errors.log"
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(b"x" * ((1 << 20) + 1))
    failures.explain(ValueError("x"))
    assert log.stat().st_size < 10_000


def test_a_refusal_of_the_system_is_no_bug(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the operating system names the file, and what to look at."""

    def fail(*arguments: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/some/file")

    monkeypatch.setattr(status_module, "status", fail)
    assert_one_line(rlm("status"), "/some/file: Permission denied", "ls -ld /some/file")
    assert not (small / "logs" / "errors.log").exists()


def test_a_damaged_upload_degrades_its_project(direct: Path, home: Path) -> None:
    """Made anew, its session keeps the events read before; the JSON and a line on stderr say so, and all is done."""
    write_team(home / "one", 2)
    assert rlm("compile", "--source", home / "one", "--project", "hurt").code == 0
    next((direct / "store" / "inbox" / "hurt").rglob("*.json")).write_bytes(b"{}")
    result = rlm("compile", "--full", "--json")
    assert result.code == 0
    (project,) = result.document["projects"]
    assert project["sessions"] == {"total": 2, "new": 2}
    (reason,) = project["degraded"]
    assert "damaged object" in reason
    assert reason in result.err


def test_errors_of_a_project_stop_no_other(direct: Path, home: Path) -> None:
    """A project none of whose uploads can be read is said with its name; the other is compiled and printed."""
    write_team(home / "one", 1)
    assert rlm("compile", "--source", MIRA, "--project", "good").code == 0
    assert rlm("compile", "--source", home / "one", "--project", "bad").code == 0
    for folder in ("inbox", "gen"):
        for path in (direct / "store" / folder / "bad").rglob("*.json"):
            path.write_bytes(b"{}")
    shutil.rmtree(direct / "cache" / "projects" / "bad")
    result = rlm("compile", "--full", "--json")
    assert result.code == 1
    assert "rlm-context: bad: no upload of it can be read: damaged object" in result.last_line
    assert [(project["project"], project["sessions"]["new"]) for project in result.document["projects"]] == [
        ("good", 4)
    ]


def test_json_stays_alone_on_stdout_when_something_fails(direct: Path) -> None:
    """A failed command prints no document at all."""
    assert rlm("compile", "--json", "--source", "/nowhere").out == ""
    assert rlm("show", "--format", "json").out == ""
    assert EXAMPLES.is_dir()
