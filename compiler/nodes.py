"""The nodes of a tree as one compile meets them: read from memo, or made now and put there in bulk."""

import asyncio
from collections import OrderedDict

from compiler.memoised import recall, remember
from compiler.work import NODE
from data_models.knowledge import Node
from store.memo import Memo

_BULK = 256
"""Nodes put into memo together: that costs little more than one, and bounds what is lost and what is in memory."""
_RECENT = 256
"""Nodes kept after they were read or put away: most are asked for once more soon, by the node above them."""


class Nodes:
    """Finds nodes by id, and takes new ones; at any size of the tree few of them are in memory.

    Args:
        memo: where they are kept. The answers that were paid for a node are there before it.
    """

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._new: dict[str, Node] = {}
        self._recent: OrderedDict[str, Node] = OrderedDict()
        self._keeping = asyncio.Lock()

    async def get(self, node_id: str) -> Node | None:
        """The node; None if it was not made yet, or memo lost it."""
        known = self._new.get(node_id) or self._recent.get(node_id)
        node = known or await asyncio.to_thread(recall, self._memo, NODE, node_id, Node)
        if node and node_id not in self._new:
            self._put_by(node_id, node)
        return node

    async def add(self, node: Node) -> None:
        """Take a node that was made now; every so often this waits until all of them are in memo."""
        self._new[node.id] = node
        if len(self._new) >= _BULK:
            await self.keep()

    async def keep(self) -> None:
        """Put what was made into memo; durable when this returns."""
        async with self._keeping:
            made = dict(self._new)
            await asyncio.to_thread(remember, self._memo, NODE, made.items())
            for node_id, node in made.items():
                del self._new[node_id]
                self._put_by(node_id, node)

    def _put_by(self, node_id: str, node: Node) -> None:
        self._recent[node_id] = node
        self._recent.move_to_end(node_id)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
