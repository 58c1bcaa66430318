"""`compile`: what it prints where, what it writes, what it does again."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PROJECT
from tests.cli.helpers import EXAMPLES, MIRA, ROOT, Result, rlm, tree
from tests.synthetic import write_team

NEVER_WITHOUT_WORK = ("prefect", "modal", "anthropic")


def test_a_first_compile_says_what_it_did(first_compile: Result) -> None:
    """Stdout: the brief, what there is, what it took, what was left out, where it is. Stderr: a line a step."""
    assert first_compile.code == 0
    for part in (
        "# acme/tidewatch\n",
        "## Key decisions",
        "12 (12 new)",
        "It took ",
        "Left out:",
        "Brief: /",
    ):
        assert part in first_compile.out
    lines = first_compile.err.splitlines()
    assert lines[:2] == ["compile: reading sessions", "compile: starting Prefect"]
    assert lines[-1] == "compile: publish"
    assert [line for line in lines if not line.startswith("compile: ")] == []


def cpu_of_children() -> float:
    """Seconds of CPU that the processes took which this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_nothing_new_is_quick_and_needs_no_prefect(compiled: Path) -> None:
    """The second compile redoes nothing, keeps the generation, and never loads the orchestrator."""
    arguments = ["compile", "--json", "--source", str(EXAMPLES), "--project", PROJECT]
    code = (
        "import sys; from rlm_context.main import run; code = run(sys.argv[1:])\n"
        f"print([name for name in {NEVER_WITHOUT_WORK} if name in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    before = rlm("status", "--json").document["projects"][0]["generation"]
    before_it = cpu_of_children()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert cpu_of_children() - before_it < 10  # and not by the clock: others may use this machine
    assert done.stderr == "compile: reading sessions\n[]\n"
    (project,) = json.loads(done.stdout)["projects"]
    assert project["generation"] == before
    assert project["sessions"] == {"total": 12, "new": 0}
    assert project["bytes_written"] == 0


def test_a_person_is_told_that_nothing_is_new(compiled: Path) -> None:
    """And still gets the brief."""
    result = rlm("compile", "--source", EXAMPLES, "--project", PROJECT)
    assert "Nothing is new; nothing was redone." in result.out
    assert "# acme/tidewatch" in result.out


def test_a_dry_run_writes_nothing_on_an_empty_home(direct: Path, home: Path) -> None:
    """Not even a folder: the home stays as it was."""
    result = rlm("compile", "--dry-run", "--source", EXAMPLES)
    assert result.out.startswith("12 sessions (")
    assert " 12 of them new or grown" in result.out
    assert tree(home) == {}


def test_a_dry_run_writes_nothing_on_a_compiled_home(direct: Path, home: Path) -> None:
    """It says what is new, and every byte stays."""
    assert rlm("compile", "--source", MIRA, "--project", "shop").code == 0
    before = tree(home)
    assert rlm("compile", "--dry-run", "--json", "--source", MIRA, "--project", "shop").document["new"] == 0
    assert rlm("compile", "--dry-run", "--json", "--source", EXAMPLES).document["new"] == 12
    assert tree(home) == before


@pytest.mark.parametrize("command", [["status"], ["doctor"], ["search", "x"], ["show"], ["sessions"]])
def test_reading_an_empty_home_leaves_no_trace(command: list[str], direct: Path, home: Path) -> None:
    """Looking makes no store."""
    rlm(*command)
    assert tree(home) == {}


def test_own_sessions_go_to_the_default_store_only(
    direct: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --source the agents' folders are read; into a store of one's own choice they are not."""
    write_team(home / ".claude-team", 2, authors=("ann",))
    shutil.copytree(home / ".claude-team" / "ann", home / ".claude")
    assert rlm("compile", "--json").document["totals"]["sessions"] == {"total": 2, "new": 2}
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "shared"))
    result = rlm("compile")
    assert result.code == 1
    assert "nothing was uploaded to this store yet" in result.err


def test_the_default_store_by_its_full_name_is_the_default(
    direct: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Setting the store to where it is anyway changes nothing."""
    write_team(home / "t", 1, authors=("ann",))
    shutil.copytree(home / "t" / "ann", home / ".claude")
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(direct / "store") + "/")
    assert rlm("compile", "--json").document["totals"]["sessions"] == {"total": 1, "new": 1}


def test_project_alone_compiles_that_one_by_any_unique_end(direct: Path, home: Path) -> None:
    """`--project web` means acme/web; what else is new waits."""
    write_team(home / "one", 1)
    write_team(home / "two", 2)
    assert rlm("compile", "--json", "--source", home / "one", "--project", "acme/web").code == 0
    result = rlm("compile", "--json", "--project", "web")
    assert [project["project"] for project in result.document["projects"]] == ["acme/web"]


def test_several_projects_print_one_brief(direct: Path, home: Path) -> None:
    """The one with the most sessions, and how to see another."""
    write_team(home / "one", 1)
    write_team(home / "two", 3)
    assert rlm("compile", "--source", home / "one", "--project", "small").code == 0
    assert rlm("compile", "--source", home / "two", "--project", "large").code == 0
    result = rlm("compile")
    assert result.out.count("## Summary") == 1
    assert result.out.startswith("# large")
    assert "rlm-context show --project P prints another" in result.out


def test_full_makes_another_generation_of_the_same(small: Path) -> None:
    """--full reads and makes all anew: a new number, equal texts."""
    before = rlm("show", "--format", "json").document["projects"][0]
    result = rlm("compile", "--json", "--full", "--source", MIRA, "--project", "shop")
    after = rlm("show", "--format", "json").document["projects"][0]
    assert result.document["projects"][0]["sessions"] == {"total": 4, "new": 4}
    assert after["generation"].startswith("0000000002-")
    assert after["text"] == before["text"]


def test_what_was_left_out_is_named(direct: Path, home: Path) -> None:
    """Files that are no sessions and lines that are no JSON: file, line, reason."""
    write_team(home / "t", 1, authors=("ann",))
    (session,) = (home / "t").rglob("*.jsonl")
    session.write_text(session.read_text() + '{"broken": \n', encoding="utf-8")
    (session.parent / "other.jsonl").write_text('{"some": "thing"}\n')
    out = rlm("compile", "--source", home / "t").out
    assert f"{session.name}:16: not JSON" in out
    assert "other.jsonl: " in out
