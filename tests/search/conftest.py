"""An index of two invented sessions."""

from pathlib import Path

import pytest

from search.build import assemble, build_segment
from tests.search.samples import CONES, GLAZE, HOUR, START, documents


@pytest.fixture(scope="session")
def pottery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of two authors, each its own segment."""
    folder = tmp_path_factory.mktemp("pottery") / "index"
    segments = [
        build_segment(documents("11111111-aaaa", GLAZE)),
        build_segment(documents("22222222-bbbb", CONES, author="grace", start=START + 48 * HOUR)),
    ]
    assemble(segments, {}, folder)
    return folder
