"""A store whose sessions have words of their own, compiled without Prefect."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.local_copy import refresh
from compiler.pipeline import compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from tests.forget.words import write_words

Compile = Callable[[Runtime], None]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four sessions of two authors; the last has grown once."""
    folder = tmp_path / "source"
    for number in range(4):
        write_words(folder, number, author=("ann", "ben")[number % 2], states=2 if number == 3 else 1)
    return folder


@pytest.fixture
def runtime(home: Path) -> Runtime:
    return open_runtime()


@pytest.fixture
def compiled(runtime: Runtime, source: Path) -> Runtime:
    """Uploaded, compiled in two generations, and looked at on this machine."""
    upload(runtime, [source / "ann"], project="shop")
    compile_shop(runtime)
    upload(runtime, [source / "ben"], project="shop")
    compile_shop(runtime)
    return runtime


def compile_shop(runtime: Runtime, *, full: bool = False) -> None:
    asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime), full=full))
    assert refresh(runtime, "shop") is not None
