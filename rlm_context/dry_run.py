"""What `compile --dry-run` prints: what would be read, and what would be sent to models."""

from collections.abc import Sequence

import click
import msgspec

from compiler.estimate import Step
from compiler.upload import Preview
from data_models.events import Reject
from rlm.prices import PRICES_DATE
from rlm_context.costs import PRICES, dollars, unpriced
from rlm_context.output import plural, print_json, table
from rlm_context.summary import reject_lines


class DryRun(msgspec.Struct, kw_only=True):
    """The whole document. `usd` is of the models whose price is known; `unpriced` names the others."""

    sessions: int
    new: int
    raw_bytes: int
    skipped: list[Reject]
    backend: str
    steps: list[Step]
    calls: int
    cached: int
    input_tokens: int
    output_tokens: int
    usd: float
    unpriced: list[str]
    prices_date: str = PRICES_DATE


def dry_run(found: Preview, backend: str, steps: Sequence[Step]) -> DryRun:
    """The document: what an upload would read, and the steps with their sums."""
    return DryRun(
        sessions=found.sessions,
        new=found.new,
        raw_bytes=found.raw_bytes,
        skipped=found.skipped,
        backend=backend,
        steps=list(steps),
        calls=sum(step.calls for step in steps),
        cached=sum(step.cached for step in steps),
        input_tokens=sum(step.input_tokens for step in steps),
        output_tokens=sum(step.output_tokens for step in steps),
        usd=sum(step.usd or 0.0 for step in steps),
        unpriced=sorted({step.model for step in steps if step.usd is None}),
    )


def print_dry_run(found: DryRun, as_json: bool) -> None:
    """Print it, for a program or for a person."""
    if as_json:
        print_json(found)
        return
    read = f"{plural(found.sessions, 'session')} ({found.raw_bytes / 1e6:.1f} MB), {found.new:,} of them new or grown."
    if not found.steps:
        click.echo(
            f"{read} The extractive backend calls no model: 0 calls, 0 tokens, $0. Nothing was written."
        )
    else:
        click.echo("\n".join([read, "", _table(found), "", *_remarks(found)]))
    if found.skipped:
        click.echo("\nWould be left out:\n" + "\n".join(reject_lines(found.skipped)))


def _table(found: DryRun) -> str:
    total = Step(
        step="all",
        model="",
        calls=found.calls,
        cached=found.cached,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        usd=found.usd,
        at_most=any(step.at_most for step in found.steps),
    )
    header = ("step", "calls", "in memo", "tokens in", "tokens out", "cost", "model")
    return table([_row(step) for step in (*found.steps, total)], header)


def _row(step: Step) -> tuple[str, ...]:
    limit = "≤ " if step.at_most and step.calls else ""
    cost = "?" if step.usd is None else limit + dollars(step.usd)
    tokens = (f"{limit}{step.input_tokens:,}", f"{limit}{step.output_tokens:,}")
    return (step.step, f"{limit}{step.calls:,}", f"{step.cached:,}", *tokens, cost, step.model)


def _remarks(found: DryRun) -> list[str]:
    lines = [f"Tokens are estimates. Cost: {PRICES}, nothing read from a provider's cache."]
    if found.unpriced:
        lines.append(unpriced(tuple(found.unpriced)))
    return [*lines, "Nothing was sent, nothing was written."]
