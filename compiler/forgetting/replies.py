"""Which of the models' answers that were paid for can be told to know nothing of what was forgotten.

An answer is kept under the hash of what was asked, which does not say about whom. So the map and the tree of all that
remains are asked for once more, with nothing to spend: what memo answers on the way is theirs. All other answers may
hold words of a forgotten session: its own, those of rollups and briefs that rested on it, answers to questions.
"""

from collections.abc import Collection, Iterable
from typing import Any

from compiler.account import Account, Replies
from compiler.buckets import plan_tree
from compiler.chunk import chunk_session
from compiler.costs import model_of, models_asked
from compiler.memoised import recall
from compiler.runtime import Runtime
from compiler.sessions import load_events
from compiler.together import together
from compiler.tree import session_info
from compiler.work import NODE
from data_models.errors import DamagedError, KeyMissingError
from data_models.knowledge import Node
from data_models.records import CatalogEntry, Manifest
from data_models.settings import PriceSettings
from rlm.clients.protocol import Completion


async def answers_of(runtime: Runtime, manifests: Iterable[Manifest]) -> set[str]:
    """The digests of the answers that map and tree of these generations rest on.

    Nothing is sent, and nothing is written. With a backend that asks no models there are none.

    Raises:
        StoreError: the store failed.
        SettingsError, ProviderError: a model cannot be opened.
    """
    if not runtime.backend.paid:
        return set()
    replies = _Seen(runtime)
    try:
        for manifest in manifests:
            entries = runtime.catalog([manifest]).values()
            await together(_session(runtime, manifest.project, entry, replies) for entry in entries)
            await _rollups(runtime, entries, replies)
    finally:
        await runtime.backend.close()
    return replies.seen


class _Seen(Replies):
    """Answers in memo, and which of them were looked at."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.memo, runtime.settings.models.at_once)
        self.seen: set[str] = set()
        asked = {model_of(name) for name in models_asked(runtime.settings).values()}
        self._prices = {model: PriceSettings(input=1.0, output=1.0) for model in asked}

    async def get(self, digest: str) -> Completion | None:
        """See `Replies.get`."""
        completion = await super().get(digest)
        if completion is not None:
            self.seen.add(digest)
        return completion

    def account(self) -> Account:
        """Pays nothing: what memo does not know is done without a model, whatever the model costs."""
        return Account(self, 0.0, self._prices)


async def _session(runtime: Runtime, project: str, entry: CatalogEntry, replies: _Seen) -> None:
    """Summaries and digest of one session."""
    async with runtime.sessions_open.get():
        try:
            events = load_events(runtime.store, entry.parquet)
        except (DamagedError, KeyMissingError):
            return  # its answers are paid again when it is mended
        chunks = chunk_session(entry.session_id, events, runtime.settings.chunk_tokens)
        part = replies.account().part()
        summaries = await together(runtime.backend.summarize(chunk, part) for chunk in chunks)
        await runtime.backend.digest(session_info(project, entry), summaries, part)


async def _rollups(runtime: Runtime, entries: Collection[CatalogEntry], replies: _Seen) -> None:
    specs, _ = plan_tree(runtime.backend.tree_id, entries)
    made: list[Any] = []
    for spec in specs.values():
        children = [recall(runtime.memo, NODE, child, Node) for child in spec.children]
        known = [child for child in children if child is not None]
        if spec.entry is None and len(known) == len(children):
            made.append(runtime.backend.rollup(spec.level, spec.bucket, known, replies.account().part()))
    await together(made)
