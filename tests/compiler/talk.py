"""Invented conversations for tests of the extractive backend: one call a message, `seq` counted along."""

from typing import Any

import msgspec

from compiler.extractive import summarize, tree
from data_models.events import Event
from data_models.knowledge import Chunk, ChunkSummary, Node, SessionInfo, Statement

DAY_MS = 86_400_000
START_MS = 1_767_603_600_000  # 2026-01-05 09:00 UTC


class Talk:
    """A conversation in the making. Each message comes one minute after the one before."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self.events: list[Event] = []
        self._time = start_ms

    def _add(self, role: Any, kind: Any, text: str, **more: Any) -> "Talk":
        self._time += 60_000
        seq = len(self.events) + 1
        event = Event(seq=seq, block=0, role=role, kind=kind, text=text, time=self._time, cwd="/repo", **more)
        self.events.append(event)
        return self

    def human(self, text: str, kind: str = "prompt") -> "Talk":
        """A person's words."""
        return self._add("human", kind, text)

    def agent(self, text: str) -> "Talk":
        """The agent's words."""
        return self._add("assistant", "text", text)

    def host(self, text: str, kind: str) -> "Talk":
        """The host's words: a title, a compaction summary."""
        return self._add("harness", kind, text)

    def call(
        self, tool: str, text: str, result: str = "", *, file: str | None = None, failed: bool = False
    ) -> "Talk":
        """A tool call and its result."""
        name = f"call-{len(self.events)}"
        self._add("assistant", "tool_use", text, tool=tool, tool_use_id=name, file_path=file)
        return self._add("tool", "tool_result", result, tool=tool, tool_use_id=name, is_error=failed)

    def run(self, command: str, result: str = "", *, failed: bool = False) -> "Talk":
        """A shell command and its output."""
        return self.call("Bash", command, result, failed=failed)

    def edit(self, path: str, old: str = "a", new: str = "b") -> "Talk":
        """An edit of a file below the working folder."""
        return self.call("Edit", f"/repo/{path}\n--- old\n{old}\n+++ new\n{new}", file=f"/repo/{path}")

    def commit(self, message: str, ref: str = "1a2b3c4") -> "Talk":
        """A commit that succeeds."""
        subject = message.split("\n")[0]
        command = f"git commit -m \"$(cat <<'EOF'\n{message}\nEOF\n)\""
        return self.run(command, f"[main {ref}] {subject}\n 1 file changed")

    def chunk(self, session: str = "s", index: int = 0) -> Chunk:
        """All of it as one chunk."""
        events = tuple(self.events)
        return Chunk(
            id=f"{session}-{index}",
            session_id=session,
            index=index,
            first="1",
            last="9",
            tokens=1,
            events=events,
        )


def summarise(talk: Talk) -> ChunkSummary:
    """The summary of a conversation as one chunk."""
    return summarize.summarize(talk.chunk())


def digest(talk: Talk, session: str = "0000-aaaa", author: str = "ada", branch: str = "main") -> Node:
    """The digest of a conversation as one session; its id is its hash, as the caller fills it in."""
    times = [event.time or 0 for event in talk.events]
    info = SessionInfo(
        session_id=session,
        agent="claude-code",
        author=author,
        project="shop",
        branch=branch,
        started=min(times, default=0),
        ended=max(times, default=0),
        prompts=1,
        events=len(talk.events),
    )
    node = tree.digest(info, [summarize.summarize(talk.chunk(session))])
    return msgspec.structs.replace(node, id=f"node-{session}")


def told(source: ChunkSummary | Node, kind: str) -> list[Statement]:
    """The statements of one kind."""
    return [one for one in source.statements if one.kind == kind]
