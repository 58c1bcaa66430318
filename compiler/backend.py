"""What summarises: the protocol that the extractive and the model backend both keep."""

from collections.abc import Sequence
from typing import Protocol

from compiler.account import Part
from compiler.sessions import Sessions
from data_models.knowledge import Chunk, ChunkSummary, Level, Node, Root, SessionInfo
from rlm.clients.protocol import BatchClient


class Backend(Protocol):
    """Turns chunks into knowledge, level by level.

    What a method gives is memoised by the caller under a hash of its inputs and of the id beside it. Nodes are
    returned with `id=""`; the caller, who computed that hash, fills it in. Paid calls go through `part`, which
    keeps their answers and counts them. What cannot be done in the backend's usual way is done in a simpler one
    and says so in `degraded`.
    """

    @property
    def name(self) -> str:
        """What people call it, its models included."""
        ...

    @property
    def paid(self) -> bool:
        """Whether it waits for others, who are paid: then many things are done at the same time."""
        ...

    @property
    def map_id(self) -> str:
        """Name and version of `summarize`. It changes whenever equal inputs could give another result."""
        ...

    @property
    def tree_id(self) -> str:
        """The same of `digest` and `rollup`."""
        ...

    @property
    def root_id(self) -> str:
        """The same of `root`."""
        ...

    async def summarize(self, chunk: Chunk, part: Part) -> ChunkSummary:
        """What one chunk says. Citations have an empty `session_id`."""
        ...

    async def digest(self, session: SessionInfo, summaries: Sequence[ChunkSummary], part: Part) -> Node:
        """What one session says: its chunk summaries in order, citations completed with the session's id."""
        ...

    async def rollup(self, level: Level, bucket: str, children: Sequence[Node], part: Part) -> Node:
        """What the nodes below say together, in bounded size. The children's order does not matter."""
        ...

    async def root(self, project: str, nodes: Sequence[Node], sessions: Sessions, part: Part) -> Root:
        """The lines of the compiled context.

        Args:
            project: the project's name.
            nodes: the month rollups, oldest first.
            sessions: for looking up digests, events and passages.
            part: pays.
        """
        ...

    def batch_client(self) -> BatchClient | None:
        """The client whose provider takes the calls of `summarize` as a batch; None where there is none.

        Raises:
            SettingsError, ProviderError: the model cannot be opened.
        """
        ...

    def prepare(self) -> None:
        """Load and open what the methods need, so that a wrong setting shows before any work is done.

        Raises:
            SettingsError, ProviderError: a model cannot be opened.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. A call after it opens new ones."""
        ...
