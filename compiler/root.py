"""The root pass: from the month rollups to the lines of the compiled context."""

from collections.abc import Collection, Sequence

import msgspec

from compiler.backend import Backend
from data_models.knowledge import Node, Root


async def compile_root(
    backend: Backend, project: str, nodes: Sequence[Node], session_ids: Collection[str]
) -> tuple[Root, int]:
    """The root of a project, and how many lines were dropped because no citation of theirs resolves.

    Args:
        backend: what summarises.
        project: the project's name.
        nodes: the month rollups, oldest first.
        session_ids: every session of the project; other citations are taken off.
    """
    known = frozenset(session_ids)
    root = await backend.root(project, nodes)
    lines = [
        msgspec.structs.replace(
            line, citations=tuple(cited for cited in line.citations if cited.session_id in known)
        )
        for line in root.lines
    ]
    kept = tuple(
        line if line.citations else msgspec.structs.replace(line, verdict="uncited") for line in lines
    )
    return msgspec.structs.replace(root, lines=kept), sum(not line.citations for line in kept)
