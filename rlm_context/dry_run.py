"""What `compile --dry-run` prints: what would be read, and what would be sent to models."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from compiler.foreseen import Foreseen
from compiler.pending import PendingSessions
from compiler.runtime import Runtime
from compiler.uploading.preview import Preview, preview
from data_models.events import Reject
from rlm.prices import PRICES_DATE
from rlm_context.costs import PRICES, dollars, unpriced
from rlm_context.names import matches
from rlm_context.output import plural, print_json, table
from rlm_context.progress import reading_shown
from rlm_context.summary import reject_lines
from transcripts.agent import SessionFiles


class DryRun(msgspec.Struct, kw_only=True):
    """The whole document.

    `pending` counts the sessions that a compile would work on, None where nobody looked. `usd` is of the models
    whose price is known; `unpriced` names the others.
    """

    sessions: int
    new: int
    raw_bytes: int
    skipped: list[Reject]
    backend: str
    pending: int | None
    steps: list[Foreseen]
    calls: int
    cached: int
    batched: int
    input_tokens: int
    output_tokens: int
    usd: float
    unpriced: list[str]
    prices_date: str = PRICES_DATE


def foresee(runtime: Runtime, folders: Sequence[Path], *, given: str, only: str | None, full: bool) -> DryRun:
    """What a compile would read and send; nothing is written, nothing is sent.

    Args:
        runtime: the process's runtime.
        folders: where it would look for sessions; none where it compiles what was uploaded before.
        given: the project of what is read, instead of each session's own.
        only: the project to compile, as a user names it; None for all.
        full: whether it would make everything anew.

    Raises:
        SourceError: a source is missing, unreadable, or holds no session.
        StoreError: the store cannot be read.
    """
    fresh: list[SessionFiles] = []
    found = Preview(sessions=0, new=0, raw_bytes=0, skipped=[])
    if folders:
        found, fresh = preview(runtime, folders, project=given, again=full)
    if not runtime.backend.paid:
        return _document(runtime, found, None, [])
    from compiler.estimate import estimate  # what models are told, which nothing else here needs

    with reading_shown() as progress:
        sessions = PendingSessions(
            runtime,
            fresh,
            project=given,
            wanted=lambda name: only is None or matches(only, name),
            full=full,
            progress=progress,
        )
        steps = estimate(runtime, sessions, full=full)
    found.skipped += sessions.skipped
    return _document(runtime, found, sessions.read, steps)


def _document(runtime: Runtime, found: Preview, pending: int | None, steps: Sequence[Foreseen]) -> DryRun:
    return DryRun(
        sessions=found.sessions,
        new=found.new,
        raw_bytes=found.raw_bytes,
        skipped=found.skipped,
        backend=runtime.backend.name,
        pending=pending,
        steps=list(steps),
        calls=sum(step.calls for step in steps),
        cached=sum(step.cached for step in steps),
        batched=sum(step.batched for step in steps),
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
    if found.pending is None:
        click.echo(
            f"{read} The extractive backend calls no model: 0 calls, 0 tokens, $0. Nothing was written."
        )
    else:
        read = f"{read} {plural(found.pending, 'session')} to compile."
        click.echo("\n".join([read, "", _table(found), "", *_remarks(found)]))
    if found.skipped:
        click.echo("\nWould be left out:\n" + "\n".join(reject_lines(found.skipped)))


def _table(found: DryRun) -> str:
    total = Foreseen(
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


def _row(step: Foreseen) -> tuple[str, ...]:
    limit = "≤ " if step.at_most and step.calls else ""
    cost = "?" if step.usd is None else limit + dollars(step.usd)
    tokens = (f"{limit}{step.input_tokens:,}", f"{limit}{step.output_tokens:,}")
    return (step.step, f"{limit}{step.calls:,}", f"{step.cached:,}", *tokens, cost, step.model)


def _remarks(found: DryRun) -> list[str]:
    lines = [f"Tokens are estimates. Cost: {PRICES}, nothing read from a provider's cache."]
    if found.batched:
        lines.append(
            f"{plural(found.batched, 'call')} more are with the provider in batches (rlm-context status): not sent "
            "again, and their sessions wait for them."
        )
    if found.unpriced:
        lines.append(unpriced(tuple(found.unpriced)))
    return [*lines, "Nothing was sent, nothing was written."]
