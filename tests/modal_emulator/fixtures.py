"""For conftests that want an emulator: `from tests.modal_emulator.fixtures import modal_emulator`."""

from collections.abc import Iterator
from pathlib import Path

import modal
import pytest
from modal.client import _Client

from tests.modal_emulator.server import Emulator


def forget_client() -> None:
    """Close this process's Modal client: it would go on talking to the emulator of the test that is over."""
    # Asked here because from_env() would connect, for nearly a minute where nothing listens any more.
    if _Client._client_from_env is not None:
        modal.Client.from_env().close()


@pytest.fixture
def modal_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A running emulator with nothing in it; modal, here and in processes started from here, talks to it."""
    with Emulator(tmp_path / "modal") as emulator:
        for name, value in emulator.env.items():
            monkeypatch.setenv(name, value)
        yield emulator
        forget_client()
