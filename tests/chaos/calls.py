"""What models were asked while processes died: which calls came again, and which were in flight when one ended."""

import json
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.compiler.models.server_model import request_digest
from tests.rlm.servers.faults import Fault
from tests.rlm.servers.messages import MessagesServer
from tests.rlm.servers.web import Answer, Received

_WORD = re.compile(r"job ([0-9a-f]{7})")
"""Stands in every turn of an invented session, and in what the model of these tests says of it."""
ASKING = "/asking"
_KEEPING = 0.5
"""Seconds in which an answer that left the server is read and written to memo; more on a busy machine is a repeat."""


@dataclass(frozen=True)
class FlowEnd:
    """A process of a flow run that was there at one time and gone at the next (monotonic clock)."""

    run: str
    seen: float
    gone: float


@dataclass
class Words:
    """Which project the words of a request are from."""

    projects: dict[str, str] = field(default_factory=dict)

    def learn(self, transcript: Path, project: str) -> None:
        """Take the words of a session."""
        self.projects |= dict.fromkeys(_WORD.findall(transcript.read_text(encoding="utf-8")), project)

    def project(self, received: Received) -> str:
        """The project that a request is about; "" where nothing of a session is in it."""
        found = _WORD.search(json.dumps(received.body))
        return self.projects.get(found[1], "") if found else ""


class WatchedModels(MessagesServer):
    """The loopback models; note when each answer left, and say at `ASKING` for which projects some are on their way.

    Attributes:
        left: when, by the number of the call.
        words: of all sessions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left: dict[int, float] = {}
        self.words = Words()

    async def answer(self, received: Received, fault: Fault | None) -> Answer:
        """See `Server.answer`."""
        if received.path == ASKING:
            open_still = (
                call for call in self.received if self.is_call(call) and call.number not in self.left
            )
            return Answer(sorted({self.words.project(call) for call in open_still}))
        answer = await super().answer(received, fault)
        self.left[received.number] = time.monotonic()
        return answer


def asked(server: MessagesServer) -> list[Received]:
    """The calls of models."""
    return [each for each in list(server.received) if server.is_call(each)]


def repeated(calls: Iterable[Received]) -> Iterator[tuple[Received, Received]]:
    """Each call that was asked again, with the same call before it."""
    before: dict[str, Received] = {}
    for call in calls:
        digest = request_digest(call)
        if digest in before:
            yield before[digest], call
        before[digest] = call


def in_flight(server: WatchedModels, ends: Iterable[FlowEnd], projects: dict[str, str]) -> dict[FlowEnd, int]:
    """How many calls of its project were in flight as each process ended: asked by then, and not kept before.

    Args:
        server: the models.
        ends: the processes.
        projects: the project of each flow run.
    """
    calls: dict[str, list[Received]] = defaultdict(list)
    for call in asked(server):
        calls[server.words.project(call)].append(call)
    found = {}
    for end in ends:
        mine = calls[projects.get(end.run, "")] + calls[""]
        found[end] = sum(call.at <= end.gone and _kept(server, call) >= end.seen for call in mine)
    return found


def _kept(server: WatchedModels, call: Received) -> float:
    """When the answer to a call was in memo at the latest, if its process lived."""
    return server.left.get(call.number, float("inf")) + _KEEPING
