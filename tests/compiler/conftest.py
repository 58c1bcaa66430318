"""A small team's sessions, compiled without Prefect."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.pipeline import compile_project
from compiler.report import ProjectReport
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from tests.synthetic import write_team

Compile = Callable[..., ProjectReport]


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Twelve sessions of three authors over one day."""
    return write_team(tmp_path / "team", 12)


@pytest.fixture
def runtime(home: Path) -> Runtime:
    """A runtime on an empty local store."""
    return open_runtime()


@pytest.fixture
def compile_team(runtime: Runtime) -> Compile:
    """Upload a folder's sessions as project "shop" and compile them; the report."""

    def run(source: Path, *, full: bool = False) -> ProjectReport:
        upload(runtime, [source], project="shop")
        return asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime), full=full))

    return run
