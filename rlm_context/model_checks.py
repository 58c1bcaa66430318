"""Whether the models that the settings name can be asked: `doctor`'s part for the backend `model`.

Nothing is sent, no key is shown, and whether a provider takes the key is not known before it is used.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from compiler.costs import model_of, price_setting
from compiler.runtime import Runtime
from data_models.env import config_file
from data_models.errors import RlmContextError
from rlm.clients.registry import PROVIDERS, open_client
from rlm.errors import SandboxError
from rlm.prices import Price, price_of
from rlm.sandbox.registry import open_sandbox
from rlm_context.checks import Check
from rlm_context.costs import PRICES


def model_checks(runtime: Runtime) -> Iterator[Check]:
    """Provider, package, key and price of each model, and the sandbox; nothing with the backend `extractive`."""
    if not runtime.backend.paid:
        return
    models = runtime.settings.models
    roles: dict[str, list[str]] = {}
    for role in ("map", "tree", "root", "sub"):
        roles.setdefault(getattr(models, role), []).append(role)
    prices = runtime.account().prices
    for name, used in roles.items():
        yield _client(name, ", ".join(used))
        yield _price(model_of(name), prices)
    yield _sandbox(runtime.settings.sandbox)


def _client(name: str, roles: str) -> Check:
    try:
        open_client(name)
    except RlmContextError as error:
        return Check("models", False, f"{name} ({roles}): {error.message}", error.next_command or "")
    title = PROVIDERS[name.partition(":")[0]].title
    return Check("models", True, f"{name} ({roles}): {title}; set up, not asked")


def _price(model: str, prices: Mapping[str, Price]) -> Check:
    price = price_of(model, prices)
    if price is None:
        unknown = f"none is known for {model}: its tokens are in no dollar figure, and --max-usd is refused"
        return Check("prices", None, unknown, f"set {price_setting(model)}")
    each = f"${price.input:g} in, ${price.output:g} out per million tokens"
    return Check("prices", True, f"{model}: {each} ({PRICES}, or your own)")


def _sandbox(name: str) -> Check:
    try:
        asyncio.run(_run_something(name))
    except SandboxError as error:
        other = f'set sandbox = "{"jail" if name == "monty" else "monty"}" in {config_file()}'
        return Check("sandbox", False, f"{name}: {error.message}", error.next_command or other)
    return Check("sandbox", True, f"{name} runs code")


async def _run_something(name: str) -> None:
    """Start the sandbox and run a line of code in it.

    Raises:
        SandboxError: it does not start, or does not run code.
    """

    async def call(function: str, positional: list[Any], named: dict[str, Any]) -> Any:
        raise ValueError(f"no function {function}")

    async with open_sandbox(name).pool(1) as pool, pool.session(call, []) as session:
        outcome = await session.run("print(6 * 7)")
    if outcome.error or outcome.output.strip() != "42":
        raise SandboxError("it starts, but does not run code")
