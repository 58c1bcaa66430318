"""`rlm-context up --install`: what is written for systemd and launchd, shown first, and taken back."""

import os
import plistlib
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_context import service
from rlm_context.service import carried, plan_service
from rlm_context.service_files import launchd_agent, systemd_unit, variables_file
from tests.cli.helpers import Result, assert_one_line, rlm, tree

KEY = "sk-not-a-real-key"
SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    *status*) test -e "$CALLS.on" ;;
    *enable*) if test -n "$NO_BUS"; then echo "Failed to connect to bus" >&2; exit 1; fi; touch "$CALLS.on" ;;
    *disable*) rm -f "$CALLS.on" ;;
esac
"""


@pytest.fixture
def calls(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux machine whose systemctl writes down what it is told."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "it's a store"))
    monkeypatch.setenv("RLM_CONTEXT_INSIDE", "1")
    monkeypatch.setattr(service.sys, "platform", "linux")
    return tmp_path / "calls"


def told(calls: Path) -> list[str]:
    """What systemctl was told, besides questions."""
    lines = calls.read_text().splitlines() if calls.exists() else []
    return [line.removeprefix("--user ") for line in lines if "status" not in line]


def install(*options: str) -> Result:
    return rlm("up", "--install", *options)


def unit_of(home: Path) -> Path:
    (unit,) = (home / ".config" / "systemd" / "user").iterdir()
    return unit


def test_it_is_shown_written_and_started(home: Path, calls: Path) -> None:
    """The unit as it stands on disk is shown, no key is, and both files are for this user alone."""
    result = install()
    assert result.code == 0, result.err
    unit, variables = unit_of(home), home / "rlm-context" / "up.env"
    assert unit.read_text() in result.out
    assert KEY not in result.out + unit.read_text()
    assert KEY in variables.read_text()
    assert "INSIDE" not in variables.read_text()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (unit, variables)] == [0o600, 0o600]
    assert told(calls) == ["daemon-reload", f"enable --now {unit.name}"]
    assert "loginctl enable-linger" in result.out


def test_a_dry_run_does_nothing(home: Path, calls: Path) -> None:
    """What would be written is shown, and neither a file nor a call is made."""
    before = tree(home)
    result = install("--dry-run")
    assert "Would write" in result.out
    assert "ExecStart=" in result.out
    assert (tree(home), told(calls)) == (before, [])


def test_again_changes_nothing_and_new_values_are_taken_over(
    home: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time nothing is told; with another value the service is stopped, and started with that."""
    install()
    name, before, first = unit_of(home).name, tree(home), told(calls)
    result = install()
    assert "as it should be" in result.out
    assert (tree(home), told(calls)) == (before, first)
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "ann")
    install()
    again = [f"disable --now {name}", "daemon-reload", f"enable --now {name}"]
    assert told(calls) == [*first, *again]
    assert "RLM_CONTEXT_AUTHOR=ann\n" in (home / "rlm-context" / "up.env").read_text()


def test_uninstall_takes_it_back(home: Path, calls: Path) -> None:
    """Stopped first, then both files go; where there is nothing, that is said."""
    install()
    name = unit_of(home).name
    result = rlm("up", "--uninstall")
    assert (result.code, result.err) == (0, "")
    assert told(calls)[-1] == f"disable --now {name}"
    assert not list((home / ".config" / "systemd" / "user").iterdir())
    assert not (home / "rlm-context" / "up.env").exists()
    assert "nothing to take back" in rlm("up", "--uninstall").out


def test_a_system_that_cannot_be_told_is_one_line(
    home: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files stand, and the command that is left to run is said; taking it back works all the same."""
    monkeypatch.setenv("NO_BUS", "1")
    result = install()
    name = unit_of(home).name
    line = result.last_line
    assert result.code == 1
    assert "Failed to connect to bus" in line
    assert line.endswith(f"Next: systemctl --user enable --now {name}")
    assert rlm("up", "--uninstall").code == 0
    assert not (home / "rlm-context" / "up.env").exists()


def test_a_machine_without_systemd_is_one_line(
    calls: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is written there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_one_line(install(), "no systemd")


def test_options_that_make_no_sense_together_are_wrong_usage(home: Path) -> None:
    """Both at once, and a dry run of nothing."""
    assert rlm("up", "--install", "--uninstall").code == 2
    assert rlm("up", "--dry-run").code == 2


def test_every_home_has_a_service_of_its_own(home: Path, calls: Path) -> None:
    """The default home's has the plain name."""
    assert plan_service(home / ".rlm-context").name == "rlm-context.service"
    names = {plan_service(home / name).name for name in ("a", "b", ".rlm-context")}
    assert len(names) == 3


def test_macos_gets_an_agent(home: Path, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where launchd looks for it, and launchctl is what is told."""
    monkeypatch.setattr(service.sys, "platform", "darwin")
    planned = plan_service(home / "rlm-context")
    assert planned.unit.parent == home / "Library" / "LaunchAgents"
    agent = plistlib.loads(planned.text.encode())
    assert agent["Label"] == planned.name == planned.unit.stem
    assert planned.begin[0][:2] == ("launchctl", "bootstrap")


def test_only_what_it_needs_is_carried_over() -> None:
    """Ours, Prefect's, providers', the network's; nothing else of a shell."""
    given = {
        "RLM_CONTEXT_STORE": "s",
        "PREFECT_API_URL": "u",
        "PATH": "p",
        "EDITOR": "e",
        "GITHUB_TOKEN": "t",
    }
    assert carried(given) == {"RLM_CONTEXT_STORE": "s", "PREFECT_API_URL": "u", "PATH": "p"}


@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
def test_a_shell_reads_the_values_as_they_were(value: str) -> None:
    """The file of variables, read as launchd's shell does it, gives every value back."""
    lines = variables_file({"RLM_CONTEXT_AUTHOR": value})
    script = 'set -a; eval "$1"; printf %s "$RLM_CONTEXT_AUTHOR"'
    done = subprocess.run(["/bin/sh", "-c", script, "sh", lines], capture_output=True, check=True)
    assert done.stdout.decode() == value


def test_the_agent_runs_the_program_with_the_variables(tmp_path: Path) -> None:
    """The plist's own arguments, run here: the program starts with its arguments and the file's variables."""
    variables = tmp_path / "it's up.env"
    variables.write_text(variables_file({"GIVEN": "a $b 'c'"}))
    text = launchd_agent(
        "label", ["/bin/sh", "-c", 'echo "$GIVEN|$0"', "an arg"], variables, tmp_path / "log"
    )
    arguments = plistlib.loads(text.encode())["ProgramArguments"]
    assert subprocess.run(arguments, capture_output=True, text=True, check=True).stdout == "a $b 'c'|an arg\n"


@pytest.mark.parametrize("folder", ["plain", "a b", "100% $HOME"])
def test_systemd_takes_the_unit(folder: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to say, whatever the paths are called."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    program = tmp_path / folder / "rlm-context"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "rlm-context.service"
    unit.write_text(systemd_unit([str(program), "up"], tmp_path / folder / "up.env"))
    (tmp_path / "run").mkdir(mode=0o700)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)],
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path / "run")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
