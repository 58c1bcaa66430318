"""What model calls cost, in words. No figure without the date of the prices behind it."""

from data_models.records import Usage
from rlm.prices import PRICES_DATE
from rlm_context.output import plural

PRICES = f"prices of {PRICES_DATE}"


def dollars(usd: float) -> str:
    """An amount with as many digits as it takes to see something: $0, $0.0123, $12.30."""
    if usd == 0:
        return "$0"
    return f"${usd:,.2f}" if usd >= 1 else f"${usd:.4f}" if usd >= 0.0001 else "< $0.0001"


def amount(usage: Usage) -> str:
    """The dollars of some calls for a table; with a plus where models without a known price come on top."""
    return dollars(usage.usd) + ("+" if usage.unpriced else "")


def cost_line(usage: Usage) -> str:
    """Calls, tokens and dollars in one line."""
    cached = f", {plural(usage.cached, 'answer')} from memo" if usage.cached else ""
    tokens = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out"
    line = f"{plural(usage.calls, 'model call')}{cached}, {tokens}: {dollars(usage.usd)} ({PRICES})"
    return f"{line}. {unpriced(usage.unpriced)}" if usage.unpriced else f"{line}."


def unpriced(models: tuple[str, ...]) -> str:
    """Which models' tokens are in no dollar figure."""
    return f"No price is known for {', '.join(models)}: not counted in dollars. Next: rlm-context doctor"
