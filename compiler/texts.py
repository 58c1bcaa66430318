"""The texts of a generation: the root pass over the month nodes, then the brief and the full text as blobs."""

from collections.abc import Collection

import msgspec

from compiler.brief import brief, full_text
from compiler.root import compile_root
from compiler.runtime import Runtime
from compiler.tree import load_nodes
from compiler.work import Texts
from data_models.records import CatalogEntry
from store.blobs import put_blobs


async def write_texts(runtime: Runtime, project: str, entries: Collection[CatalogEntry]) -> Texts:
    """Make the compiled context of a project.

    Args:
        runtime: the process's runtime.
        project: the project's name.
        entries: every session of the generation.
    """
    nodes = await load_nodes(runtime, project, entries)
    sessions = [entry.session_id for entry in entries]
    root, uncited = await compile_root(runtime.backend, project, nodes, sessions)
    text, judged = brief(root, project, sessions)
    full = full_text(root, project, sessions)
    stored = put_blobs(
        runtime.store,
        [text.encode(), full.encode(), msgspec.json.encode(judged, order="deterministic")],
    )
    return Texts(brief=stored[0], full=stored[1], root=stored[2], uncited=uncited, degraded=root.degraded)
