"""Our hooks in an agent's settings: put in once, taken out again, everything else as it was."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_models.errors import SettingsError
from data_models.settings import load_settings
from rlm_context import first_sync
from rlm_context.agent_hooks import Entry
from rlm_context.agent_settings import has_hooks, our_commands, with_hooks, without_hooks
from rlm_context.commands import install
from rlm_context.installing import wanted_hooks
from tests.cli.helpers import Result, rlm
from tests.cli.shapes import SHAPES, misfits
from tests.hooks.helpers import REMOTE, event, session_id, transcript

THEIRS = {
    "model": "x",
    "env": {"TOKEN": "größe"},
    "hooks": {
        "SessionStart": [{"matcher": "startup", "hooks": [{"type": "command", "command": "date"}]}],
        "Stop": [{"hooks": [{"type": "command", "command": "true"}]}],
    },
}


@pytest.fixture(autouse=True)
def no_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent's program is on PATH, nor this one."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def checkout(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a remote, and the user's name."""
    folder = home / "tide"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = https://{REMOTE}.git\n')
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "ann")
    return folder


@pytest.fixture
def settings(home: Path) -> Path:
    """The user's own settings of Claude Code."""
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(json.dumps(THEIRS, indent=4, ensure_ascii=False))
    path.chmod(0o640)
    return path


def document(*arguments: str) -> dict[str, Any]:
    """What install or uninstall say they did, which must be well."""
    result = rlm(*arguments, "--json")
    assert result.code == 0, result
    assert list(misfits(result.document, SHAPES["install"])) == []
    found: dict[str, Any] = result.document
    return found


def changed(done: dict[str, Any], name: str = "settings.json") -> dict[str, Any]:
    """The one file of this name that was changed."""
    (found,) = [change for change in done["changes"] if change["file"].endswith(name)]
    return dict(found)


def test_install_keeps_what_is_there(settings: Path) -> None:
    """Our hooks are added, theirs stay; a copy of the file lies in the home; its mode and indentation are kept."""
    before = settings.read_text()
    done = changed(document("install", "claude-code"))
    after = json.loads(settings.read_text())
    assert {name: after[name] for name in ("model", "env")} == {
        name: THEIRS[name] for name in ("model", "env")
    }
    start, ours, refresh = after["hooks"]["SessionStart"]
    assert start == THEIRS["hooks"]["SessionStart"][0]
    assert ours["matcher"] == refresh["matcher"] == "startup|resume|clear|compact"
    assert "async" not in ours["hooks"][0]
    assert refresh["hooks"][0]["async"] is True
    stop, our_stop = after["hooks"]["Stop"]
    assert stop == THEIRS["hooks"]["Stop"][0]
    assert our_stop["hooks"][0]["async"] is True
    assert len(after["hooks"]["SessionEnd"]) == 1
    assert "größe" in settings.read_text()
    assert '\n    "model"' in settings.read_text()
    assert settings.stat().st_mode & 0o777 == 0o640
    assert Path(done["backup"]).read_text() == before
    assert Path(done["backup"]).stat().st_mode & 0o077 == 0
    assert "-" not in {line[:1] for line in done["diff"].splitlines()[3:] if '"' not in line}


def test_again_changes_nothing(settings: Path, home: Path) -> None:
    """The same twice is the same once, without another copy."""
    document("install", "claude-code")
    text = settings.read_text()
    assert document("install", "claude-code")["changes"] == []
    assert settings.read_text() == text
    assert len(list((home / "rlm-context" / "backups").iterdir())) == 1
    told = rlm("install", "claude-code", "--no-sync").out
    assert "@@" not in told
    assert "found well" in told


ODD = '{ "model":"x",\r\n\t"hooks" : {"Stop": []} }'


