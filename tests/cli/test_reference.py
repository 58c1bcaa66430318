"""docs/cli.md is what the program does."""

import contextlib
import io
from pathlib import Path

import click
import pytest

from rlm_context.cli import COMMANDS, cli
from tests.cli.helpers import MIRA, Result, rlm
from tests.cli.shapes import HELP, SHAPES, misfits


def help_text(*arguments: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        cli.main([*arguments, "--help"], prog_name="rlm-context", standalone_mode=False, terminal_width=100)
    return out.getvalue().rstrip()


def paths() -> list[tuple[str, ...]]:
    """Every command, and those of a group, as they are typed."""
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        inner = list(command.commands) if isinstance(command, click.Group) else []
        found += [(name,), *((name, one) for one in inner)]
    return found


@pytest.mark.parametrize("path", paths(), ids="-".join)
def test_help_stands_in_the_reference(path: tuple[str, ...]) -> None:
    """Each command's help text is on the page as the command prints it."""
    assert HELP["-".join(path)] == help_text(*path)


def test_the_page_knows_every_command_and_no_other() -> None:
    """The overview and one section for each command."""
    assert HELP["rlm-context"] == help_text()
    assert set(HELP) == {"rlm-context", *map("-".join, paths())}


@pytest.mark.parametrize("path", paths(), ids="-".join)
def test_every_option_explains_itself(path: tuple[str, ...]) -> None:
    """No option without a help text."""
    found: click.Command | None = cli
    for name in path:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert found is not None
    options = [option for option in found.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


DOCUMENTS = {
    "show": ["show", "--format", "json", "--full"],
    "search": ["search", "--json", "alerts after a restart"],
    "why-session": ["why", "--json", "46774c9d"],
    "why-text": ["why", "--json", "transaction"],
    "sessions": ["sessions", "--json"],
    "session": ["session", "--json", "46774c9d"],
    "status": ["status", "--json"],
    "store-verify": ["store", "verify", "--json"],
    "store-gc": ["store", "gc", "--json"],
    "store-upgrade": ["store", "upgrade", "--json"],
    "report": ["report", "--json"],
    "doctor": ["doctor", "--json", "--source", str(MIRA)],
}
MAIN_LISTS = {"projects", "hits", "lines", "sessions", "events", "checks"}
"""Arrays that must hold something, or the check would see nothing of their shape."""


@pytest.mark.parametrize("shape", DOCUMENTS)
def test_documents_have_their_documented_shape(shape: str, compiled: Path) -> None:
    """What reading commands print with --json has every documented key and no other."""
    result = rlm(*DOCUMENTS[shape])
    assert (result.code, result.err) == (0, "")
    assert list(misfits(result.document, SHAPES[shape])) == []
    assert not any(result.document[name] == [] for name in MAIN_LISTS & result.document.keys())


def test_compile_has_its_documented_shape(direct: Path) -> None:
    """So has a compile's, with projects and totals, and a dry run's."""
    dry = rlm("compile", "--dry-run", "--json", "--source", MIRA)
    assert list(misfits(dry.document, SHAPES["compile-dry-run"])) == []
    result = rlm("compile", "--json", "--source", MIRA)
    assert list(misfits(result.document, SHAPES["compile"])) == []
    assert result.document["totals"]["sessions"] == {"total": 4, "new": 4}


def test_an_older_generation_and_an_export_have_their_documented_shape(
    compiled: Path, tmp_path: Path
) -> None:
    """`show --generation` prints what `show` does; `export` says what it wrote."""
    older = rlm("show", "--generation", "1", "--format", "json")
    assert list(misfits(older.document, SHAPES["show"])) == []
    assert older == rlm("show", "--format", "json")
    written = rlm("export", "--json", tmp_path / "out")
    assert list(misfits(written.document, SHAPES["export"])) == []


def test_a_copied_store_has_its_documented_shape(compiled: Path, tmp_path: Path) -> None:
    """`store copy` says what it copied, and what it could not."""
    first, blob = str(compiled / "store"), next((compiled / "store" / "blobs").rglob("*/*/*"))
    copied = rlm("store", "copy", "--json", first, tmp_path / "copy")
    assert (copied.code, copied.document["faults"]) == (0, [])
    damaged = tmp_path / "copy" / blob.relative_to(first)
    damaged.write_bytes(b"damaged")
    again = rlm("store", "copy", "--json", tmp_path / "copy", tmp_path / "again")
    assert (again.code, len(again.document["faults"])) == (1, 1)
    assert list(misfits(again.document, SHAPES["store-copy"])) == []


def test_a_shape_is_strict() -> None:
    """The check itself sees missing and extra keys and wrong types."""
    shape = {"a": "integer: x", "b": ["string or null: y"], "c": {"<k>": "number: z"}}
    assert list(misfits({"a": 1, "b": [None, "t"], "c": {"n": 1.5}}, shape)) == []
    assert len(list(misfits({"a": "1", "b": [2], "d": 0}, shape))) == 3


def test_the_first_compile_through_prefect_has_the_shape(first_compile: Result, compiled: Path) -> None:
    """A later compile with --json prints the same document, read from the store."""
    again = rlm("compile", "--json", "--project", "tidewatch")
    assert list(misfits(again.document, SHAPES["compile"])) == []
