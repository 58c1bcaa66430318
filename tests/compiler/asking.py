"""Questions to scripted models about compiled projects."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from compiler.asking.answer import Answer
from compiler.asking.ask import ask
from compiler.asking.progress import Progress
from compiler.local_copy import Copy, refresh
from compiler.models import clients
from compiler.pipeline import compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from rlm.clients.options import Options
from rlm.clients.protocol import Client
from rlm.clients.scripted import EchoClient, QueueClient, Reply

Records = Sequence[dict[str, Any]]


def repl(code: str) -> str:
    """A reply with a code block."""
    return f"```repl\n{code}\n```"


def compiled(runtime: Runtime, source: Path, project: str = "shop") -> Copy:
    """The local copy of a project of these sessions, compiled without a model."""
    upload(runtime, [source], project=project)
    asyncio.run(compile_project(runtime, project, DirectSteps(runtime)))
    copy = refresh(runtime, project)
    assert copy is not None
    return copy


def write_sessions(folder: Path, sessions: dict[str, Records]) -> Path:
    """Sessions by id as an agent's folder holds them."""
    target = folder / "ann" / "projects" / "-src-shop"
    target.mkdir(parents=True)
    for name, records in sessions.items():
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (target / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


class Asking:
    """Asks scripted models.

    Attributes:
        root: the root model of the last question.
        shown: the progress that was shown.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clients, "open_client", self._open)
        monkeypatch.setenv("RLM_CONTEXT_BACKEND", "model")
        self.root: Client = EchoClient()
        self.sub: Client = EchoClient()
        self.shown: list[Progress] = []

    def __call__(
        self, copies: Sequence[Copy], *replies: Reply, question: str = "How?", max_usd: float | None = None
    ) -> Answer:
        """The answer that comes of these replies of the root model."""
        self.root = QueueClient(replies)
        show: Callable[[Progress], None] = self.shown.append
        return asyncio.run(ask(open_runtime(), copies, question, max_usd=max_usd, show=show))

    def _open(self, name: str, options: Options) -> Client:
        return self.root if "sonnet" in name else self.sub
