"""Fixtures that apply to every test: a home of its own, and no network but loopback."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Assertions in the shared suites explain themselves as those in test files do.
pytest.register_assert_rewrite("tests.store.conformance", "tests.transcripts.conformance")

# A busy machine is no failure; a failing example is printed with what reproduces it.
settings.register_profile("here", deadline=None, print_blob=True)
settings.load_profile("here")

SHARED = Path(
    os.environ.get("RLM_CONTEXT_TEST_TRANSCRIPTS", Path(__file__).parents[2] / "shared" / "transcripts")
)


_REAL_PROGRAMS = ("browser", "chaos", "deploy", "e2e", "flows")
"""Folders of tests that mostly wait: for whole flows, agents, a database or a browser."""
_SPINE = "flows/test_compile_flow.py"
"""What stays of them where slow tests are left out: a whole compile through Prefect."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what stands in these folders; single tests elsewhere say it themselves."""
    here = Path(__file__).parent
    for item in items:
        path = item.path.relative_to(here)
        if path.parts[0] in _REAL_PROGRAMS and path.as_posix() != _SPINE:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home: no test sees or touches the real one."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("RLM_CONTEXT_", "PREFECT_"))]:
        if name != "RLM_CONTEXT_TEST_TRANSCRIPTS":
            monkeypatch.delenv(name)
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RLM_CONTEXT_REAL_MODELS", "0")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(folder / "rlm-context"))
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    return folder


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that is not to this machine."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address[0]}")
        real_connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def shared_transcripts() -> Path:
    """The folder of real transcripts kept outside the repository; the test is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip(f"no real transcripts at {SHARED}")
    return SHARED
