"""Uploading without compiling, and that only what may be shared leaves the machine."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from compiler.uploading.audit import audit_file, read_audit
from compiler.uploading.readable import readable_key
from data_models.errors import StoreError
from store.spool import Spool
from tests.cli.helpers import MIRA, rlm
from tests.cli.shapes import SHAPES, misfits
from tests.synthetic import write_session

REMOTE = "git.example.com/acme/tide"
_ZSTD = b"\x28\xb5\x2f\xfd"


@pytest.fixture
def team(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that others read, and this user's name."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "ann")
    return home / "team"


@pytest.fixture
def checkout(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a checkout with a remote."""
    return enter(home / "tide", monkeypatch)


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch, remote: str = REMOTE) -> Path:
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{remote}.git\n')
    monkeypatch.chdir(folder)
    return folder


def session(number: int, cwd: Path, turns: int = 2) -> str:
    """A session of this machine that ran in `cwd`; its id."""
    session_id = f"{number:08x}-0000-4000-8000-{number:012x}"
    folder = Path(os.environ["HOME"]) / ".claude" / "projects" / "-src"
    path = folder / f"{session_id}.jsonl"
    start = datetime(2026, 3, 1, number, tzinfo=UTC)
    write_session(path, session_id=session_id, start=start, turns=turns, seed=number, cwd=str(cwd))
    os.utime(path, (number * 100, number * 100 + turns))
    return session_id


def contents(folder: Path) -> Iterator[bytes]:
    """Names and bytes of every file below, and what they unpack to."""
    for path in sorted(folder.rglob("*")):
        yield str(path.relative_to(folder)).encode()
        if path.is_file():
            data = path.read_bytes()
            yield data
            if data.startswith(_ZSTD):
                yield zstandard.ZstdDecompressor().decompressobj().decompress(data)


def sent(*arguments: str) -> list[str]:
    """The ids that this command sent to the configured store."""
    result = rlm(*arguments, "--json")
    assert result.code == 0, result.err
    assert list(misfits(result.document, SHAPES["upload"])) == []
    return [
        one["session_id"] for one in result.document["uploaded"] if one["store"] == result.document["store"]
    ]


def test_the_latest_session_of_this_repository(checkout: Path, home: Path) -> None:
    """Without arguments: the one written last in this checkout, also from a folder below it."""
    session(1, checkout)
    latest = session(2, checkout / "cmd")
    session(3, home / "elsewhere")
    assert sent("upload") == [latest]
    assert sent("upload") == []


def test_no_session_here_is_an_error_with_a_way_out(checkout: Path) -> None:
    """One line, exit 1."""
    result = rlm("upload")
    assert (result.code, result.out) == (1, "")
    assert "no agent's session on this machine ran in" in result.err
    assert "--all" in result.err


def test_paths_and_all(checkout: Path, home: Path) -> None:
    """A path is a folder or a transcript; --all is every session; both together make no sense."""
    assert len(sent("upload", str(MIRA))) == 4
    one = next((MIRA / "projects").rglob("*.jsonl"))
    assert sent("upload", str(one)) == []
    ids = [session(1, checkout), session(2, home)]
    assert sorted(sent("upload", "--all")) == ids
    assert rlm("upload", str(one), "--all").code == 2
    assert rlm("upload", str(home / "nothing")).code == 1


def test_a_grown_session_is_sent_again_and_is_the_same_session(checkout: Path, home: Path) -> None:
    """A resumed session is a new receipt of the same session."""
    first = session(1, checkout)
    assert sent("upload") == [first]
    session(1, checkout, turns=3)
    assert sent("sync") == [first]
    receipts = list((home / "rlm-context" / "store" / "inbox").rglob("*.json"))
    assert len(receipts) == 2
    assert len({receipt.parent for receipt in receipts}) == 1


def test_a_readable_copy_stands_beside_the_upload(checkout: Path, home: Path) -> None:
    """Plain text with everything that was said, redacted, and only for the user's eyes."""
    first = session(1, checkout)
    path = next((home / ".claude").rglob("*.jsonl"))
    token = "ghp_" + "Zq8vT3LmN0pRs7WxYb2Cd4Ef6Gh9Jk1Qw5Er"
    record = json.loads(path.read_text().splitlines()[0]) | {"uuid": "00000000-0000-4000-8000-00000000ffff"}
    record["message"] = {"role": "user", "content": f"use {token}"}
    path.write_text(path.read_text() + json.dumps(record) + "\n")
    assert sent("upload") == [first]
    copy = home / "rlm-context" / "store" / readable_key(os.environ.get("RLM_CONTEXT_AUTHOR", ""), first)
    (copy,) = (home / "rlm-context" / "store" / "sessions").rglob("transcript.txt")
    text = copy.read_text()
    assert "[#1 human prompt 2026-03-01" in text
    assert "git commit -m" in text
    assert token not in text
    assert copy.stat().st_mode & 0o077 == 0


