"""The root pass: from the month rollups to the lines of the compiled context."""

from collections.abc import Sequence

import msgspec

from compiler.account import Part
from compiler.backend import Backend
from compiler.sessions import Sessions
from data_models.knowledge import Node, Root


async def compile_root(
    backend: Backend, project: str, nodes: Sequence[Node], sessions: Sessions, part: Part
) -> Root:
    """The root of a project; a line no citation of which resolves is marked and counted in `uncited`.

    Args:
        backend: what summarises.
        project: the project's name.
        nodes: the month rollups, oldest first.
        sessions: every session of the project; citations of others are taken off.
        part: pays.
    """
    root = await backend.root(project, nodes, sessions, part)
    lines = [
        msgspec.structs.replace(
            line, citations=tuple(cited for cited in line.citations if cited.session_id in sessions.by_id)
        )
        for line in root.lines
    ]
    kept = tuple(
        line if line.citations else msgspec.structs.replace(line, verdict="uncited") for line in lines
    )
    dropped = sum(not line.citations for line in kept)
    return msgspec.structs.replace(root, lines=kept, uncited=root.uncited + dropped)
