"""Odd names and stores of a newer format, through the real commands, on every kind of store."""

import json
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
