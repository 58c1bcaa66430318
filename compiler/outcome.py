"""Completes a project's report with what its newest generation holds."""

import shlex

from compiler.degraded import grouped
from compiler.local_copy import Copy
from compiler.report import ProjectReport
from compiler.runtime import Runtime
from store.keys import compiled_text_key


def describe(runtime: Runtime, report: ProjectReport, copy: Copy) -> ProjectReport:
    """Fill in the totals, rejects, redactions and paths of `copy`, the generation the report is about."""
    entries = copy.sessions()
    report.generation = copy.generation
    report.sessions.total = len(entries)
    report.authors = sorted({entry.author for entry in entries})
    report.events = sum(entry.events for entry in entries)
    report.chunks.total = sum(len(entry.chunks) for entry in entries)
    report.nodes.digest.total = len(entries)
    report.nodes.rollup.total = copy.manifest().counts["rollups"]
    report.rejects = [reject for entry in entries for reject in entry.rejects]
    report.redactions = {}
    for entry in entries:
        for kind, count in entry.redactions.items():
            report.redactions[kind] = report.redactions.get(kind, 0) + count
    undone = grouped("chunk", (reason for entry in entries for reason in entry.degraded))
    undone += copy.manifest().degraded
    report.degraded += undone
    report.next_command = (
        f"rlm-context compile --project {shlex.quote(report.project)} --full" if undone else ""
    )
    report.paths = _paths(runtime, copy)
    return report


def _paths(runtime: Runtime, copy: Copy) -> dict[str, str]:
    readable = runtime.store.local_path(compiled_text_key(copy.project))
    paths = {"store": runtime.store.url, "brief": f"{copy.folder}/brief.md", "full": f"{copy.folder}/full.md"}
    return paths | ({"compiled_context": str(readable)} if readable else {})
