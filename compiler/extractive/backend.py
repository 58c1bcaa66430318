"""The backend that needs no model, no key and no network: it reads structure and picks sentences."""

from collections.abc import Sequence

from compiler.account import Part
from compiler.extractive import lines, summarize, tree
from compiler.sessions import Sessions
from data_models.knowledge import Chunk, ChunkSummary, Level, Node, Root, SessionInfo

VERSION = 3


class ExtractiveBackend:
    """A `Backend` of pure functions; nothing in it waits, and nothing costs."""

    name = map_id = tree_id = root_id = f"extractive-{VERSION}"
    paid = False

    async def summarize(self, chunk: Chunk, part: Part) -> ChunkSummary:
        """See `Backend.summarize`."""
        return summarize.summarize(chunk)

    async def digest(self, session: SessionInfo, summaries: Sequence[ChunkSummary], part: Part) -> Node:
        """See `Backend.digest`."""
        return tree.digest(session, summaries)

    async def rollup(self, level: Level, bucket: str, children: Sequence[Node], part: Part) -> Node:
        """See `Backend.rollup`."""
        return tree.rollup(level, bucket, children)

    async def root(self, project: str, nodes: Sequence[Node], sessions: Sessions, part: Part) -> Root:
        """See `Backend.root`."""
        return lines.root(project, nodes)

    def batch_client(self) -> None:
        """Nobody is asked."""

    def prepare(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to let go of."""
