"""Looking whether a run was cancelled outlasts a server that does not answer as one."""

import asyncio
from types import SimpleNamespace
from typing import Self
from uuid import UUID, uuid4

import pytest
from httpx import ConnectError
from prefect.client.schemas.objects import StateType

from tasks import cancelling


class Answers:
    """A client of Prefect's API that gives these answers, one after the other."""

    def __init__(self, *answers: StateType | Exception | None) -> None:
        self._answers = list(answers)

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing to close."""

    async def read_flow_run(self, run: UUID) -> SimpleNamespace:
        """A flow run, as far as it is looked at."""
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(state=answer and SimpleNamespace(type=answer))

    @property
    def left(self) -> int:
        """How many answers nobody asked for."""
        return len(self._answers)


def test_it_asks_until_it_hears_that_the_run_was_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is away, a proxy's page in its place, a run without a state and one that runs end nothing."""
    answers = Answers(
        ConnectError("refused"), ValueError("no JSON"), None, StateType.RUNNING, StateType.CANCELLING, None
    )
    monkeypatch.setattr(cancelling, "get_client", lambda: answers)
    monkeypatch.setattr(cancelling, "_LOOKS_EVERY", 0)
    asyncio.run(asyncio.wait_for(cancelling._cancelled(uuid4()), 30))
    assert answers.left == 1
