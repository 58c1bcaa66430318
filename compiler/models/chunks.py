"""The map: one chunk to a typed, cited summary.

A bad answer is asked for once more; where that or the chunk's length is no use, its halves are asked about; what is
left is read without a model, and the summary says why.
"""

from compiler.account import Part
from compiler.models.asking import NoAnswer, ask
from compiler.models.pieces import Piece
from compiler.models.replies import ChunkReply
from compiler.models.summaries import Read, of_extract, read, summary
from compiler.together import together
from data_models.knowledge import Chunk, ChunkSummary
from rlm.clients.protocol import Client, Request

VERSION = 3

_DEEPEST = 3
"""A piece is halved so often at most after a bad answer: eight pieces."""


async def summarize(client: Client, chunk: Chunk, part: Part) -> ChunkSummary:
    """What one chunk says.

    Raises:
        ProviderError: no call to this provider can succeed.
        PipelineError: the provider has been failing for too long.
    """
    whole = Piece(chunk)
    made = [await _read(client, piece, part, _DEEPEST) for piece in whole.fitting(client.model)]
    return summary(whole, [one for reads in made for one in reads])


def requests(model: str, chunk: Chunk) -> list[Request]:
    """The calls that a chunk takes where every answer is good."""
    return [piece.request for piece in Piece(chunk).fitting(model) if piece.request]


async def _read(client: Client, piece: Piece, part: Part, deeper: int) -> list[Read]:
    """What a model says of these events, piece by piece where it cannot say it at once."""
    if piece.request is None:
        return [Read()]
    try:
        answer = await ask(client, piece.request, ChunkReply, part)
    except NoAnswer as error:
        halves = piece.halves() if error.smaller and deeper else None
        if halves is None:
            return [of_extract(piece, error.reason)]
        both = await together(_read(client, half, part, deeper - 1) for half in halves)
        return [*both[0], *both[1]]
    return [read(answer, piece)]
