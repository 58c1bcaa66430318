"""What crosses between host and sandbox arrives as it was, or as JSON has it, or not at all."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.sandbox.jail import JailSandbox, why_not
from rlm.sandbox.monty import MontySandbox
from rlm.sandbox.protocol import SandboxLimits
from rlm.values import as_text, plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


class Echo:
    """A session whose host function gives back what it gets."""

    def __init__(self, sandbox: Any) -> None:
        self.runner = asyncio.Runner()
        self.pool = sandbox.pool(1)
        pool = self.runner.run(self.pool.__aenter__())
        self.open = pool.session(self.call, ["echo"])
        self.session = self.runner.run(self.open.__aenter__())

    async def call(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        return args[0]

    def there_and_back(self, value: Any) -> Any:
        async def trip() -> Any:
            await self.session.assign("given", value)
            outcome = await self.session.run("returned = echo(given)")
            assert outcome.error is None
            return await self.session.value("returned")

        return self.runner.run(trip())

    def close(self) -> None:
        self.runner.run(self.open.__aexit__(None, None, None))
        self.runner.run(self.pool.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture(scope="module", params=[MontySandbox, JailSandbox])
def echo(request: pytest.FixtureRequest) -> Iterator[Echo]:
    if request.param is JailSandbox and (reason := why_not()):
        pytest.skip(reason)
    echo = Echo(request.param(SandboxLimits()))
    yield echo
    echo.close()


@settings(max_examples=60, deadline=None)
@given(value=JSON)
def test_json_crosses_unchanged(echo: Echo, value: Any) -> None:
    """Into the sandbox, to a host function, back, and out again."""
    assert echo.there_and_back(value) == value


@settings(deadline=None)
@given(JSON)
def test_plain_leaves_json_alone(value: Any) -> None:
    """What is JSON already is not changed."""
    assert plain(value, 10**6) == value


def test_plain_makes_json_of_the_rest() -> None:
    """Tuples, sets, keys, bytes, objects, lone surrogates."""
    value = {1: (1, 2), None: {3}, "b": b"x", "o": range(2), "s": "\ud800"}
    assert plain(value, 1000) == {"1": [1, 2], "None": [3], "b": "b'x'", "o": "range(0, 2)", "s": "?"}


def test_plain_refuses_what_never_ends() -> None:
    """Cycles, shared parts that would explode, and deep nests end in an error, in no time."""
    cycle: list[Any] = []
    cycle.append(cycle)
    shared: list[Any] = ["x"]
    for _ in range(60):
        shared = [shared, shared]
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    for value in (cycle, shared, deep):
        with pytest.raises(ValueError, match="value"):
            plain(value, 100_000)


def test_answers_are_texts() -> None:
    """A text stays as it is, anything else is JSON."""
    assert (as_text("é"), as_text(["é", 1])) == ("é", '["é", 1]')
