"""The root: the compiled context, by a recursive run or by one plain call."""

from collections.abc import Sequence

from compiler.account import Part
from compiler.extractive import lines
from compiler.models.clients import Clients
from compiler.sessions import Sessions
from data_models.knowledge import Node, Root
from data_models.settings import Settings

VERSION = 1


async def root(
    clients: Clients,
    settings: Settings,
    project: str,
    nodes: Sequence[Node],
    sessions: Sessions,
    part: Part,
) -> Root:
    """The lines of the compiled context."""
    return lines.root(project, nodes)