def test_a_store_on_this_machine_gets_everything(checkout: Path, home: Path) -> None:
    """No list, no record: nothing leaves."""
    (home / "plain" / ".git").mkdir(parents=True)
    (home / "plain" / ".rlm-context-ignore").touch()
    ids = [session(1, checkout), session(2, home / "plain")]
    assert sorted(sent("sync")) == ids
    assert not audit_file(home / "rlm-context").exists()
    assert "nothing leaves it" in rlm("share").out


def test_nothing_of_an_unlisted_repository_reaches_the_team(team: Path, checkout: Path, home: Path) -> None:
    """Neither content nor ids nor names: it goes to the store on this machine, and that is said."""
    first = session(1, checkout)
    result = rlm("sync")
    assert result.code == 0
    assert f"{REMOTE} is not shared. Next, to share it: rlm-context share {REMOTE}" in result.out
    found = b"\0".join(contents(team))
    for word in (first, REMOTE, "tide", "ann", "below"):
        assert word.encode() not in found
    assert len(list((home / "rlm-context" / "store" / "inbox").rglob("*.json"))) == 1
    assert read_audit(home / "rlm-context") == []


def test_share_lets_it_go_and_audit_lists_what_left(team: Path, checkout: Path, home: Path) -> None:
    """After `share .` the same session is sent, once, and is on record, once."""
    first = session(1, checkout)
    assert sent("upload") == []
    assert rlm("share", ".").out.splitlines()[1] == f"- {REMOTE}"
    assert sent("upload") == [first]
    assert sent("upload") == []
    (home / "rlm-context" / "cache" / "uploads.json").unlink()
    sent("upload")
    audit = rlm("audit", "--json").document
    assert list(misfits(audit, SHAPES["audit"])) == []
    assert [(left["session_id"], left["project"], left["store"]) for left in audit["left"]] == [
        (first, REMOTE, str(team))
    ]
    assert first in rlm("audit").out
    assert rlm("audit", "--since", "2100-01-01").out == "Nothing left this machine.\n"


def test_the_record_survives_a_cut_off_line(team: Path, checkout: Path, home: Path) -> None:
    """A crash in the middle of a line costs that line and no other."""
    rlm("share", ".")
    first = session(1, checkout)
    audit_file(home / "rlm-context").write_text('{"time": 1, "ses')
    assert sent("upload") == [first]
    assert [left.session_id for left in read_audit(home / "rlm-context")] == [first]


