"""A home whose backend asks models: a loopback server that adds up what it would charge."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.compiler.models.server_model import MAP, ROOT, SUB, TREE, fitting
from tests.rlm.servers.priced import PricedServer


@contextmanager
def model_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricedServer]:
    """A running server of models, and the settings that name it, another model for each part."""
    with PricedServer() as running:
        running.reply = fitting
        settings = {"ANTHROPIC_BASE_URL": running.url, "ANTHROPIC_API_KEY": "sk-test-never-shown"}
        settings |= {"RLM_CONTEXT_BACKEND": "model", "RLM_CONTEXT_CHUNK_TOKENS": "500"}
        for part, model in {"MAP": MAP, "TREE": TREE, "ROOT": ROOT, "SUB": SUB}.items():
            settings[f"RLM_CONTEXT_MODELS__{part}"] = f"anthropic:{model}"
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        yield running
