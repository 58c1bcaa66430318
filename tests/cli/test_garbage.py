"""Garbage under every kind of key of a store: every command that reads or writes it stands."""

import itertools
from pathlib import Path

import pytest

from store.local import LocalStore
from tests.cli.helpers import EXAMPLES, rlm
from tests.store.test_garbage import CONTENTS, NAMES

FOLDERS = (
    *("inbox/shop/mira/s", "inbox/shop/mira", "inbox/shop", "inbox", "inbox/planted"),
    *("gen/shop", "gen", "gen/planted", "gen/%zz", "memo/map/ab", "memo/map", "memo"),
    *("blobs/sha256/ab", "blobs", "leases/compile%20shop", "leases", "runs/shop", "runs"),
    *(
        "notes/shop/mira/s",
        "notes/shop",
        "notes",
        "tombstones",
        "compiled/shop",
        "sessions/mira/s",
        "sessions",
    ),
)
PLANTED = [
    "/".join(key)
    for key in itertools.product(FOLDERS, [*NAMES, "9999999999999-abcdef01.json", "garbage.json"])
]


@pytest.mark.parametrize("content", CONTENTS, ids=range(len(CONTENTS)))
def test_every_command_stands(content: bytes, small: Path, tmp_path: Path) -> None:
    """What is sound is found, uploaded and compiled as before; what cannot be read is named, and nothing is removed."""
    brief = rlm("show").out
    store = LocalStore(small / "store")
    sound = set(store.keys())
    store.put_many((key, content) for key in PLANTED)
    for command in (
        *(["status"], ["status", "--json"], ["sessions"], ["search", "reads"], ["ask", "what reads"]),
        *(
            ["why", "reads"],
            ["export", tmp_path / "out"],
            ["store", "upgrade"],
            ["upload", EXAMPLES / "jonas"],
        ),
    ):
        result = rlm(*command)
        assert result.code == 0, (command, result.err)
    assert rlm("show", "--project", "shop").out == brief
    assert rlm("compile", "--source", EXAMPLES, "--project", "shop").code == 0
    for command in (["doctor"], ["store", "verify"], ["store", "gc"]):
        result = rlm(*command)
        assert result.code == 1
        assert "unexpected" not in result.err
    assert sound <= set(store.keys())
