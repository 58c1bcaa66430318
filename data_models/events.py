"""The event: one normalised row, one block of one message of one session.

Arrow and Parquet hold the same columns plus four that are constant in a session
(`session_id`, `agent`, `author`, `project`); `EVENT_SCHEMA` is the stored form.
"""

from typing import Literal

import msgspec

SCHEMA_VERSION = 1
LATEST_MS = 253_402_300_799_999
"""The end of the year 9999 in Unix milliseconds: no calendar goes further, so no time may."""

Role = Literal["human", "assistant", "tool", "harness"]
"""Who said it. `human` is a person's own words wherever the host keeps them; `harness` is the host's text."""

Kind = Literal[
    "prompt",  # human: a typed prompt
    "queued",  # human: text typed while the agent worked, kept in a queue operation
    "answer",  # human: the answer to a question of the agent
    "rejection",  # human: words given when refusing a tool call
    "plan_edit",  # human: a plan approved or changed, with the words that came with it
    "command",  # human: a slash command and its arguments
    "shell",  # human: a `!` command typed into the agent
    "text",  # assistant: said
    "thinking",  # assistant: thought
    "tool_use",  # assistant: a call; `tool`, `tool_use_id`, `file_path` are set
    "tool_result",  # tool: its result; `is_error` is set
    "summary",  # harness: a compaction summary
    "title",  # harness: a session title or a `summary` record
    "pr_link",  # harness: a pull request the host linked
    "api_error",  # harness: the model service failed
    "interrupt",  # harness: the human stopped the agent
    "notification",  # harness: a background task reported
    "output",  # harness: output of a slash or shell command
    "image",  # an image or document: its media type and size, not its bytes
    "context",  # harness: attachments, reminders and other text the host put in
    "compaction",  # harness: the boundary where the host compacted
]


class Event(msgspec.Struct, gc=False, kw_only=True):
    """One block of one message.

    `seq` is the 1-based number of the record in the host's raw file, `block` the 0-based position inside it.
    `subagent` is "" for the session's main file, else the subagent's id. `time` is Unix milliseconds, UTC.
    Token counts stand on exactly one event of each API message (the host repeats them on every line).
    """

    seq: int
    block: int
    role: Role
    kind: Kind
    text: str
    subagent: str = ""
    uuid: str | None = None
    message_id: str | None = None
    time: int | None = None
    tool: str | None = None
    tool_use_id: str | None = None
    file_path: str | None = None
    is_error: bool = False
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cwd: str | None = None
    git_branch: str | None = None
    host_version: str | None = None
    sidechain: bool = False

    @property
    def ref(self) -> str:
        """The `seq` as a citation shows it: "12", or "agent-id/12" for a subagent."""
        return f"{self.subagent}/{self.seq}" if self.subagent else str(self.seq)


class Reject(msgspec.Struct, frozen=True):
    """One record that could not be read: the file as the user knows it, its 1-based line, and why."""

    file: str
    line: int
    reason: str
