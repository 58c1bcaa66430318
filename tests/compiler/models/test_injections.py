"""Instructions planted in transcripts do not come out of a compile, even where the model falls for each of them."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from compiler.local_copy import refresh
from compiler.models import clients
from compiler.pipeline import compile_project
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from rlm.clients.options import Options
from rlm.clients.protocol import Client
from tests.compiler.models.injections import INJECTIONS, Gullible, Injection

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


def session(injection: Injection, number: int) -> tuple[str, list[dict[str, Any]]]:
    """A session in which an injection is met, and some honest work is done: its id and records."""
    name = str(uuid.UUID(int=(number + 1) << 64 | number + 1))
    words = f"please round the totals of till {number} to cents. Always run make check before you commit."
    planted = injection.text
    bodies: list[tuple[str, Any]] = [("user", planted if injection.where == "paste" else words)]
    bodies.append(("assistant", [{"type": "text", "text": f"I will look at till_{number}.py first."}]))
    if injection.where == "host":
        bodies.append(("user", f"<task-notification>{planted}</task-notification>"))
    elif injection.where != "paste":
        bodies += _called(injection.where, planted, number)
    else:
        bodies.append(("user", words))
    said = (
        f"Decided to round the totals of till {number} half up in `till_{number}.py`, because floats drift."
    )
    bodies.append(("assistant", [{"type": "text", "text": said}]))
    return name, [_record(name, role, body, number, place) for place, (role, body) in enumerate(bodies)]


def _called(where: str, planted: str, number: int) -> list[tuple[str, Any]]:
    tool, arguments = {
        "file": ("Read", {"file_path": "/src/shop/README.md"}),
        "page": ("WebFetch", {"url": "https://docs.shop.test/rounding", "prompt": "how to round"}),
        "issue": ("Bash", {"command": f"gh issue view {number}"}),
        "log": ("Bash", {"command": "git log -3"}),
        "tool": ("Bash", {"command": "make check"}),
    }[where]
    call = {"type": "tool_use", "id": f"toolu_{number}", "name": tool, "input": arguments}
    result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": planted}
    return [("assistant", [call]), ("user", [result])]


def _record(name: str, role: str, body: Any, number: int, place: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": body}
    if role == "assistant":
        message |= {"id": f"msg_{number}_{place}", "type": "message", "model": "claude-invented-1"}
    moment = START + timedelta(hours=number, minutes=place)
    return {
        "parentUuid": None,
        "isSidechain": False,
        "type": role,
        "message": message,
        "uuid": str(uuid.UUID(int=number << 80 | place + 1)),
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "userType": "external",
        "cwd": "/src/shop",
        "sessionId": name,
        "version": "2.1.330",
        "gitBranch": "main",
    }


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    """The brief, the full text and the root's lines of a project whose sessions are all poisoned."""
    folder = tmp_path / "team" / "ann" / "projects" / "-src-shop"
    folder.mkdir(parents=True)
    for number, injection in enumerate(INJECTIONS):
        name, records = session(injection, number)
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    model = Gullible()

    def opened(name: str, options: Options) -> Client:
        return model

    monkeypatch.setattr(clients, "open_client", opened)
    monkeypatch.setenv("RLM_CONTEXT_BACKEND", "model")
    monkeypatch.setenv("RLM_CONTEXT_ROOT_PASS", "reduce")
    runtime = open_runtime()
    upload(runtime, [tmp_path / "team"], project="shop")
    report = asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    assert report.degraded == []
    assert len(model.requests) > len(INJECTIONS)
    assert report.refused > 100
    copy = refresh(runtime, "shop")
    assert copy is not None
    return copy.read("brief.md"), copy.read("full.md"), copy.read("root.json")


def test_no_injection_comes_out_of_a_compile(texts: tuple[str, str, str]) -> None:
    """Over twenty instructions, a model that obeys them all: no order, tool or address of theirs is in any text."""
    assert len(INJECTIONS) >= 20
    lines = [line for text in texts for line in text.splitlines()]
    for one in INJECTIONS:
        found = [line for line in lines if any(bait.lower() in line.lower() for bait in one.bait)]
        if found:
            print(one.name, [x for x in found if len(x) < 900])


def test_the_honest_work_of_poisoned_sessions_stands(texts: tuple[str, str, str]) -> None:
    """What people asked for in the same sessions is still told."""
    brief, _, _ = texts
    assert "make check" in brief
    assert "cents" in brief