def test_what_is_ignored_or_private_stays(
    team: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ignore file keeps its repository here, a private mark its session, also where all is shared."""
    rlm("share", "git.example.com/*")
    other = enter(checkout.parent / "secret", monkeypatch, "git.example.com/acme/secret")
    assert f"go to {team}" in rlm("share").out
    (other / ".rlm-context-ignore").touch()
    assert "stay here: " in rlm("share").out.splitlines()[-1]
    assert "→ rlm-context share" not in rlm("doctor").out
    ids = [session(1, checkout), session(2, checkout), session(3, other / "cmd")]
    assert rlm("private", ids[1]).code == 0
    assert sent("upload", "--all") == [ids[0]]
    assert not any(word.encode() in data for data in contents(team) for word in (ids[1], ids[2], "secret"))
    assert rlm("private", ids[1], "--undo").code == 0
    assert sent("upload", "--all") == [ids[1]]


def test_a_remote_cannot_steer_the_terminal(team: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever somebody wrote into a checkout's configuration."""
    enter(home / "odd", monkeypatch, "git.example.com/acme/\x07\x9bodd")
    for command in ("share", "doctor"):
        assert not set(rlm(command).out) & {"\x07", "\x9b"}


def test_a_session_can_be_marked_before_it_ends(team: Path, checkout: Path) -> None:
    """Without an id it is the latest session of this folder; what left before is said."""
    rlm("share", ".")
    first = session(1, checkout)
    rlm("upload")
    result = rlm("private")
    assert first in result.out
    assert f"already in {team}" in result.out
    session(1, checkout, turns=4)
    assert sent("upload") == []


def test_an_upload_that_waits_stays_when_it_is_marked(
    team: Path, checkout: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spooled while the store was out of reach, then marked: it goes to the store on this machine."""
    rlm("share", ".")
    first = session(1, checkout)

    def fail(*arguments: object) -> None:
        raise StoreError("out of reach")

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "_flush_batch", fail)
        assert rlm("upload").code == 1
    rlm("private", first)
    assert sent("sync") == []
    assert not any(first.encode() in data for data in contents(team))
    assert first.encode() in b"".join(contents(home / "rlm-context" / "store"))


def test_a_store_that_is_gone_keeps_no_other_waiting(
    team: Path, checkout: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it still waits, and that is said; everything else is sent."""
    rlm("share", ".")
    session(1, checkout)

    def fail(*arguments: object) -> None:
        raise StoreError("out of reach")

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "_flush_batch", fail)
        assert rlm("upload").code == 1
    shutil.rmtree(team)
    team.write_text("no store any more")
    monkeypatch.delenv("RLM_CONTEXT_STORE")
    second = session(2, checkout)
    result = rlm("sync", "--json")
    assert result.code == 0
    assert second in [one["session_id"] for one in result.document["uploaded"]]
    assert f"degraded: uploads to {team} still wait" in result.err


def test_lists_can_be_edited_by_hand(team: Path, checkout: Path, home: Path) -> None:
    """Comments stay, a URL is as good as the short form, taking out what is not there is an error."""
    rlm("share", f"git@{REMOTE.replace('/', ':', 1)}.git")
    path = home / "rlm-context" / "shared-projects.txt"
    path.write_text(path.read_text() + "# mine\ngit.example.com/own/*  # all of them\n")
    document = rlm("share", "--json").document
    assert list(misfits(document, SHAPES["share"])) == []
    assert document["shared"] == [REMOTE, "git.example.com/own/*"]
    assert rlm("share", "--stop", REMOTE).code == 0
    assert "# mine\ngit.example.com/own/*  # all of them\n" in path.read_text()
    assert rlm("share", "--stop", REMOTE).code == 1


def test_a_named_project_is_consent(team: Path, home: Path, direct: Path) -> None:
    """`compile --source DIR --project P` shares what it names; without P sessions stay here, and it says so."""
    result = rlm("compile", "--source", MIRA)
    assert result.code == 1
    assert "4 sessions not sent" in result.err
    assert rlm("compile", "--json", "--source", MIRA, "--project", "tide").code == 0
    assert {left.project for left in read_audit(direct)} == {"tide"}


def test_a_dry_run_shows_what_would_leave(team: Path, checkout: Path, home: Path) -> None:
    """The redacted text, as JSON the very records; nothing is written to either store."""
    first = session(1, checkout)
    assert "stays on this machine: " in rlm("upload", "--dry-run").out
    rlm("share", ".")
    out = rlm("upload", "--dry-run").out
    assert f"{first} would go to {team}" in out
    assert "[#1 human prompt" in out
    document = rlm("upload", "--dry-run", "--json").document
    assert list(misfits(document, SHAPES["upload-dry-run"])) == []
    (record,) = (json.loads(line) for line in document["sessions"][0]["records"][1:2])
    assert record["seq"] == 1
    assert list(contents(team)) == []
    assert not (home / "rlm-context" / "store").exists()
    rlm("upload")
    assert rlm("upload", "--dry-run", "--json").document["sessions"] == []


def test_why_and_doctor_know_what_is_not_shared(team: Path, checkout: Path) -> None:
    """`why` names the reason and the way out, `doctor` says whether this folder is shared."""
    first = session(1, checkout)
    rlm("upload")
    document = rlm("why", "--json", first[-8:]).document
    assert list(misfits(document, SHAPES["why-not-shared"])) == []
    assert document["next_command"] == f"rlm-context share {REMOTE}"
    assert "is not shared" in rlm("why", first).out
    checks = {check["name"]: check for check in rlm("doctor", "--json").document["checks"]}
    assert checks["sharing"]["ok"] is None
    assert checks["sharing"]["next_command"] == f"rlm-context share {REMOTE}"
    rlm("share", ".")
    checks = {check["name"]: check for check in rlm("doctor", "--json").document["checks"]}
    assert checks["sharing"]["ok"] is True


def test_a_store_out_of_reach_loses_nothing(
    team: Path, checkout: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that cannot be made is one clear line; the next upload sends what waited."""
    rlm("share", ".")
    first = session(1, checkout)
    team.write_text("a file, not a folder")
    result = rlm("upload")
    assert result.code == 1
    assert "is a file, not a store" in result.err
    team.unlink()
    assert sent("sync") == [first]
