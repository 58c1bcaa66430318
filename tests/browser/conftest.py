"""A headless Chromium that can reach nothing but this machine, and a home to look at with it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.scene import Scene, scene
from tests.browser.window import Window, window

CHROMIUM = shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is skipped where there is no browser."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.timeout(600))
            item.add_marker(
                pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
            )


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The home and its server; tests look at it and change nothing that others look at."""
    with scene(tmp_path_factory.mktemp("browser")) as made:
        yield made


@pytest.fixture
def browser(home: Path, request: pytest.FixtureRequest) -> Iterator[Window]:
    """A new browser, closed after the test: while it is open, its event loop is this thread's."""
    assert CHROMIUM is not None
    with window(CHROMIUM, scheme=getattr(request, "param", "dark")) as opened:
        yield opened
