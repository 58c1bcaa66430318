"""Every provider of models, by name. Doctor and documentation read this too."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from data_models.errors import SettingsError
from rlm.clients.options import Options
from rlm.clients.protocol import Client


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of models.

    Attributes:
        title: what it is, for people.
        client: `module:class`, imported when first opened: the providers' packages take seconds to import.
        extra: the extra of rlm-context that brings its package, or None.
    """

    title: str
    client: str
    extra: str | None = None


PROVIDERS = {
    "anthropic": Provider("Claude through Anthropic's API", "rlm.clients.anthropic:AnthropicClient"),
    "openai": Provider(
        "OpenAI, or any server that speaks its chat completions", "rlm.clients.openai:OpenAIClient", "openai"
    ),
    "agent-sdk": Provider(
        "Claude through the Claude Agent SDK and its login",
        "rlm.clients.agent_sdk:AgentSDKClient",
        "agent-sdk",
    ),
}


def open_client(name: str, options: Options = Options()) -> Client:  # noqa: B008  (frozen)
    """The client of a model.

    Args:
        name: `provider:model`; the model's part may hold colons.
        options: how to reach it.

    Raises:
        SettingsError: no such provider, or no model named.
        MissingExtraError: the provider's package is not installed.
        CredentialsError: there is no key for it.
        BlockedError: real providers are switched off.
    """
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS or not model:
        known = ", ".join(f"{each}:MODEL" for each in PROVIDERS)
        raise SettingsError(f"{name!r} names no model", next_command=f"name one of {known}")
    module, _, attribute = PROVIDERS[provider].client.partition(":")
    make = cast(Callable[[str, Options], Client], getattr(importlib.import_module(module), attribute))
    return make(model, options)
