"""What the prompt says of the helpers is so, in every sandbox."""

import asyncio
from typing import Any

import pytest

from rlm.budget import Budget
from rlm.prompt import HELPERS, helper_docs, system_prompt
from rlm.sandbox.jail import JailSandbox, why_not
from rlm.sandbox.monty import LANGUAGE, MontySandbox

EXAMPLES = [(helper.name, example) for helper in helper_docs() for example in helper.examples]


async def names(name: str, args: list[Any], kwargs: dict[str, Any]) -> list[str]:
    return ["x", "missing"]


async def printed(sandbox: Any, sources: list[str]) -> list[str]:
    """What each source prints in a session of its own language, as a doctest would show it."""
    async with sandbox.pool(1) as pool, pool.session(names, ["_names"]) as session:
        assert (await session.run(HELPERS)).error is None
        shown = []
        for source in sources:
            *first, last = source.strip().split("; ")
            show = last if last.startswith("print(") else f"print(repr({last}))"
            outcome = await session.run("\n".join([*first, show]))
            shown.append(outcome.error or outcome.output)
    return shown


@pytest.mark.parametrize("sandbox", [MontySandbox, JailSandbox])
def test_examples_run_in_every_sandbox(sandbox: Any) -> None:
    """Every example of every helper gives what its docstring says."""
    if sandbox is JailSandbox and (reason := why_not()):
        pytest.skip(reason)
    shown = asyncio.run(printed(sandbox(), [example.source for _, example in EXAMPLES]))
    assert shown == [example.want for _, example in EXAMPLES]


def test_every_helper_has_an_example_and_stands_in_the_prompt() -> None:
    """No helper is undocumented."""
    prompt = system_prompt(LANGUAGE, {}, Budget(), 0)
    for helper in helper_docs():
        assert helper.examples, helper.name
        assert f"{helper.name}({helper.signature}): {helper.summary}" in prompt


_MODULES = """
re json math datetime time collections itertools functools random hashlib base64 bisect unicodedata copy decimal csv
dataclasses typing
"""
THERE = _MODULES.split()
GONE = [
    *(
        "import string",
        "import textwrap",
        "import statistics",
        "import heapq",
        "import operator",
        "import io",
    ),
    "class A:\n    pass\nclass B(A):\n    pass",
    "def f():\n    yield 1",
    "a = 1\ndel a",
    "class A:\n    @property\n    def x(self): return 1\nA().x + 1",
    "list(map(str.upper, ['a']))",
    "'a'.translate({97: 'b'})",
    "open('x')",
]


def test_what_the_prompt_says_of_montys_language_is_so() -> None:
    """The modules that the model is told of are there, and what it is told to avoid fails."""

    async def errors(sources: list[str]) -> list[str | None]:
        async with MontySandbox().pool(1) as pool, pool.session(names, []) as session:
            return [(await session.run(source)).error for source in sources]

    assert all(name in LANGUAGE for name in THERE)
    assert asyncio.run(errors([f"import {name}" for name in THERE])) == [None] * len(THERE)
    assert [
        source for source, error in zip(GONE, asyncio.run(errors(GONE)), strict=True) if error is None
    ] == []
