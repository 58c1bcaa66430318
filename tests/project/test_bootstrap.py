"""`make compile` and `make test` prepare their own environment, and say clearly when they cannot."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Stands in for Python: makes a .venv whose interpreter logs its arguments, and fails at $FAIL_AT.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
*"version_info[:3]"*) echo 3.12.1 ;;
*venv*--clear*)
    rm -rf .venv
    mkdir -p .venv/bin
    cp "$0" .venv/bin/python
    cp "$STUB" .venv/bin/rlm-context ;;
esac
case "$*" in *"${FAIL_AT:-nothing}"*) exit 1 ;; esac
echo "$*" >> python.log
"""

STUB = """#!/bin/sh
echo "ran: $* home: ${RLM_CONTEXT_HOME:-own} store: ${RLM_CONTEXT_STORE:-own}"
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the real Makefile, a fake Python and a command that says how it was called."""
    folder = tmp_path / "checkout"
    (folder / ".ci").mkdir(parents=True)
    for name in (
        "Makefile",
        ".ci/find-python",
        "requirements.lock",
        "requirements-dev.lock",
        "pyproject.toml",
    ):
        shutil.copy(ROOT / name, folder / name)
    for name, text in (("python-fake", FAKE_PYTHON), ("stub", STUB)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o700)
    monkeypatch.setenv("STUB", str(folder / "stub"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("RLM_CONTEXT_HOME")
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "SOURCE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def make(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", f"PYTHON={folder / 'python-fake'}", *args],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def installs(folder: Path) -> int:
    log = folder / "python.log"
    return log.read_text().count("--require-hashes") if log.exists() else 0


def test_first_compile_installs_and_second_does_not(checkout: Path) -> None:
    """The environment is made once."""
    first, second = make(checkout, "compile"), make(checkout, "compile")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert "Making .venv" in first.stdout
    assert "Making" not in second.stdout
    assert installs(checkout) == 1


def test_a_changed_lock_installs_again(checkout: Path) -> None:
    """A newer lock file is installed by the next run."""
    make(checkout, "compile")
    later = (checkout / ".venv/.ready").stat().st_mtime + 10
    os.utime(checkout / "requirements.lock", (later, later))
    assert "has changed" in make(checkout, "compile").stdout
    assert installs(checkout) == 2


def test_test_after_compile_adds_and_compile_after_test_does_nothing(checkout: Path) -> None:
    """Both targets share one environment and need not come in any order."""
    make(checkout, "compile")
    assert make(checkout, "test").returncode == 0
    assert installs(checkout) == 2
    make(checkout, "compile")
    assert installs(checkout) == 2


@pytest.mark.parametrize("step", ["--require-hashes", "--no-build-isolation"])
def test_an_interrupted_installation_is_not_taken_for_ready(checkout: Path, step: str) -> None:
    """After a failure in the middle the next run starts from nothing."""
    assert make(checkout, "compile", FAIL_AT=step).returncode != 0
    assert not (checkout / ".venv/.ready").exists()
    again = make(checkout, "compile")
    assert again.returncode == 0
    assert "Making .venv" in again.stdout


def test_without_sessions_the_examples_are_compiled_in_a_throwaway_home(checkout: Path) -> None:
    """Where no agent has left sessions, examples go to a new folder and never to a team's store."""
    done = make(checkout, "compile", RLM_CONTEXT_STORE="/the/teams/store")
    assert "ran: compile --source examples/sessions --project tidewatch" in done.stdout
    throwaway = done.stdout.split("export RLM_CONTEXT_HOME=")[1].split()[0]
    assert f"home: {throwaway} store: own" in done.stdout
    assert Path(throwaway).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("folder", [".claude/projects", ".codex/sessions"])
def test_own_sessions_are_compiled_in_the_own_home(checkout: Path, home: Path, folder: str) -> None:
    """Where an agent has left sessions, those are compiled."""
    (home / folder).mkdir(parents=True)
    assert "ran: compile home: own" in make(checkout, "compile").stdout


def test_source_is_passed_on(checkout: Path) -> None:
    """`SOURCE=DIR` names what to compile, spaces and all."""
    done = make(checkout, "compile", "SOURCE=/some where")
    assert "ran: compile --source /some where home: own" in done.stdout


def find_python(tmp_path: Path, version: str, *, venv: bool = True) -> subprocess.CompletedProcess[str]:
    fake = tmp_path / "python-odd"
    new = tuple(map(int, version.split("."))) >= (3, 11)
    fake.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *"[:3]"*) echo {version} ;; *"3, 11"*) exit {int(not new)} ;;'
        f" *ensurepip*) exit {int(not venv)} ;; esac\n"
    )
    fake.chmod(0o700)
    return subprocess.run(
        ["sh", ROOT / ".ci/find-python", fake], capture_output=True, text=True, timeout=60, check=False
    )


def test_an_old_python_is_refused_by_name(tmp_path: Path) -> None:
    """The message says which version there is and which is needed."""
    done = find_python(tmp_path, "3.9.2")
    assert done.returncode == 1
    assert "3.11 or newer" in done.stderr
    assert "3.9.2" in done.stderr


def test_a_python_without_venv_is_explained(tmp_path: Path) -> None:
    """Debian splits venv off; the message names the package to install."""
    done = find_python(tmp_path, "3.11.2", venv=False)
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_this_python_is_accepted() -> None:
    """The interpreter that runs the tests passes the check."""
    done = subprocess.run(
        ["sh", ROOT / ".ci/find-python", sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == sys.executable
