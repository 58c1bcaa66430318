"""A compiled project, and root passes over it with prepared replies of the models."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.account import Account, Part
from compiler.citations import render
from compiler.extractive import lines
from compiler.local_copy import refresh
from compiler.models.clients import Clients
from compiler.models.root_pass.root import root
from compiler.pipeline import compile_project
from compiler.runtime import Runtime
from compiler.sessions import Sessions
from compiler.steps import DirectSteps
from compiler.tree import load_nodes
from compiler.uploading.upload import upload
from data_models.knowledge import Line, Node, Root, Section
from data_models.settings import Settings, load_settings
from rlm.clients.protocol import Client
from rlm.clients.scripted import EchoClient, QueueClient, Reply


class FakeClients(Clients):
    """The root client and the sub client that a test gives."""

    def __init__(self, root: Client, sub: Client | None = None) -> None:
        super().__init__(load_settings().models)
        self._given = (root, sub or EchoClient())

    @property
    def root(self) -> Client:
        """See `Clients.root`."""
        return self._given[0]

    @property
    def sub(self) -> Client:
        """See `Clients.sub`."""
        return self._given[1]


@dataclass
class Project:
    """What a root pass is given."""

    runtime: Runtime
    nodes: list[Node]
    sessions: Sessions

    @property
    def rules(self) -> Root:
        """The extractive root."""
        return lines.root("shop", self.nodes)

    def line(self, section: Section, number: int = 0) -> Line:
        """A line that rules chose and nothing superseded."""
        standing = [one for one in self.rules.lines if not one.superseded_by]
        return [one for one in standing if one.section == section][number]

    def holding(self, words: str) -> Line:
        """The line that rules chose which holds these words."""
        return next(one for one in self.rules.lines if words in one.text)

    def cites(self, line: Line) -> list[str]:
        """A line's citations as a model writes them."""
        return render(line.citations, self.sessions.short).split()

    def written(self, section: Section, number: int = 0, **other: Any) -> dict[str, Any]:
        """A line that a model might write: what rules chose, said a little differently."""
        return self.reworded(self.line(section, number), **other)

    def reworded(self, line: Line, **other: Any) -> dict[str, Any]:
        """The same of any line."""
        plain = line.text.partition(": ")[2].strip("“”").partition(". ")[0][:240]
        return {"section": line.section, "text": plain, "cites": self.cites(line)} | other

    def run(
        self,
        replies: Iterable[Reply] | QueueClient,
        *,
        root_pass: str = "rlm",
        sub: Client | None = None,
        max_usd: float | None = None,
    ) -> tuple[Root, Part, QueueClient]:
        """A root pass with these replies of the root model; what came of it, what it cost, what was asked."""
        client = replies if isinstance(replies, QueueClient) else QueueClient(replies)
        part = Account(self.runtime.replies, max_usd).part()
        made = asyncio.run(self.pass_(client, part, root_pass=root_pass, sub=sub))
        return made, part, client

    async def pass_(
        self, client: Client, part: Part, *, root_pass: str = "rlm", sub: Client | None = None
    ) -> Root:
        """The same inside an event loop."""
        settings = Settings(root_pass=root_pass)  # type: ignore[arg-type]  # pydantic checks it
        return await root(FakeClients(client, sub), settings, "shop", self.nodes, self.sessions, part)


def compiled(runtime: Runtime, *sources: Path) -> Project:
    """A project of these sessions, compiled without a model."""
    upload(runtime, list(sources), project="shop")
    asyncio.run(compile_project(runtime, "shop", DirectSteps(runtime)))
    return opened(runtime)


def opened(runtime: Runtime) -> Project:
    """The project that was compiled in this home."""
    copy = refresh(runtime, "shop")
    assert copy is not None
    entries = copy.sessions()
    nodes = asyncio.run(load_nodes(runtime, "shop", entries, runtime.account()))
    return Project(runtime, nodes, Sessions(runtime.store, "shop", entries, lambda: copy.index))


def repl(*blocks: str) -> str:
    """A reply with code blocks."""
    return "\n\n".join(f"```repl\n{block}\n```" for block in blocks)


def drafting(drafted: Sequence[dict[str, Any]], then: str = "") -> str:
    """Code that drafts these lines and prints what is wrong with them."""
    return repl(f"lines = {json.dumps(list(drafted))}\nprint(draft(lines))\n{then}")


DONE = repl('finish("done")')
