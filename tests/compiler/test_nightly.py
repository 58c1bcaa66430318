"""The nightly's own steps: what waits is swept up, and only old records of runs go."""

from pathlib import Path

import pytest

from compiler.maintenance.nightly import forget_runs, now_ms, sweep, waiting
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from store.keys import run_key
from store.receipts import projects
from tests.synthetic import write_team

DAY = 86_400_000


def test_a_sweep_takes_what_no_hook_brought_and_what_the_spool_holds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Agents' own folders and uploads that never arrived; a second sweep finds nothing more to upload."""
    team = write_team(home / "team", 2)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(next(path for path in team.iterdir() if path.is_dir())))
    runtime = open_runtime()
    first = sweep(runtime)
    assert first.uploaded > 0
    assert first.flushed == first.uploaded
    assert waiting(runtime) == projects(runtime.store)
    assert sweep(runtime).uploaded == 0


def test_a_machine_without_agents_has_nothing_to_sweep() -> None:
    """A worker that serves a team has neither sessions nor a spool."""
    done = sweep(open_runtime())
    assert (done.uploaded, done.kept, done.skipped, done.flushed) == (0, 0, 0, 0)
    assert waiting(open_runtime()) == []


def test_a_compiled_project_does_not_wait(home: Path) -> None:
    """Only what no generation holds is compiled at night."""
    runtime = open_runtime()
    upload(runtime, [write_team(home / "team", 2)], project="shop")
    assert waiting(runtime) == ["shop"]


def test_only_old_records_beyond_the_newest_go() -> None:
    """Records are kept by age and by number, whichever keeps more, and for each project by itself."""
    runtime = open_runtime()
    ages = {"shop": (0, 1, 100, 200, 300), "bank": (400,)}
    keys = {}
    for project, days in ages.items():
        for age in days:
            key = run_key(project, f"{now_ms() - age * DAY:013d}-0a1b2c3d")
            runtime.store.put(key, b"{}")
            keys[project, age] = key
    runtime.store.put("runs/shop/notes.txt", b"not ours")
    assert forget_runs(runtime, keep=3, days=90) == 2
    left = set(runtime.store.keys("runs"))
    assert left == {*keys.values(), "runs/shop/notes.txt"} - {keys["shop", 200], keys["shop", 300]}
