"""The tree that remembers: session digests, and rollups by UTC day, ISO week and month.

The ids of all nodes are known before any is made (`compiler.buckets`). Nodes are then made from the top: what is
in memo is taken, and only what is missing is descended into. One new session therefore costs its digest and one
rollup a level, at any history.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from compiler.buckets import Spec, plan_tree
from compiler.memoised import recall, remember
from compiler.runtime import Runtime
from compiler.summarize import load_summaries
from compiler.work import NODE, SUMMARIES, Grown, Summarized, content_hash
from data_models.knowledge import Node, SessionInfo
from data_models.records import CatalogEntry


async def grow(
    runtime: Runtime,
    project: str,
    known: Iterable[CatalogEntry],
    new: Sequence[Summarized],
    *,
    rebuild: bool = False,
) -> Grown:
    """Digest the new sessions and bring the rollups up to date.

    Args:
        runtime: the process's runtime.
        project: the project.
        known: the entries of the sessions that stay as they are.
        new: the sessions summarised in this compile.
        rebuild: make unpaid nodes anew even if memo has them.
    """
    fresh = [_entry(runtime, project, summarized) for summarized in new]
    specs, months = plan_tree(runtime.backend.id, [*known, *fresh])
    tree = _Tree(runtime, project, specs, rebuild)
    digests = await asyncio.gather(*(tree.node(entry.digest) for entry in fresh))
    await asyncio.gather(*(tree.node(month) for month in months))
    tree.keep()
    return Grown(
        entries=tuple(
            msgspec.structs.replace(entry, title=node.title or entry.title)
            for entry, node in zip(fresh, digests, strict=True)
        ),
        months=tuple(months),
        digests_new=tree.made["digest"],
        rollups_total=sum(spec.entry is None for spec in specs.values()),
        rollups_new=sum(tree.made.values()) - tree.made["digest"],
    )


async def load_nodes(runtime: Runtime, project: str, entries: Iterable[CatalogEntry]) -> list[Node]:
    """The month nodes over these sessions, oldest first; what memo lost is made again."""
    specs, months = plan_tree(runtime.backend.id, entries)
    tree = _Tree(runtime, project, specs, rebuild=False)
    nodes = list(await asyncio.gather(*(tree.node(month) for month in months)))
    tree.keep()
    return nodes


class _Tree:
    """Makes nodes on demand, each once."""

    def __init__(self, runtime: Runtime, project: str, specs: Mapping[str, Spec], rebuild: bool) -> None:
        self.runtime = runtime
        self.project = project
        self.specs = specs
        self.rebuild = rebuild and not runtime.backend.paid
        self.made: dict[str, int] = defaultdict(int)
        self._tasks: dict[str, asyncio.Task[Node]] = {}
        self._kept: list[tuple[str, object]] = []

    async def node(self, node_id: str) -> Node:
        """The node, from memo or made now."""
        if node_id not in self._tasks:
            self._tasks[node_id] = asyncio.create_task(self._find_or_make(node_id))
        return await self._tasks[node_id]

    def keep(self) -> None:
        """Put what was made into memo; a paid node is kept at once, the others together."""
        remember(self.runtime.memo, NODE, self._kept)
        self._kept.clear()

    async def _find_or_make(self, node_id: str) -> Node:
        memo = self.runtime.memo
        node = None if self.rebuild else recall(memo, NODE, node_id, Node)
        if node is None:
            spec = self.specs[node_id]
            made = await (self._digest(spec.entry) if spec.entry else self._rollup(spec))
            node = msgspec.structs.replace(made, id=node_id)
            self._kept.append((node_id, node))
            if self.runtime.backend.paid:
                self.keep()
            self.made[spec.level] += 1
        return node

    async def _digest(self, entry: CatalogEntry) -> Node:
        summaries = await load_summaries(self.runtime, entry, _summaries_key(entry))
        return await self.runtime.backend.digest(session_info(self.project, entry), summaries)

    async def _rollup(self, spec: Spec) -> Node:
        children = await asyncio.gather(*(self.node(child) for child in spec.children))
        return await self.runtime.backend.rollup(spec.level, spec.bucket, children)


def _entry(runtime: Runtime, project: str, summarized: Summarized) -> CatalogEntry:
    session = summarized.ingested
    entry = CatalogEntry(
        receipt=session.receipt,
        session_id=session.session_id,
        agent=session.agent,
        author=session.author,
        title=session.title,
        branch=session.branch,
        started=session.started,
        ended=session.ended,
        events=session.events,
        prompts=session.prompts,
        slim=session.slim,
        parquet=session.parquet,
        chunks=summarized.chunks,
        digest="",
        memo=(f"{SUMMARIES}/{summarized.summaries}",),
        rejects=session.rejects,
        redactions=session.redactions,
        degraded=summarized.degraded,
    )
    info = session_info(project, entry)
    digest = content_hash(NODE, runtime.backend.id, "digest", info, summarized.summaries)
    return msgspec.structs.replace(entry, digest=digest)


def session_info(project: str, entry: CatalogEntry) -> SessionInfo:
    """What a digest and the index know of a session besides its events."""
    return SessionInfo(
        session_id=entry.session_id,
        agent=entry.agent,
        author=entry.author,
        project=project,
        branch=entry.branch,
        started=entry.started,
        ended=entry.ended,
        prompts=entry.prompts,
        events=entry.events,
    )


def _summaries_key(entry: CatalogEntry) -> str:
    return next(key.partition("/")[2] for key in entry.memo if key.startswith(f"{SUMMARIES}/"))
