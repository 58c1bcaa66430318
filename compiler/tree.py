"""The tree that remembers: session digests, and rollups by UTC day, ISO week and month.

The ids of all nodes are known before any is made (`compiler.buckets`). Nodes are then made from the top: what is
in memo is taken, and only what is missing is descended into. One new session therefore costs its digest and one
rollup a level, at any history.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from compiler.account import Account, Part
from compiler.buckets import Spec, plan_tree
from compiler.degraded import grouped
from compiler.memoised import recall, remember
from compiler.runtime import Runtime
from compiler.summarize import load_summaries
from compiler.together import together
from compiler.work import NODE, SUMMARIES, Grown, Summarized, content_hash
from data_models.knowledge import Node, SessionInfo
from data_models.records import CatalogEntry, Usage


async def grow(
    runtime: Runtime,
    project: str,
    known: Iterable[CatalogEntry],
    new: Sequence[Summarized],
    account: Account,
    *,
    rebuild: bool = False,
) -> Grown:
    """Digest the new sessions and bring the rollups up to date.

    Args:
        runtime: the process's runtime.
        project: the project.
        known: the entries of the sessions that stay as they are.
        new: the sessions summarised in this compile.
        account: pays.
        rebuild: make all nodes anew. The answers that were paid for are in memo.
    """
    fresh = [_entry(runtime, project, summarized) for summarized in new]
    specs, months = plan_tree(runtime.backend.tree_id, [*known, *fresh])
    tree = _Tree(runtime, project, specs, account, rebuild)
    digests = await together(tree.node(entry.digest) for entry in fresh)
    await together(tree.node(month) for month in months)
    await tree.keep()
    return Grown(
        entries=tuple(
            _completed(entry, node, tree.usage.get(entry.digest, Usage()))
            for entry, node in zip(fresh, digests, strict=True)
        ),
        months=tuple(months),
        digests_new=tree.made["digest"],
        rollups_total=sum(spec.entry is None for spec in specs.values()),
        rollups_new=sum(tree.made.values()) - tree.made["digest"],
        refused=tree.refused,
        degraded=tuple(tree.told()),
        usage=account.usage,
    )


async def load_nodes(
    runtime: Runtime, project: str, entries: Iterable[CatalogEntry], account: Account
) -> list[Node]:
    """The month nodes over these sessions, oldest first; what memo lost is made again."""
    specs, months = plan_tree(runtime.backend.tree_id, entries)
    tree = _Tree(runtime, project, specs, account, rebuild=False)
    nodes = await together(tree.node(month) for month in months)
    await tree.keep()
    return nodes


def _completed(entry: CatalogEntry, node: Node, usage: Usage) -> CatalogEntry:
    return msgspec.structs.replace(entry, title=node.title or entry.title, usage=entry.usage + usage)


class _Tree:
    """Makes nodes on demand, each once."""

    def __init__(
        self, runtime: Runtime, project: str, specs: Mapping[str, Spec], account: Account, rebuild: bool
    ) -> None:
        self.runtime = runtime
        self.project = project
        self.specs = specs
        self.account = account
        self.rebuild = rebuild
        self.usage: dict[str, Usage] = {}
        self.degraded: dict[str, list[str]] = {"digest": [], "rollup": []}
        self.made: dict[str, int] = defaultdict(int)
        self.refused = 0
        self._tasks: dict[str, asyncio.Task[Node]] = {}
        self._kept: list[tuple[str, object]] = []

    async def node(self, node_id: str) -> Node:
        """The node, from memo or made now."""
        if node_id not in self._tasks:
            self._tasks[node_id] = asyncio.create_task(self._find_or_make(node_id))
        return await self._tasks[node_id]

    async def keep(self) -> None:
        """Put what was made into memo, all together; the answers that were paid for it are there already."""
        kept, self._kept = self._kept, []
        await asyncio.to_thread(remember, self.runtime.memo, NODE, kept)

    def told(self) -> list[str]:
        """What is degraded among the nodes that were looked at, in lines."""
        return [line for noun, reasons in self.degraded.items() for line in grouped(noun, reasons)]

    async def _find_or_make(self, node_id: str) -> Node:
        node = None if self.rebuild else await self._recall(node_id)
        if node is None:
            spec, part = self.specs[node_id], self.account.part()
            made = await (self._digest(spec.entry, part) if spec.entry else self._rollup(spec, part))
            node = msgspec.structs.replace(made, id=node_id)
            self._kept.append((node_id, node))
            self.usage[node_id] = part.usage
            self.made[spec.level] += 1
            self.refused += node.refused
        if node.degraded:
            self.degraded["digest" if node.level == "digest" else "rollup"].append(node.degraded)
        return node

    async def _recall(self, node_id: str) -> Node | None:
        return await asyncio.to_thread(recall, self.runtime.memo, NODE, node_id, Node)

    async def _digest(self, entry: CatalogEntry, part: Part) -> Node:
        summaries = await load_summaries(self.runtime, entry, _summaries_key(entry), part)
        return await self.runtime.backend.digest(session_info(self.project, entry), summaries, part)

    async def _rollup(self, spec: Spec, part: Part) -> Node:
        children = await together(self.node(child) for child in spec.children)
        return await self.runtime.backend.rollup(spec.level, spec.bucket, children, part)


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
        usage=summarized.paid,
    )
    info = session_info(project, entry)
    digest = content_hash(NODE, runtime.backend.tree_id, "digest", info, summarized.summaries)
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
