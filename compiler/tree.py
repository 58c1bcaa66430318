"""The tree that remembers: session digests, and rollups by UTC day, ISO week and month.

The ids of all nodes are known before any is made (`compiler.buckets`). They are then looked for from the top: what
is in memo is taken, and only what is missing is descended into, and made from the bottom. One new session therefore
costs its digest and one rollup a level, at any history.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from compiler.account import Account, Part
from compiler.buckets import Spec, in_order, plan_tree
from compiler.degraded import grouped
from compiler.nodes import Nodes
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
    await tree.grow([*months, *(entry.digest for entry in fresh)])
    return Grown(
        entries=tuple(_completed(entry, tree) for entry in fresh),
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
    await tree.grow(months)
    return [await tree.node(month) for month in months]


def _completed(entry: CatalogEntry, tree: "_Tree") -> CatalogEntry:
    usage = tree.usage.get(entry.digest, Usage())
    return msgspec.structs.replace(
        entry, title=tree.titles[entry.digest] or entry.title, usage=entry.usage + usage
    )


class _Tree:
    """Makes the nodes that are missing, each once, children before parents."""

    def __init__(
        self, runtime: Runtime, project: str, specs: Mapping[str, Spec], account: Account, rebuild: bool
    ) -> None:
        self.runtime = runtime
        self.project = project
        self.specs = specs
        self.account = account
        self.rebuild = rebuild
        self.nodes = Nodes(runtime.memo)
        self.titles: dict[str, str] = {}
        self.usage: dict[str, Usage] = {}
        self.degraded: dict[str, list[str]] = {"digest": [], "rollup": []}
        self.made: dict[str, int] = defaultdict(int)
        self.refused = 0
        self._ready: dict[str, asyncio.Event] = {}

    async def grow(self, tops: Sequence[str]) -> None:
        """Make these nodes, and what is missing below them; all are in memo when this returns."""
        missing = await self._missing(tops)
        self._ready = {node_id: asyncio.Event() for node_id in missing}
        places = self.runtime.sessions_open.get()

        async def make(node_id: str) -> None:
            # Places are given in order, so whoever waits for a child waits for one that has had its place.
            async with places:
                await self._make(node_id)
                self._ready[node_id].set()

        await together(make(node_id) for node_id in in_order(self.specs, tops) if node_id in missing)
        await self.nodes.keep()

    async def node(self, node_id: str) -> Node:
        """The node; made now if memo has lost it since."""
        if node_id in self._ready:
            await self._ready[node_id].wait()
        return await self.nodes.get(node_id) or await self._make(node_id)

    def told(self) -> list[str]:
        """What is degraded among the nodes that were looked at, in lines."""
        return [line for noun, reasons in self.degraded.items() for line in grouped(noun, reasons)]

    async def _missing(self, tops: Sequence[str]) -> set[str]:
        """What has to be made: from the top, only what is missing is descended into."""
        missing: set[str] = set()
        seen: set[str] = set()
        level = set(tops)
        while level:
            seen |= level
            absent = set(await together(self._look(node_id) for node_id in level)) - {""}
            missing |= absent
            level = {child for node_id in absent for child in self.specs[node_id].children} - seen
        return missing

    async def _look(self, node_id: str) -> str:
        """The id of a node that has to be made, "" for one that is there."""
        node = None if self.rebuild else await self.nodes.get(node_id)
        if node is None:
            return node_id
        self._note(node_id, node)
        return ""

    async def _make(self, node_id: str) -> Node:
        spec, part = self.specs[node_id], self.account.part()
        made = await (self._digest(spec.entry, part) if spec.entry else self._rollup(spec, part))
        node = msgspec.structs.replace(made, id=node_id)
        await self.nodes.add(node)
        self.usage[node_id] = part.usage
        self.made[spec.level] += 1
        self.refused += node.refused
        self._note(node_id, node)
        return node

    def _note(self, node_id: str, node: Node) -> None:
        if node.level == "digest":
            self.titles[node_id] = node.title
        if node.degraded:
            self.degraded["digest" if node.level == "digest" else "rollup"].append(node.degraded)

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
