"""What `compile` prints for a person: the brief, where everything is, what it took, what was left out and why."""

from pathlib import Path

import click
import msgspec

from compiler.report import CompileReport, ProjectReport
from compiler.runtime import Runtime
from compiler.upload import Preview
from rlm_context.output import print_json, table

_MOST_REJECTS = 8
_STEPS = ("upload", "ingest", "chunk", "summarize", "tree", "index", "root", "publish")


def print_report(runtime: Runtime, result: CompileReport, seconds: float) -> None:
    """The whole account of a compile."""
    for report in result.projects:
        click.echo(_brief(report))
    click.echo(_projects(result.projects))
    click.echo(f"\nTook {seconds:.1f} s{_steps(result)}.")
    left_out = _left_out(result)
    if left_out:
        click.echo("\nLeft out:\n" + "\n".join(left_out))
    click.echo("\n" + _where(runtime, result))


def print_dry_run(preview: Preview, as_json: bool) -> None:
    """What a compile would read."""
    if as_json:
        print_json(preview)
        return
    click.echo(
        f"{preview.sessions} sessions ({preview.raw_bytes / 1e6:.1f} MB), {preview.new} of them new or grown. "
        "The extractive backend calls no model: 0 calls, 0 tokens, $0."
    )
    if preview.skipped:
        click.echo(
            f"{len(preview.skipped)} files would be left out: `rlm-context doctor --source DIR` names them."
        )


def _brief(report: ProjectReport) -> str:
    return Path(report.paths["brief"]).read_text(encoding="utf-8")


def _projects(reports: list[ProjectReport]) -> str:
    rows = [
        (
            report.project,
            f"{report.sessions.total} ({report.sessions.new} new)",
            str(len(report.authors)),
            str(report.events),
            f"{report.chunks.total} ({report.chunks.new} new)",
            report.generation or "",
        )
        for report in reports
    ]
    return table(rows, ("project", "sessions", "authors", "events", "chunks", "generation"))


def _steps(result: CompileReport) -> str:
    seconds = msgspec.to_builtins(result.totals.seconds)
    spent = [f"{step} {seconds[step]:.1f}" for step in _STEPS if seconds[step] >= 0.05]
    return f" ({', '.join(spent)})" if spent else ""


def _left_out(result: CompileReport) -> list[str]:
    rejects = [reject for report in result.projects for reject in report.rejects] + result.skipped
    lines = [f"- {reject.file}:{reject.line}: {reject.reason}" for reject in rejects[:_MOST_REJECTS]]
    if len(rejects) > _MOST_REJECTS:
        lines.append(f"- and {len(rejects) - _MOST_REJECTS} more (`compile --json` lists them)")
    if result.totals.redactions:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.totals.redactions.items()))
        lines.append(f"- redacted: {kinds}")
    return lines


def _where(runtime: Runtime, result: CompileReport) -> str:
    lines = [f"Store: {runtime.store.url}"]
    lines += [f"Brief of {report.project}: {report.paths['brief']}" for report in result.projects[:5]]
    lines.append('Search it: rlm-context search "…"   Read a session: rlm-context session ID')
    return "\n".join(lines)
