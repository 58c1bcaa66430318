"""What there is to do: the receipts of a project that its newest generation does not hold yet."""

from compiler.runtime import Runtime
from compiler.work import Plan
from data_models.events import SCHEMA_VERSION
from search.schema import SCHEMA as INDEX_VERSION
from store.generations import heads, holds_forgotten, next_number
from store.receipts import newest_per_session, receipt_keys
from store.tombstones import read_tombstones
from transcripts.events import PARSER_VERSION


def plan(runtime: Runtime, project: str, *, full: bool = False, max_usd: float | None = None) -> Plan:
    """Compare a project's inbox with its newest generation.

    Args:
        runtime: the process's runtime.
        project: the project.
        full: make everything anew from the uploads.
        max_usd: the most to spend on model calls, in US dollars; None for no limit.

    Returns:
        What is to do. All sessions are new where another version (parser, backend, chunk size) made the newest
        generation, or where that holds what was forgotten since; memo then keeps what did not change cheap.
    """
    tombstones = read_tombstones(runtime.store)
    parents = heads(runtime.store, project)
    manifests = [parent.manifest for parent in parents]
    known = tombstones.standing(entry.receipt for entry in runtime.catalog(manifests).values())
    newest = newest_per_session([*receipt_keys(runtime.store, project, tombstones), *known])
    drops = any(holds_forgotten(runtime.store, manifest, tombstones) for manifest in manifests)
    keeps = bool(manifests) and not (full or drops) and manifests[0].versions == versions(runtime)
    # Readers see the first of several siblings: what only the others hold is yet to come.
    held = {entry.receipt for entry in runtime.catalog(manifests[:1]).values()} if keeps else set()
    return Plan(
        project=project,
        parents=tuple(parent.key for parent in parents),
        number=next_number(runtime.store, project, manifests[0].number if manifests else 0),
        new=tuple(key for key in sorted(newest) if key not in held),
        total=len(newest),
        rebuild=full,
        drops=drops,
        max_usd=max_usd,
    )


def versions(runtime: Runtime) -> dict[str, str]:
    """What a generation's content depends on besides its inputs."""
    return {
        "schema": str(SCHEMA_VERSION),
        "parser": str(PARSER_VERSION),
        "index": str(INDEX_VERSION),
        "map": runtime.backend.map_id,
        "tree": runtime.backend.tree_id,
        "root": runtime.backend.root_id,
        "chunk_tokens": str(runtime.settings.chunk_tokens),
    }
