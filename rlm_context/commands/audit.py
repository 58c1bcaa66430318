"""`rlm-context audit`: what left this machine."""

import click

from compiler.uploading.audit import Left, audit_file, read_audit
from data_models.env import home
from rlm_context.names import match_time
from rlm_context.output import print_json, table
from rlm_context.shown import minute


@click.command("audit")
@click.option("--since", metavar="T", help="Not before: 2026-01-31 or 7d.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def audit_command(since: str | None, as_json: bool) -> None:
    """List the sessions that went to a store others may read, newest last."""
    earliest = match_time(since) if since else 0
    found = [left for left in read_audit(home()) if left.time >= earliest]
    if as_json:
        print_json({"file": str(audit_file(home())), "left": found})
    elif found:
        click.echo(_listed(found))
    else:
        click.echo("Nothing left this machine.")


def _listed(found: list[Left]) -> str:
    rows = [
        (
            minute(left.time),
            left.session_id,
            left.author,
            f"{left.bytes:,}",
            ", ".join(f"{count} {kind}" for kind, count in sorted(left.redactions.items())) or "-",
            left.project,
            left.store,
        )
        for left in found
    ]
    return table(rows, ("sent (UTC)", "session", "author", "bytes", "redacted", "project", "store"))