@pytest.mark.parametrize(
    "text", [json.dumps(THEIRS), ODD, "{}", "", None], ids=["theirs", "odd", "{}", "empty", "none"]
)
def test_uninstall_brings_back_what_was(text: str | None, home: Path) -> None:
    """To the byte, whatever its form; where there was no file there is none. Again says that there is nothing to do."""
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    if text is not None:
        path.write_bytes(text.encode())
    before = {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()}
    document("install", "claude-code")
    assert path.read_bytes() != before.get(path)
    assert document("uninstall", "claude-code")["changes"]
    assert {file: file.read_bytes() for file in path.parent.rglob("*") if file.is_file()} == before
    assert document("uninstall", "claude-code")["changes"] == []


def test_uninstall_keeps_what_came_later(settings: Path) -> None:
    """A setting that was made since stays; only ours go."""
    document("install", "claude-code")
    later = json.loads(settings.read_text()) | {"theme": "dark"}
    settings.write_text(json.dumps(later, indent=4))
    document("uninstall", "claude-code")
    assert json.loads(settings.read_text()) == THEIRS | {"theme": "dark"}


def test_a_dry_run_does_nothing(home: Path) -> None:
    """It shows every change and command; neither settings nor home are made."""
    done = document("install", "claude-code", "--dry-run")
    assert "SessionStart" in changed(done)["diff"]
    assert "upload-context" in changed(done, "SKILL.md")["diff"]
    assert [(one["command"].split()[:3], one["done"]) for one in done["commands"]] == [
        (["claude", "mcp", "add"], False)
    ]
    assert (done["synced"], done["checks"]) == (None, [])
    assert not (home / ".claude").exists()
    assert not (home / "rlm-context").exists()
    told = rlm("install", "claude-code", "--dry-run").out
    assert "Nothing was done." in told
    assert "Would run: claude mcp add" in told


def start_command(home: Path) -> str:
    """The command that the user's settings hold for the start of a session."""
    found = json.loads((home / ".claude" / "settings.json").read_text())["hooks"]["SessionStart"]
    return str(found[0]["hooks"][0]["command"])


