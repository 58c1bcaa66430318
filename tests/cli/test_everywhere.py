"""Odd names, stores of a newer format and places that cannot be used, through the real commands."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.helpers import rlm
from tests.modal_emulator.fixtures import modal_emulator
from tests.store.s3_service import BUCKET, environment, moto_port, new_prefix
from tests.synthetic import write_team

__all__ = ["modal_emulator", "moto_port"]

AUTHORS = ("Zoë van Dijk", "..", "кот@пёс", "a:b|c*?", "é/è")
PROJECT = "../my team/Käse: 100% \u202eeslaf"


@pytest.fixture(params=["local", "s3", "modal"])
def url(request: pytest.FixtureRequest, direct: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new, empty place of each kind, set as the store."""
    if request.param == "s3":
        for name, value in environment(f"http://127.0.0.1:{request.getfixturevalue('moto_port')}").items():
            monkeypatch.setenv(name, value)
        found = f"s3://{BUCKET}/{new_prefix()}"
    elif request.param == "modal":
        request.getfixturevalue("modal_emulator")
        found = "modal://odd-names/team store"
    else:
        found = str(home / "a store é")
    monkeypatch.setenv("RLM_CONTEXT_STORE", found)
    return found


def test_odd_names(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces, unicode, slashes and dots come back as they were, and nothing is written outside of the store."""
    for number, author in enumerate(AUTHORS):
        source = tmp_path / f"source {number}" / "-x"
        (session,) = list(write_team(tmp_path / f"made {number}", 1).rglob("*.jsonl"))
        source.mkdir(parents=True)
        name = f"{number:08x}-0000-4000-8000-00000000000a"
        (source / f"{name}.jsonl").write_text(session.read_text().replace(session.stem, name))
        monkeypatch.setenv("RLM_CONTEXT_AUTHOR", author)
        result = rlm("compile", "--json", "--source", source, "--project", PROJECT)
        assert result.code == 0, result.err
    document = rlm("sessions", "--json").document
    assert {session["author"] for session in document["sessions"]} == set(AUTHORS)
    (project,) = rlm("status", "--json").document["projects"]
    assert project["project"] == PROJECT
    assert {author["author"] for author in project["authors"]} == set(AUTHORS)
    for author in AUTHORS:
        hits = rlm("search", "--json", "--author", author, "reads").document["hits"]
        assert {hit["author"] for hit in hits} == {author}
    assert rlm("show", "--project", PROJECT).code == 0
    outside = {path.name for path in tmp_path.iterdir() if not path.name.startswith(("source", "made"))}
    assert outside <= {"home", "modal"}


def test_a_store_of_a_newer_format(url: str, tmp_path: Path) -> None:
    """It is left as it is, the way out is said, and its copy here goes on being served by search."""
    source = write_team(tmp_path / "team", 2)
    assert rlm("compile", "--source", source, "--project", "shop").code == 0
    from store.registry import open_store

    store = open_store(url)
    store.put("store.json", json.dumps({"format": 99}).encode())
    before = list(store.keys())
    for command in (["compile", "--source", str(source)], ["upload", str(source)], ["status"], ["show"]):
        result = rlm(*command)
        assert result.code == 1
        assert "format 99" in result.last_line
        assert "install the newest rlm-context" in result.last_line
    assert list(store.keys()) == before
    assert rlm("search", "reads").out


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody answers: it is taken, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize(
    ("what", "where", "said", "next_step"),
    [
        ("wrong token", "modal://team", "does not accept the token", "modal token new"),
        ("right token", "modal://missing", "no Modal volume missing", "modal volume create missing"),
        ("right key", "s3://missing/store", "no bucket missing", "aws s3 mb s3://missing"),
        ("nobody there", f"s3://{BUCKET}/store", "gives no answer", "check the network"),
    ],
)
def test_a_place_that_cannot_be_used(
    what: str,
    where: str,
    said: str,
    next_step: str,
    direct: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """Whoever reads gets one line that says what is wrong and what to do, and neither token nor key."""
    if where.startswith("modal"):
        request.getfixturevalue("modal_emulator")
        if what == "wrong token":
            monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-hunter2")
    else:
        port = request.getfixturevalue("closed_port" if what == "nobody there" else "moto_port")
        for name, value in environment(f"http://127.0.0.1:{port}").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("RLM_CONTEXT_STORE", where)
    for command in (["status"], ["show"], ["search", "x"], ["store", "verify"], ["store", "gc"]):
        result = rlm(*command)
        assert (result.code, result.out) == (1, "")
        assert said in result.last_line
        assert f"Next: {next_step}" in result.last_line
        assert "hunter2" not in result.err
