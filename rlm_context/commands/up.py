"""`rlm-context up`: Prefect's server and UI, and the nightly, on this machine."""

import os

import click

from data_models.settings import load_settings
from rlm_context.failures import say


@click.command("up")
def up_command() -> None:
    """Run Prefect's server and UI here, and what it schedules, until Ctrl-C.

    While it is up, every compile runs on this server, the nightly runs at 02:30 in this machine's time zone (or once
    the machine wakes up), and runs can be started and stopped in the UI.
    """
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "ERROR")
    from flows.server_process import STATE
    from flows.up import up

    home = load_settings().home

    def ready(url: str) -> None:
        say(
            f"rlm-context: up at {url}; its user and password are in {home}/prefect/{STATE}. Ctrl-C stops it."
        )

    def waits() -> None:
        say("rlm-context: waiting for a compile that runs on a server of its own")

    try:
        up(home, ready=ready, waits=waits)
    except KeyboardInterrupt:
        say("rlm-context: down")