def run(command: str, told: dict[str, Any], **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a hook's command as an agent does: by the system's shell, from anywhere."""
    return subprocess.run(
        command,
        shell=True,
        input=json.dumps(told),
        env=os.environ | settings,
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_what_is_installed_runs(home: Path, checkout: Path) -> None:
    """The command in the settings is one that a shell can run, wherever the agent is."""
    document("install", "claude-code")
    told = event(1, checkout, home, source="startup")
    done = run(start_command(home), told, RLM_CONTEXT_INSIDE="1")
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("missing", ["p=", "m="])
def test_a_program_that_moved_is_said_once(missing: str, home: Path, checkout: Path) -> None:
    """Interpreter or program gone: the agent starts as if there were no hooks, and one line says what to do; `doctor`
    names the files, and installing again mends it."""
    document("install", "claude-code")
    settings = home / ".claude" / "settings.json"
    settings.write_text(settings.read_text().replace(missing, f"{missing}/gone"))
    told = event(1, checkout, home, source="startup")
    (home / "rlm-context" / "hooks").mkdir(exist_ok=True)
    first, second = (run(start_command(home), told) for _ in range(2))
    assert "rlm-context install claude-code" in json.loads(first.stdout)["systemMessage"]
    assert (first.stderr, second.stdout, second.stderr) == ("", "", "")
    (broken,) = [check for check in rlm("doctor", "--json").document["checks"] if check["ok"] is False]
    assert "/gone" in broken["detail"]
    assert broken["next_command"] == "rlm-context install claude-code --scope user"
    document("install", "claude-code")
    assert not (home / "rlm-context" / "hooks" / "moved").exists()
    assert run(start_command(home), told, RLM_CONTEXT_INSIDE="1").stdout == ""


def test_a_program_that_moved_is_found_by_its_name(
    home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the shell finds rlm-context elsewhere, the hook runs there."""
    document("install", "claude-code")
    script = home / "bin" / "rlm-context"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\necho "ran $*, was told $(cat)"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    done = run(start_command(home).replace("p=", "p=/gone"), {"session_id": "x"})
    assert (done.stdout, done.stderr) == ('ran hook session-start, was told {"session_id": "x"}\n', "")


def test_an_earlier_upload_script_is_replaced(settings: Path) -> None:
    """Its hook goes, and one that stands beside it in the same group stays."""
    old = {"type": "command", "command": "~/bin/session_end_upload.sh"}
    other = {"type": "command", "command": "date"}
    settings.write_text(json.dumps({"hooks": {"SessionEnd": [{"hooks": [old, other]}]}}))
    document("install", "claude-code")
    ends = json.loads(settings.read_text())["hooks"]["SessionEnd"]
    assert ends[0] == {"hooks": [other]}
    assert len(ends) == 2
    assert "session_end_upload" not in settings.read_text()


def test_a_repository_of_a_team(checkout: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a team shares names the program alone; installing there shares the repository's sessions."""
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    assert document("install", "claude-code", "--scope", "project", "--dry-run")["shared"] == REMOTE
    assert rlm("share", "--json").document["shared"] == []
    assert document("install", "claude-code", "--scope", "project")["shared"] == REMOTE
    assert rlm("share", "--json").document["shared"] == [REMOTE]
    text = (checkout / ".claude" / "settings.json").read_text()
    assert 'exec rlm-context hook session-start"' in text
    assert str(home) not in text
    assert json.loads((checkout / ".mcp.json").read_text()) == {
        "mcpServers": {"rlm-context": {"command": "rlm-context", "args": ["mcp"]}}
    }
    done = document("install", "claude-code", "--scope", "local")
    assert changed(done, "settings.local.json")
    assert any("scope project has these hooks too" in remark for remark in done["remarks"])
    document("uninstall", "claude-code", "--scope", "local")
    document("uninstall", "claude-code", "--scope", "project")
    assert [path for path in checkout.rglob("*") if path.is_file() and ".git" not in path.parts] == []


def test_a_teammate_without_the_program(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository's hooks do nothing there, and say nothing."""
    monkeypatch.chdir(checkout)
    document("install", "claude-code", "--scope", "project")
    settings = json.loads((checkout / ".claude" / "settings.json").read_text())
    for command in our_commands(settings):
        done = run(command, {})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_codex_has_a_file_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever CODEX_HOME is; that Codex has to trust hooks is said; other scopes are refused."""
    monkeypatch.setenv("CODEX_HOME", str(home / "cx"))
    done = document("install", "codex")
    assert changed(done, "hooks.json")["file"] == str(home / "cx" / "hooks.json")
    assert any("trust" in remark for remark in done["remarks"])
    assert done["commands"][0]["command"].startswith("codex mcp add rlm-context -- ")
    assert rlm("install", "codex", "--scope", "local").code == 1


def refused(result: Result) -> None:
    assert (result.code, result.out) == (1, "")
    assert "nothing was changed" in result.err


@pytest.mark.parametrize(
    "text",
    ["{broken", "[]", '{"hooks": []}', '{"hooks": {"Stop": {}}}', '{"hooks": {"Stop": ["x"]}}', "\udcff"],
)
def test_settings_that_are_none_are_left_alone(text: str, settings: Path) -> None:
    """One line, exit 1, and the file as it was; `doctor` names the file."""
    data = text.encode("utf-8", "surrogateescape")
    settings.write_bytes(data)
    refused(rlm("install", "claude-code"))
    refused(rlm("uninstall", "claude-code"))
    assert [path for path in settings.parent.rglob("*") if path.is_file()] == [settings]
    assert settings.read_bytes() == data
    transcript(settings.parents[1], 1, settings.parent)
    doctor = rlm("doctor")
    assert doctor.code == 1
    assert "BAD   hooks: " in doctor.out


def test_a_link_stays_a_link(settings: Path, home: Path) -> None:
    """Settings that a dotfiles folder holds are changed there, and stay there when nothing is left in them."""
    real = home / "dotfiles.json"
    settings.unlink()
    real.write_text("")
    settings.symlink_to(real)
    document("install", "claude-code")
    assert settings.is_symlink()
    assert has_hooks(json.loads(real.read_text()))
    shutil.rmtree(home / "rlm-context" / "backups")
    document("uninstall", "claude-code")
    assert settings.is_symlink()
    assert json.loads(real.read_text()) == {}


def test_outside_a_repository_there_is_no_project_scope(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says where it would work."""
    monkeypatch.chdir(home)
    result = rlm("install", "claude-code", "--scope", "project")
    assert result.code == 1
    assert "is in no git repository" in result.err


def test_it_ends_with_a_sync(home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sessions that are there are uploaded, the newest first and as many as fit; the rest is said to be left."""
    for number in (1, 2, 3):
        path = transcript(home, number, checkout)
        os.utime(path, (number, number))
    monkeypatch.setattr(first_sync, "_MOST_BYTES", 1)
    done = document("install", "claude-code")
    assert [sent["session_id"] for sent in done["synced"]["uploaded"]] == [session_id(3)]
    assert any("2 older sessions left" in remark for remark in done["remarks"])
    assert document("install", "claude-code", "--no-sync")["synced"] is None


def test_stopped_in_its_sync(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: what was installed stands, and the same command goes on."""

    def stop(runtime: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "first_sync", stop)
    result = rlm("install", "claude-code")
    assert result.code == 1
    assert "Nothing is lost" in result.last_line
    assert has_hooks(json.loads(settings.read_text()))


def test_without_its_store_it_is_installed_and_says_so(
    settings: Path, home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that cannot be used: hooks stand, one line and the checks say what is wrong, exit 1."""
    transcript(home, 1, checkout)
    (home / "photo.jpg").write_text("x")
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "photo.jpg"))
    result = rlm("install", "claude-code", "--json")
    assert result.code == 1
    assert has_hooks(json.loads(settings.read_text()))
    assert "degraded: " in result.err
    assert [check["name"] for check in result.document["checks"] if check["ok"] is False] == [
        "settings and store"
    ]


_WORD = st.text(st.characters(codec="utf-8"), max_size=8)
_MEMBER = st.fixed_dictionaries({"type": st.just("command"), "command": _WORD})
_GROUP = st.fixed_dictionaries(
    {"hooks": st.lists(_MEMBER, min_size=1, max_size=3)}, optional={"matcher": _WORD}
)
_HOOKS = st.dictionaries(
    st.sampled_from(["SessionStart", "SessionEnd", "Stop"]),
    st.lists(_GROUP, min_size=1, max_size=3),
    min_size=1,
)
_SETTINGS = st.fixed_dictionaries({}, optional={"model": _WORD, "hooks": _HOOKS})


def entries(scope: str) -> list[Entry]:
    """The hooks of Claude Code as the settings of a scope hold them."""
    return wanted_hooks("claude-code", scope, load_settings())


@given(_SETTINGS, st.sampled_from(["user", "project"]))
def test_in_and_out_is_as_before(settings: dict[str, Any], scope: str) -> None:
    """Whatever others have there: taken out again nothing is different, and put in twice is put in once."""
    inside = with_hooks(settings, entries(scope))
    assert has_hooks(inside)
    assert set(our_commands(inside)) == {one.command for one in entries(scope)}
    assert with_hooks(inside, entries(scope)) == inside
    assert without_hooks(inside) == settings


def test_the_input_is_not_changed() -> None:
    """Settings come back as a copy."""
    settings: dict[str, Any] = {"hooks": {"Stop": [{"hooks": []}]}}
    with_hooks(settings, entries("user"))
    assert settings == {"hooks": {"Stop": [{"hooks": []}]}}
    with pytest.raises(SettingsError):
        with_hooks({"hooks": {"Stop": 5}}, entries("user"))
