"""`rlm-context doctor`: is this machine set up, can the store be read, do we know what the agents write."""

from collections.abc import Iterable
from pathlib import Path

import click

from data_models.events import Reject
from rlm_context.checks import Check
from rlm_context.doctor.every import all_checks
from rlm_context.output import print_json, table
from rlm_context.shown import harmless
from rlm_context.summary import reject_lines
from transcripts.drift import DriftRow, drift_report
from transcripts.sources import find_sessions


@click.command("doctor")
@click.option("--source", "source", type=click.Path(path_type=Path), metavar="DIR",
              help="Look at these sessions too: what would be left out, and what their agents write "
              "that this version does not know.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def doctor_command(source: Path | None, as_json: bool) -> int:
    """Look for trouble and say what mends it.

    Looks at this machine, at each agent's hooks and when they last fired, at settings and store, and
    reads back all that the newest generations rest on. Exits with 1 where something is wrong.
    """
    checks = list(all_checks())
    drift = drift_report(source) if source else []
    skipped = list(find_sessions(source).skipped) if source else []
    if as_json:
        print_json({"checks": checks, "drift": drift, "skipped": skipped})
    else:
        click.echo(check_lines(checks))
        if source:
            click.echo(_told(drift, skipped))
    return 0 if is_well(checks) else 1


def is_well(checks: Iterable[Check]) -> bool:
    """Whether nothing of what was looked at is wrong."""
    return all(check.ok is not False for check in checks)


def check_lines(checks: Iterable[Check]) -> str:
    """A line for each check."""
    return "\n".join(map(_line, checks))


def _line(check: Check) -> str:
    mark = {True: "ok  ", None: "note", False: "BAD "}[check.ok]
    following = f"  → {check.next_command}" if check.next_command else ""
    return harmless(f"{mark}  {check.name}: {check.detail}{following}")


def _told(drift: list[DriftRow], skipped: list[Reject]) -> str:
    lines = [""]
    if drift:
        rows = [(row.agent, row.host_version, row.what, str(row.count), row.example) for row in drift]
        lines += ["Not known to this version (kept or counted, never lost):"]
        lines += [table(rows, ("agent", "version", "what", "count", "first seen"))]
    else:
        lines += ["Every record, block and field in it is known to this version."]
    if skipped:
        lines += ["", "Left out:", *reject_lines(skipped)]
    return "\n".join(lines)
