"""The texts of a generation: the root pass over the month nodes, then the brief and the full text as blobs."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from compiler.account import Account
from compiler.brief import brief, full_text
from compiler.index import assemble_index
from compiler.root import compile_root
from compiler.runtime import Runtime
from compiler.sessions import Sessions
from compiler.tree import load_nodes
from compiler.work import Texts
from data_models.folders import temporary_folder
from data_models.records import CatalogEntry, Segment
from store.blobs import put_blobs


async def write_texts(
    runtime: Runtime,
    project: str,
    entries: Collection[CatalogEntry],
    segments: Sequence[Segment],
    account: Account,
) -> Texts:
    """Make the compiled context of a project.

    Args:
        runtime: the process's runtime.
        project: the project's name.
        entries: every session of the generation.
        segments: its search index.
        account: pays.
    """
    nodes = await load_nodes(runtime, project, entries, account)
    with _index_at_hand(runtime, segments) as open_index:
        sessions = Sessions(runtime.store, project, entries, open_index)
        part = account.part()
        root = await compile_root(runtime.backend, project, nodes, sessions, part)
    text, judged = brief(root, project, sessions.by_id)
    full = full_text(root, project, sessions.by_id)
    made = [text.encode(), full.encode(), msgspec.json.encode(judged, order="deterministic")]
    if part.trajectory:
        made.append("".join(f"{line}\n" for line in part.trajectory).encode())
    stored = put_blobs(runtime.store, made)
    return Texts(
        brief=stored[0],
        full=stored[1],
        root=stored[2],
        trajectory=stored[3] if part.trajectory else None,
        uncited=root.uncited,
        refused=root.refused,
        degraded=root.degraded,
        usage=account.usage,
    )


@contextmanager
def _index_at_hand(runtime: Runtime, segments: Sequence[Segment]) -> Iterator[Callable[[], Path]]:
    """What lays out the search index of these segments when it is called, to be used within the block."""
    with temporary_folder() as folder:

        def open_index() -> Path:
            assemble_index(runtime, segments, folder / "index", folder / "segments")
            return folder / "index"

        yield open_index
