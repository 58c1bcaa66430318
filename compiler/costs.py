"""What model calls cost: which models are asked, whether their prices are known, dollars of counted tokens."""

from collections.abc import Mapping

import msgspec

from compiler.runtime import Runtime
from data_models import env
from data_models.errors import SettingsError
from data_models.records import Usage
from data_models.settings import Settings
from rlm.clients.usage import Usage as ClientUsage
from rlm.prices import Price, price_of


def models_asked(settings: Settings) -> dict[str, str]:
    """The models that a compile with these settings may ask, as `provider:model`, by their settings' names."""
    if settings.backend == "extractive":
        return {}
    named = {"map": settings.models.map, "tree": settings.models.tree, "root": settings.models.root}
    return named | ({"sub": settings.models.sub} if settings.root_pass == "rlm" else {})  # noqa: S105  (no password)


def model_of(name: str) -> str:
    """The model in `provider:model`, as prices and counts name it."""
    return name.partition(":")[2]


def price_setting(model: str) -> str:
    """What to write into the configuration file where a model's price is not known."""
    return f'[prices."{model}"] input and output (US dollars per million tokens) in {env.config_file()}'


def check_limit(runtime: Runtime, max_usd: float | None) -> None:
    """Refuse a limit that could not be kept, before anything is sent.

    Args:
        runtime: the process's runtime.
        max_usd: the limit in US dollars; None for none.

    Raises:
        SettingsError: a model that would be asked has no known price.
    """
    if max_usd is None:
        return
    prices = runtime.account().prices
    for name in models_asked(runtime.settings).values():
        if price_of(model_of(name), prices) is None:
            raise SettingsError(
                f"no price is known for {name}, so --max-usd cannot be kept",
                next_command=f"set {price_setting(model_of(name))}, or leave --max-usd out",
            )


def at_prices(usage: Usage, prices: Mapping[str, Price]) -> Usage:
    """The same usage with its dollars at these prices: a sum over years stands beside one date then."""
    usd, unpriced = 0.0, []
    for model, tokens in usage.models.items():
        price = price_of(model, prices)
        if price is None:
            unpriced.append(model)
        else:
            usd += price.cost(ClientUsage(**msgspec.structs.asdict(tokens)))
    return msgspec.structs.replace(usage, usd=usd, unpriced=tuple(sorted(unpriced)))
