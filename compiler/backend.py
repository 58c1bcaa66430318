"""What summarises: the protocol that the extractive and the model backend both keep."""

from collections.abc import Sequence
from typing import Protocol

from data_models.knowledge import Chunk, ChunkSummary, Level, Node, Root, SessionInfo


class Backend(Protocol):
    """Turns chunks into knowledge, level by level.

    Every method is a function of its arguments alone: the caller memoises results by a hash of the inputs and
    of `id`. Nodes are returned with `id=""`; the caller, who computed that hash, fills it in.
    """

    @property
    def id(self) -> str:
        """Name and version. It changes whenever equal inputs could give another result."""
        ...

    @property
    def paid(self) -> bool:
        """Whether a call costs money, so that its result must be kept at once."""
        ...

    async def summarize(self, chunk: Chunk) -> ChunkSummary:
        """What one chunk says. Citations have an empty `session_id`."""
        ...

    async def digest(self, session: SessionInfo, summaries: Sequence[ChunkSummary]) -> Node:
        """What one session says: its chunk summaries in order, citations completed with the session's id."""
        ...

    async def rollup(self, level: Level, bucket: str, children: Sequence[Node]) -> Node:
        """What the nodes below say together, in bounded size. The children's order does not matter."""
        ...

    async def root(self, project: str, nodes: Sequence[Node]) -> Root:
        """The lines of the compiled context, from the month rollups, oldest first."""
        ...
