"""The map: one chunk to a typed, cited summary."""

from compiler.account import Part
from compiler.extractive.summarize import summarize as extract
from data_models.knowledge import Chunk, ChunkSummary
from rlm.clients.protocol import Client

VERSION = 1


async def summarize(client: Client, chunk: Chunk, part: Part) -> ChunkSummary:
    """What one chunk says."""
    return extract(chunk)
