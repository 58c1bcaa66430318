"""What `status` and `doctor` say of compiles that workers asked for."""

import asyncio
import time
from pathlib import Path

import pytest

from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from rlm_context.hooks.trigger.record import Trigger, forget_trigger, read_triggers, write_trigger
from tests.cli.helpers import MIRA, rlm
from tests.cli.shapes import SHAPES, misfits


def now() -> int:
    """Unix milliseconds; asked in each test, since the suite may have run for long."""
    return int(time.time() * 1000)


@pytest.fixture
def folder(home: Path) -> Path:
    """A home with uploads that no generation holds."""
    upload(open_runtime(), [MIRA], project="acme/tide")
    return home / "rlm-context"


def left(folder: Path, **fields: object) -> None:
    """A worker left this record."""
    given = {"project": "acme/tide", "place": "Prefect", "state": "waiting", "since": now(), "asked": now()}
    write_trigger(folder, Trigger(store=str(folder / "store"), **given | fields))  # type: ignore[arg-type]


def checks() -> list[tuple[bool | None, str, str]]:
    found = rlm("doctor", "--json").document["checks"]
    return [(one["ok"], one["detail"], one["next_command"]) for one in found if one["name"] == "trigger"]


def test_a_run_that_waits_is_told(folder: Path) -> None:
    """In the document and as a line; there is nothing to do about it, unless nobody takes it up."""
    left(folder, run="r")
    document = rlm("status", "--json").document
    assert list(misfits(document, SHAPES["status"])) == []
    assert [(one["state"], one["run"]) for one in document["triggers"]] == [("waiting", "r")]
    assert "Trigger: acme/tide on Prefect: asked for, and not begun yet, since 20" in rlm("status").out
    assert checks() == []
    left(folder, run="r", since=now() - 3_600_000)
    ((ok, _, command),) = checks()
    assert ok is None
    assert "prefect worker start" in command


@pytest.mark.parametrize(
    ("fields", "ok"),
    [
        ({"state": "refused", "error": "no", "next_command": "mend"}, False),
        ({"state": "refused", "error": "no", "next_command": "mend", "here": True}, None),
        ({"state": "failed", "error": "no", "next_command": "mend"}, False),
        ({"state": "away", "error": "no", "next_command": ""}, None),
    ],
)
def test_what_is_wrong_is_told_with_what_mends_it(
    folder: Path, fields: dict[str, object], ok: bool | None
) -> None:
    """By both; `doctor` fails where nothing is compiled because of it."""
    left(folder, **fields)
    ((found, detail, command),) = checks()
    assert (found, detail.endswith(": no")) == (ok, True)
    assert command == (fields["next_command"] or "rlm-context compile, or the next session")
    line = next(line for line in rlm("status").out.splitlines() if line.startswith("Trigger: "))
    assert line.endswith(f". Next: {command}")
    assert ("compiled on this machine instead" in line) is (ok is None and fields["state"] == "refused")


def test_what_was_compiled_meanwhile_is_not_told(folder: Path) -> None:
    """A record whose uploads wait no more says nothing; a refusal stays until the place does what it is asked."""
    left(folder, project="acme/other")
    assert rlm("status", "--json").document["triggers"] == []
    left(folder)
    runtime = open_runtime()
    asyncio.run(
        compile_project(runtime, "acme/tide", DirectSteps(runtime))
    )  # elsewhere: nobody acknowledges here
    document = rlm("status", "--json").document
    assert (document["triggers"], document["spool"], len(runtime.spool.pending())) == ([], 0, 4)
    forget_trigger(folder, str(folder / "store"), "acme/tide")
    left(folder, project="acme/other", state="refused")
    assert len(rlm("status", "--json").document["triggers"]) == 1
    assert len(read_triggers(folder)) == 1
