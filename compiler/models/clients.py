"""The clients of the models that the settings name, opened when first needed and shared where they are the same."""

from data_models.settings import ModelSettings
from rlm.clients.options import Options
from rlm.clients.protocol import Client
from rlm.clients.registry import open_client


class Clients:
    """One client for each model named.

    Args:
        models: the names, as `provider:model`.
    """

    def __init__(self, models: ModelSettings) -> None:
        self._models = models
        self._open: dict[str, Client] = {}

    @property
    def map(self) -> Client:
        """Summarises chunks. This and the others raise SettingsError or a ProviderError where it cannot be opened."""
        return self._client(self._models.map)

    @property
    def tree(self) -> Client:
        """Joins summaries."""
        return self._client(self._models.tree)

    @property
    def root(self) -> Client:
        """Writes the compiled context and answers questions."""
        return self._client(self._models.root)

    @property
    def sub(self) -> Client:
        """Reads parts for the root model."""
        return self._client(self._models.sub)

    def open(self) -> None:
        """Open all of them; raises as each does."""
        for name in (self._models.map, self._models.tree, self._models.root, self._models.sub):
            self._client(name)

    async def close(self) -> None:
        """Let go of all connections."""
        for client in self._open.values():
            await client.close()

    def _client(self, name: str) -> Client:
        if name not in self._open:
            self._open[name] = open_client(name, Options(at_once=self._models.at_once))
        return self._open[name]
