"""`rlm-context sync`: everything of this machine into the store, and whatever waits in the spool."""

import click

from compiler.maintenance.nightly import done_by_hand
from compiler.runtime import Runtime, open_runtime
from data_models.errors import RlmContextError
from rlm_context.commands.upload import everything_here, send
from rlm_context.failures import say
from store.registry import open_store


@click.command("sync")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def sync_command(as_json: bool) -> None:
    """Upload what the store lacks of this machine's sessions, and what waits in the spool.

    Sessions are redacted first. What is not shared (rlm-context share) stays in the store on this
    machine.
    """
    runtime = open_runtime()
    send(runtime, everything_here(), as_json, title="sync")
    if _flush_others(runtime):
        done_by_hand(runtime, "sweep")


def _flush_others(runtime: Runtime) -> bool:
    """Send what waits for other stores, and let go of what a generation of ours holds; whether all of it went."""
    sent = True
    for url in sorted({job.store_url for job in runtime.spool.pending()} - {runtime.store.url}):
        try:
            runtime.spool.flush(open_store(url))
        except RlmContextError as error:  # what waits for one store must not keep the others waiting
            sent = False
            say(f"rlm-context: degraded: uploads to {url} still wait: {error.message}")
    runtime.spool.acknowledge(runtime.store)
    return sent
