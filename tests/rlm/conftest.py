"""Runs of the engine with prepared replies."""

from collections.abc import Callable
from typing import Any

import pytest

from rlm.budget import Budget
from rlm.clients.protocol import Client
from rlm.clients.scripted import EchoClient, QueueClient
from rlm.engine import RLM

Run = Callable[..., RLM]


def repl(*blocks: str) -> str:
    """A reply with code blocks."""
    return "\n\n".join(f"```repl\n{block}\n```" for block in blocks)


@pytest.fixture
def make() -> Run:
    """An engine whose root model gives these replies."""

    def make(*replies: Any, sub: Client | None = None, budget: Budget | None = None, **more: Any) -> RLM:
        return RLM(QueueClient(replies), sub or EchoClient(), budget=budget, **more)

    return make
