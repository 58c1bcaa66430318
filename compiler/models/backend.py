"""The backend that asks models: Haiku over chunks and up the tree, a Sonnet pass for the root."""

from collections.abc import Sequence

from compiler.account import Part
from compiler.models import chunks, nodes, prompts, replies
from compiler.models.clients import Clients
from compiler.models.root_pass import prompt as root_prompt
from compiler.models.root_pass import root
from compiler.sessions import Sessions
from compiler.work import content_hash
from data_models.knowledge import Chunk, ChunkSummary, Level, Node, Root, SessionInfo
from data_models.settings import Settings
from rlm.clients.protocol import BatchClient


class ModelBackend:
    """A `Backend` over the models that the settings name."""

    paid = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients = Clients(settings.models)

    @property
    def name(self) -> str:
        """See `Backend.name`."""
        models = self._settings.models
        return f"model (map {models.map}, tree {models.tree}, root {models.root}, sub {models.sub})"

    @property
    def map_id(self) -> str:
        """See `Backend.map_id`."""
        return f"model-{chunks.VERSION}-{_stamp(prompts.MAP, replies.CHUNK)}:{self._settings.models.map}"

    @property
    def tree_id(self) -> str:
        """See `Backend.tree_id`."""
        told = _stamp(prompts.DIGEST, replies.DIGEST, prompts.ROLLUP, replies.ROLLUP)
        return f"model-{nodes.VERSION}-{told}:{self._settings.models.tree}"

    @property
    def root_id(self) -> str:
        """See `Backend.root_id`."""
        models, kind = self._settings.models, self._settings.root_pass
        sub = f"+{models.sub}" if kind == "rlm" else ""
        told = _stamp(root_prompt.RLM if kind == "rlm" else root_prompt.REDUCE)
        return f"model-{root.VERSION}-{told}-{kind}:{models.root}{sub}"

    async def summarize(self, chunk: Chunk, part: Part) -> ChunkSummary:
        """See `Backend.summarize`."""
        return await chunks.summarize(self._clients.map, chunk, part)

    async def digest(self, session: SessionInfo, summaries: Sequence[ChunkSummary], part: Part) -> Node:
        """See `Backend.digest`."""
        return await nodes.digest(self._clients.tree, session, summaries, part)

    async def rollup(self, level: Level, bucket: str, children: Sequence[Node], part: Part) -> Node:
        """See `Backend.rollup`."""
        return await nodes.rollup(self._clients.tree, level, bucket, children, part)

    async def root(self, project: str, nodes: Sequence[Node], sessions: Sessions, part: Part) -> Root:
        """See `Backend.root`."""
        return await root.root(self._clients, self._settings, project, nodes, sessions, part)

    def batch_client(self) -> BatchClient | None:
        """See `Backend.batch_client`."""
        client = self._clients.map
        return client if isinstance(client, BatchClient) else None

    def prepare(self) -> None:
        """See `Backend.prepare`."""
        self._clients.open()

    async def close(self) -> None:
        """See `Backend.close`."""
        await self._clients.close()


def _stamp(*told: object) -> str:
    """What a model is told, in eight digits: other prompts or another form of answer are another result, with no
    version to be raised by hand. The versions stand for what is done with the answers."""
    return content_hash(told)[:8]
