"""Modal's sandboxes keep the sandbox's contract, against the emulator, whose containers are processes of this machine.

What confines code there is Modal's, so no test here can tell whether it holds; tests/real_modal.py asks the real one.
"""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rlm.clients.scripted import EchoClient, QueueClient
from rlm.engine import RLM
from rlm.errors import SandboxError
from rlm.sandbox.modal import ModalSandbox
from rlm.sandbox.protocol import Outcome, SandboxLimits
from tests.modal_emulator.fixtures import modal_emulator
from tests.modal_emulator.sandboxes import blocks_network
from tests.modal_emulator.server import Emulator
from tests.rlm.attempts import ALL, ATTEMPTS
from tests.rlm.conftest import repl
from tests.rlm.test_adversarial import LIMITS, REACHING, SECRET, Place, check
from tests.rlm.test_values import Echo

__all__ = ["modal_emulator"]

STOPPED = [pair for pair in ALL if pair[0] not in REACHING]


@pytest.fixture
def place(modal_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("PLANTED_SECRET", SECRET)
    place = Place(ModalSandbox(replace(LIMITS, step_seconds=2.0)))
    yield place
    place.close()


def test_the_same_program_runs(modal_emulator: Emulator) -> None:
    """Helpers, host functions, children and finishing work as in the other sandboxes."""
    root = QueueClient(
        [
            repl("hits = grep('needle', context)\nprint(hits)"),
            repl(
                "n = llm_query_batched(['a', 'b'])\n"
                "answer.update({'content': rlm_query('q', 'ctx') + n[1], 'ready': True})"
            ),
            repl("finish(context)"),
        ]
    )
    result = RLM(root, EchoClient(), sandbox=ModalSandbox()).complete_sync("?", "hay\nneedle\nhay")
    assert result.answer == "ctxb"


def test_what_is_asked_of_modal(place: Place, modal_emulator: Emulator) -> None:
    """Each session has a container without network, secrets and variables, which ends with the session."""
    [outcome] = place.run("import os\nprint(sorted(set(os.environ) - {'LC_CTYPE'}))")
    assert outcome == Outcome("[]\n")
    place.run("print(1)")
    assert len(modal_emulator.sandboxes) == 2
    for sandbox in modal_emulator.sandboxes:
        assert blocks_network(sandbox.definition)
        assert not sandbox.secret_sources
        assert not sandbox.definition.secret_ids
        assert not sandbox.definition.volume_mounts
        assert sandbox.ended.is_set()


def test_variables_outlive_a_container(place: Place, modal_emulator: Emulator) -> None:
    """A block that never ends costs its container; a new one is brought to where the old one was."""
    kept, stopped, after = place.run("n = [llm_query('x')]", "n.append(1)\nwhile True: pass", "print(n)")
    assert kept.error is None
    assert stopped.state == "replayed"
    assert "TimeoutError" in (stopped.error or "")
    assert after == Outcome("['x']\n")
    assert [sandbox.ended.is_set() for sandbox in modal_emulator.sandboxes] == [True, True]


@pytest.mark.parametrize(("category", "index"), STOPPED[::12])
def test_attempts_are_stopped(place: Place, category: str, index: int) -> None:
    """Floods, forgeries and endless work are stopped, and the sandbox can be used afterwards."""
    check(place.run, ATTEMPTS[category][index])


@pytest.mark.parametrize(
    "block",
    [
        "import os\nos.write(1, b'\\x00\\x00\\x00\\x02{}')",
        "import os\nos.write(1, b'\\xff\\xff\\xff\\xff')",
        "import os\nos.close(0); os.close(1)",
        "import os\nos.write(1, b'x' * 5_000_000)",
    ],
)
def test_forged_frames(place: Place, block: str) -> None:
    """What code writes to stdout itself costs it its container and nobody anything else."""
    [outcome] = check(place.run, block)
    assert outcome.error is not None


def test_values_cross_unchanged(modal_emulator: Emulator) -> None:
    """Texts, numbers and nests go in, to a host function, back, and out again; large ones too."""
    echo = Echo(ModalSandbox(SandboxLimits()))
    for value in (None, "é\u2028\0", [1, 2.5, {"a": [True]}], "x" * 3_000_000):
        assert echo.there_and_back(value) == value
    echo.close()


def test_modal_out_of_reach(modal_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Modal refuses or gives no answer, that is an error that says what to do."""

    async def opened() -> Any:
        async with ModalSandbox().pool(1):
            pass

    monkeypatch.setattr("rlm.sandbox.modal._PATIENCE", 0.5)
    modal_emulator.faults.slow("AppGetOrCreate", 20)
    with pytest.raises(SandboxError, match="no sandbox") as caught:
        asyncio.run(opened())
    assert "monty" in (caught.value.next_command or "")
    assert os.environ["MODAL_SERVER_URL"] == modal_emulator.url
