"""The rows of the tables that a compile shows in Prefect: its sessions, what models cost, numbers and seconds."""

from collections.abc import Mapping, Sequence

import msgspec

from compiler.costs import at_prices
from compiler.report import ProjectReport
from data_models.events import Reject
from data_models.records import CatalogEntry, Tokens, Usage
from rlm.prices import PRICES_DATE, Price
from search.render import day_of, digits
from tasks.inert import cell

Row = dict[str, str | int | float]

_MOST_SESSIONS = 200
_MOST_REJECTS = 100


def session_rows(entries: Sequence[CatalogEntry]) -> list[Row]:
    """A row for each session, newest first, up to two hundred."""
    newest = sorted(entries, key=lambda entry: (-entry.ended, entry.session_id))
    return [_session(entry) for entry in newest[:_MOST_SESSIONS]]


def _session(entry: CatalogEntry) -> Row:
    return {
        "session": digits(entry.session_id),
        "author": cell(entry.author, 80),
        "agent": cell(entry.agent, 40),
        "title": cell(entry.title, 120),
        "day": day_of(entry.started),
        "prompts": entry.prompts,
        "events": entry.events,
        "chunks": len(entry.chunks),
        "redacted": sum(entry.redactions.values()),
        "rejected": len(entry.rejects),
        "US dollars": round(entry.usage.usd, 4),
    }


def cost_rows(usage: Usage, prices: Mapping[str, Price]) -> list[Row]:
    """A row for each model that was asked and one for all, none where none was."""
    if not usage.models:
        return []
    dollars = {
        model: at_prices(Usage(models={model: tokens}), prices).usd for model, tokens in usage.models.items()
    }
    rows = [_cost(cell(model, 80), usage.models[model], dollars[model]) for model in sorted(dollars)]
    return [*rows, _cost("all", sum(usage.models.values(), Tokens()), usage.usd)]


def _cost(name: str, tokens: Tokens, usd: float) -> Row:
    return {
        "model": name,
        "calls": tokens.calls,
        "input tokens": tokens.input_tokens,
        "written to a cache": tokens.cache_write_tokens,
        "read from a cache": tokens.cache_read_tokens,
        "output tokens": tokens.output_tokens,
        f"US dollars, prices of {PRICES_DATE}": round(usd, 4),
    }


def numbers_rows(report: ProjectReport, rejects: Sequence[Reject]) -> list[Row]:
    """Counts, then seconds by step, then the first rejects."""
    counts = {
        "new sessions": report.sessions.new,
        "new chunks": report.chunks.new,
        "new digests": report.nodes.digest.new,
        "new rollups": report.nodes.rollup.new,
        "rejected records": len(rejects),
    }
    rows: list[Row] = [{"what": name, "value": count} for name, count in counts.items()]
    if report.llm.calls:
        rows.append({"what": "model calls", "value": report.llm.calls})
        rows.append({"what": "answers from memo", "value": report.llm.cached})
        rows.append({"what": f"US dollars, prices of {PRICES_DATE}", "value": round(report.llm.usd, 4)})
    for step, seconds in msgspec.structs.asdict(report.seconds).items():
        rows.append({"what": f"seconds, {step}", "value": round(seconds, 2)})
    for reject in rejects[:_MOST_REJECTS]:
        rows.append(
            {"what": f"reject, {cell(reject.file, 200)}:{reject.line}", "value": cell(reject.reason, 200)}
        )
    return rows
