"""The tree: chunk summaries to a session digest, nodes to a rollup."""

from collections.abc import Sequence

from compiler.account import Part
from compiler.extractive import tree
from data_models.knowledge import ChunkSummary, Level, Node, SessionInfo
from rlm.clients.protocol import Client

VERSION = 1


async def digest(client: Client, session: SessionInfo, summaries: Sequence[ChunkSummary], part: Part) -> Node:
    """What one session says."""
    return tree.digest(session, summaries)


async def rollup(client: Client, level: Level, bucket: str, children: Sequence[Node], part: Part) -> Node:
    """What several nodes say together."""
    return tree.rollup(level, bucket, children)
