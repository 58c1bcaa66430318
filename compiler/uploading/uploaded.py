"""What an upload did, for whoever tells of it."""

from dataclasses import dataclass, field

import msgspec

from data_models.events import Reject
from data_models.records import Receipt


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One session state that a store now has: `bytes` of the slim blob, `redactions` secrets by kind."""

    session_id: str
    agent: str
    author: str
    project: str
    store: str
    receipt: str
    bytes: int
    redactions: dict[str, int]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A session that stays on this machine, the folder it ran in, and why."""

    session_id: str
    cwd: str
    reason: str


@dataclass
class Uploaded:
    """What an upload did. `new` and `sent` are in the same order, the keys of the receipts and what they are of.

    `projects` are those of every session found, new or not; `kept` the sessions found that may not go to the
    store, and so went to the default local one; `degraded` what is less than it could be, and why.
    """

    new: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    degraded: list[str] = field(default_factory=list)
    unchanged: int = 0
    projects: set[str] = field(default_factory=set)
    raw_bytes: int = 0
    skipped: list[Reject] = field(default_factory=list)

    def add(self, receipt: Receipt, key: str, store: str) -> None:
        """Count one session: its receipt with the key, and the address of the store that it went to."""
        self.new.append(key)
        self.sent.append(
            Sent(
                session_id=receipt.session_id,
                agent=receipt.agent,
                author=receipt.author,
                project=receipt.project,
                store=store,
                receipt=key,
                bytes=receipt.slim.size,
                redactions=receipt.redactions,
            )
        )
        self.raw_bytes += receipt.raw_bytes
        self.projects.add(receipt.project)
