"""A compile through Prefect that is killed at any moment is finished by the next one."""

import contextlib
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from compiler.plan import plan
from compiler.report import ProjectReport
from compiler.runtime import open_runtime
from flows.run import compile_projects
from store.generations import heads, read_catalog
from tests.flows.helpers import COMPILE, SESSIONS, SOURCE

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

Start = Callable[..., Popen[str]]


@pytest.mark.parametrize("attempt", range(3))
def test_a_killed_compile_is_completed_by_the_next(
    attempt: int, server_home: Path, home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL at a random moment of the flow run: the store stays readable, the next run has it all."""
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(server_home))  # its server runs already
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "store"))
    project = f"acme/killed-{attempt}"
    process = start(COMPILE, project, SOURCE)
    assert process.stderr is not None
    begun = any("Beginning flow run" in line for line in process.stderr)
    assert begun
    moment = random.uniform(0.0, 0.7)  # a whole run takes about as long
    with contextlib.suppress(subprocess.TimeoutExpired):  # it may also have finished by then
        process.wait(moment)
    process.kill()
    process.wait()  # a zombie would still count as the holder of its lease
    runtime = open_runtime()
    published = len(heads(runtime.store, project))
    (report,) = compile_projects(server_home, [project])
    assert isinstance(report, ProjectReport), f"killed {moment:.3f} s after the flow run began: {report}"
    assert report.sessions.new == (0 if published else SESSIONS)
    assert plan(runtime, project).new == ()
    assert (
        len(read_catalog(runtime.store, [head.manifest for head in heads(runtime.store, project)]))
        == SESSIONS
    )
