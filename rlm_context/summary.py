"""What `compile` prints for a person: the brief, where everything is, what it took, what was left out and why."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from compiler.report import CompileReport, ProjectReport
from compiler.runtime import Runtime
from data_models.events import Reject
from rlm_context.costs import cost_line
from rlm_context.hooks.here import project_here
from rlm_context.output import plural, table
from rlm_context.shown import harmless

_MOST_REJECTS = 8
_STEPS = ("upload", "ingest", "chunk", "summarize", "tree", "index", "root", "publish", "starting Prefect")


def print_report(runtime: Runtime, result: CompileReport, seconds: float) -> None:
    """The whole account of a compile."""
    reports = result.projects
    if reports:
        shown = _shown(reports)
        click.echo(harmless(Path(shown.paths["brief"]).read_text(encoding="utf-8")))
        click.echo(_projects(reports))
        click.echo(f"\n{_news(result)} It took {seconds:.1f} s{_steps(result, seconds)}.")
        if runtime.backend.paid:
            click.echo(cost_line(result.totals.llm))
    left_out = _left_out(result)
    if left_out:
        click.echo("\nLeft out:\n" + "\n".join(left_out))
    if reports:
        click.echo("\n" + _where(runtime, reports, shown))


def reject_lines(rejects: Sequence[Reject]) -> list[str]:
    """The first few as lines, and how many more there are."""
    lines = [
        f"- {reject.file}{f':{reject.line}' if reject.line else ''}: {reject.reason}"
        for reject in rejects[:_MOST_REJECTS]
    ]
    if len(rejects) > _MOST_REJECTS:
        lines.append(f"- and {len(rejects) - _MOST_REJECTS:,} more (--json lists them)")
    return lines


def _shown(reports: Sequence[ProjectReport]) -> ProjectReport:
    """The project whose brief is printed: the current folder's, else the one with the most sessions."""
    here = project_here(str(Path.cwd()))
    return max(reports, key=lambda report: (report.project == here, report.sessions.total))


def _projects(reports: Sequence[ProjectReport]) -> str:
    rows = [
        (
            f"{report.sessions.total:,} ({report.sessions.new:,} new)",
            str(len(report.authors)),
            f"{report.events:,}",
            f"{report.chunks.total:,} ({report.chunks.new:,} new)",
            generation_number(report.generation),
            report.project,
        )
        for report in reports
    ]
    return table(rows, ("sessions", "authors", "events", "chunks", "generation", "project"))


def generation_number(name: str | None) -> str:
    """A generation as tables show it and `show --generation` takes it: "12", "-" for none."""
    return str(int(name.partition("-")[0])) if name else "-"


def _news(result: CompileReport) -> str:
    new = result.totals.sessions.new
    return f"Compiled {plural(new, 'session')}." if new else "Nothing is new; nothing was redone."


def _steps(result: CompileReport, whole: float) -> str:
    seconds = msgspec.structs.asdict(result.totals.seconds)
    seconds["starting Prefect"] = whole - seconds["total"] if result.totals.sessions.new else 0.0
    spent = [f"{step} {seconds[step]:.1f}" for step in _STEPS if seconds[step] >= 0.05]
    return f" ({', '.join(spent)})" if spent else ""


def _left_out(result: CompileReport) -> list[str]:
    rejects = [reject for report in result.projects for reject in report.rejects]
    lines = reject_lines([*result.skipped, *rejects])
    if result.totals.redactions:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.totals.redactions.items()))
        lines.append(f"- redacted: {kinds}")
    if result.totals.refused:
        said = plural(result.totals.refused, "text")
        lines.append(f"- {said} by models: like a planted instruction, or told by tools only")
    return lines


def _where(runtime: Runtime, reports: Sequence[ProjectReport], shown: ProjectReport) -> str:
    lines = [f"Store: {runtime.store.url}", f"Brief: {shown.paths['brief']}"]
    if len(reports) > 1:
        lines.append(
            f"The brief above is that of {shown.project}; rlm-context show --project P prints another."
        )
    lines.append('Search: rlm-context search "…"   Read a session: rlm-context session ID')
    return "\n".join(lines)
