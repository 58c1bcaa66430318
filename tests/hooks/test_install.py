"""Our hooks in an agent's settings: put in once, taken out again, everything else as it was."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_models.errors import SettingsError
from rlm_context.agent_settings import has_hooks, with_hooks, without_hooks
from rlm_context.installing import commands
from tests.cli.helpers import Result, rlm
from tests.cli.shapes import SHAPES, misfits
from tests.hooks.helpers import REMOTE, event

THEIRS = {
    "model": "x",
    "env": {"TOKEN": "größe"},
    "hooks": {
        "SessionStart": [{"matcher": "startup", "hooks": [{"type": "command", "command": "date"}]}],
        "Stop": [{"hooks": [{"type": "command", "command": "true"}]}],
    },
}


@pytest.fixture
def settings(home: Path) -> Path:
    """The user's own settings of Claude Code."""
    path = home / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(json.dumps(THEIRS, indent=4, ensure_ascii=False))
    path.chmod(0o640)
    return path


def document(*arguments: str) -> dict[str, Any]:
    """What install or uninstall say they did."""
    result = rlm(*arguments, "--json")
    assert result.code == 0, result.err
    assert list(misfits(result.document, SHAPES["install"])) == []
    found: dict[str, Any] = result.document
    return found


def test_install_keeps_what_is_there(settings: Path, home: Path) -> None:
    """Both hooks are added, theirs stay; a copy of the file lies in the home; its mode is kept."""
    before = settings.read_text()
    done = document("install", "claude-code")
    after = json.loads(settings.read_text())
    assert {name: after[name] for name in ("model", "env")} == {
        name: THEIRS[name] for name in ("model", "env")
    }
    assert after["hooks"]["Stop"] == THEIRS["hooks"]["Stop"]
    start, ours = after["hooks"]["SessionStart"]
    assert start == THEIRS["hooks"]["SessionStart"][0]
    assert ours["matcher"] == "startup|resume|clear|compact"
    assert len(after["hooks"]["SessionEnd"]) == 1
    assert "größe" in settings.read_text()
    assert settings.stat().st_mode & 0o777 == 0o640
    assert Path(done["backup"]).read_text() == before
    assert Path(done["backup"]).stat().st_mode & 0o077 == 0
    assert "+" in done["diff"]


def test_again_changes_nothing(settings: Path, home: Path) -> None:
    """The same twice is the same once, without another copy."""
    document("install", "claude-code")
    text = settings.read_text()
    done = document("install", "claude-code")
    assert (done["changed"], done["diff"], done["backup"]) == (False, "", "")
    assert settings.read_text() == text
    assert len(list((home / "rlm-context" / "backups").iterdir())) == 1


def test_uninstall_brings_back_what_was(settings: Path) -> None:
    """All of ours goes, nothing of theirs; again says that there is nothing to do."""
    document("install", "claude-code")
    assert document("uninstall", "claude-code")["changed"]
    assert json.loads(settings.read_text()) == THEIRS
    assert not document("uninstall", "claude-code")["changed"]


def test_a_dry_run_writes_nothing(home: Path) -> None:
    """It shows the change; neither settings nor home are made."""
    done = document("install", "claude-code", "--dry-run")
    assert "SessionStart" in done["diff"]
    assert not (home / ".claude").exists()
    assert not (home / "rlm-context").exists()
    assert "Nothing was written." in rlm("install", "claude-code", "--dry-run").out


def test_what_is_installed_runs(home: Path, checkout: Path) -> None:
    """The command in the settings is one that a shell can run, wherever the agent is."""
    document("install", "claude-code")
    found = json.loads((home / ".claude" / "settings.json").read_text())["hooks"]["SessionStart"]
    done = subprocess.run(
        found[0]["hooks"][0]["command"],
        shell=True,
        input=json.dumps(event(1, checkout, home, source="startup")),
        env=os.environ | {"RLM_CONTEXT_INSIDE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


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
    assert '"rlm-context hook session-start"' in text
    assert str(home) not in text
    done = document("install", "claude-code", "--scope", "local")
    assert done["file"].endswith("settings.local.json")
    assert any("both would run" in remark for remark in done["remarks"])


def test_codex_has_a_file_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever CODEX_HOME is; that Codex has to trust hooks is said; other scopes are refused."""
    monkeypatch.setenv("CODEX_HOME", str(home / "cx"))
    done = document("install", "codex")
    assert done["file"] == str(home / "cx" / "hooks.json")
    assert any("trust" in remark for remark in done["remarks"])
    assert rlm("install", "codex", "--scope", "local").code == 1


def refused(result: Result) -> None:
    assert (result.code, result.out) == (1, "")
    assert "nothing was changed" in result.err


@pytest.mark.parametrize(
    "text",
    ["{broken", "[]", '{"hooks": []}', '{"hooks": {"Stop": {}}}', '{"hooks": {"Stop": ["x"]}}', "\udcff"],
)
def test_settings_that_are_none_are_left_alone(text: str, settings: Path) -> None:
    """One line, exit 1, and the file as it was."""
    data = text.encode("utf-8", "surrogateescape")
    settings.write_bytes(data)
    refused(rlm("install", "claude-code"))
    refused(rlm("uninstall", "claude-code"))
    assert settings.read_bytes() == data


def test_a_link_stays_a_link(settings: Path, home: Path) -> None:
    """Settings that a dotfiles folder holds are changed there."""
    real = home / "dotfiles.json"
    settings.rename(real)
    settings.symlink_to(real)
    document("install", "claude-code")
    assert settings.is_symlink()
    assert has_hooks(json.loads(real.read_text()))


def test_outside_a_repository_there_is_no_project_scope(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that says where it would work."""
    monkeypatch.chdir(home)
    result = rlm("install", "claude-code", "--scope", "project")
    assert result.code == 1
    assert "is in no git repository" in result.err


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


@given(_SETTINGS, st.sampled_from(["user", "project"]))
def test_in_and_out_is_as_before(settings: dict[str, Any], scope: str) -> None:
    """Whatever others have there: taken out again nothing is different, and put in twice is put in once."""
    inside = with_hooks(settings, commands(scope))
    assert has_hooks(inside)
    assert with_hooks(inside, commands(scope)) == inside
    assert without_hooks(inside) == settings


def test_the_input_is_not_changed() -> None:
    """Settings come back as a copy."""
    settings: dict[str, Any] = {"hooks": {"Stop": [{"hooks": []}]}}
    with_hooks(settings, commands("user"))
    assert settings == {"hooks": {"Stop": [{"hooks": []}]}}
    with pytest.raises(SettingsError):
        with_hooks({"hooks": {"Stop": 5}}, commands("user"))
