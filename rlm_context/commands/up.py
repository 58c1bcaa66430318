"""`rlm-context up`: Prefect's server and UI, and the nightly, on this machine, for now or for good."""

import getpass
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from data_models.errors import PipelineError
from data_models.settings import load_settings
from flows.configured import configured_api, without_password
from flows.server_process import STATE
from flows.up import is_up, up
from rlm_context.failures import explained, say
from rlm_context.service import Service, is_running, plan_service, remove_files, tell_system, write_files

_LINGERS = Path("/var/lib/systemd/linger")
"""Holds a file for each user whose services outlive the login: what `loginctl enable-linger` makes."""


@click.command("up")
@click.option("--install", is_flag=True, help="Have systemd or launchd keep it up from now on.")
@click.option("--uninstall", is_flag=True, help="Take back what --install did.")
@click.option("--dry-run", is_flag=True, help="With --install: show what would be written; do nothing.")
def up_command(install: bool, uninstall: bool, dry_run: bool) -> None:
    """Run Prefect's server and UI here, and what it schedules, until Ctrl-C.

    While it is up, every compile runs on this server, the nightly runs at 02:30 in this machine's time zone (or once
    the machine wakes up), and runs can be started and stopped in the UI, at an address that stays.

    --install writes a systemd user unit (Linux) or a launchd agent (macOS) that runs it at every login, with the
    settings and keys that are in the environment now, and starts it. Again changes nothing, or takes over new values.
    """
    if (install and uninstall) or (dry_run and not install):
        raise click.UsageError("--install and --uninstall exclude each other; --dry-run is for --install")
    home = load_settings().home
    if install:
        _install(home, dry_run=dry_run)
    elif uninstall:
        _uninstall(home)
    else:
        _serve(home)


def _serve(home: Path) -> None:
    # Prefect's runner logs what it meets with tracebacks; runs say what became of them, and `lost` the rest.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    is_configured = bool(configured_api())  # which in `ready` names the home's server too

    def ready(url: str) -> None:
        page = without_password(url).removesuffix("/api")
        if is_configured:
            say(f"rlm-context: up, with the server that you configured: {page}. Ctrl-C stops it.")
            return
        secret = f"its user and password are in {home}/prefect/{STATE}"
        say(f"rlm-context: up at {page}; {secret}. Ctrl-C stops it.")

    def waits() -> None:
        say("rlm-context: waiting for a compile that runs on a server of its own")

    def stops() -> None:
        say("rlm-context: stopping")

    def lost() -> None:
        say(
            "rlm-context: the Prefect server does not answer any more; what ran here is ended. Beginning again"
        )

    try:
        up(home, ready=ready, waits=waits, stops=stops, lost=lost)
    except KeyboardInterrupt:
        say("rlm-context: down")


def _install(home: Path, *, dry_run: bool) -> None:
    service = plan_service(home)
    click.echo(_shown(service, dry_run))
    if dry_run:
        return
    is_elsewhere = not service.unit.exists() and is_up(home)
    if not service.is_installed:
        if service.unit.exists():
            _end(service)
        write_files(service)
    if not is_running(service):
        tell_system(service.begin)
    click.echo("\n".join(_after(service, is_elsewhere)))


def _uninstall(home: Path) -> None:
    service = plan_service(home)
    if not service.unit.exists():
        click.echo(f"{service.unit} is not there: nothing to take back.")
    else:
        _end(service)
        click.echo(f"{service.name} is stopped.")
    if remove_files(service):
        click.echo(f"Removed {service.unit} and {service.variables_path}.")


def _end(service: Service) -> None:
    """Stop it; where it does not run, or nobody can be told, that keeps nothing from being done."""
    try:
        tell_system([service.end])
    except PipelineError as error:
        say(f"rlm-context: degraded: {explained(error)}")


def _shown(service: Service, dry_run: bool) -> str:
    """What is written, before it is. Values of variables are not shown: keys may be among them."""
    if service.is_installed:
        return f"{service.unit} is there already, as it should be."
    verb = "Would write" if dry_run else "Writing"
    names = ", ".join(sorted(service.variables))
    return (
        f"{verb} {service.unit}:\n\n{service.text}\n"
        f"{verb} {service.variables_path}, for you alone, with the values of now of: {names}"
    )


def _after(service: Service, is_elsewhere: bool) -> Iterator[str]:
    yield f"{service.name} is started, now and at every login. See: {shlex.join(service.look)}"
    if is_elsewhere:
        yield "`rlm-context up` runs already: the service takes its place a minute after that ends."
    if service.look[0] == "systemctl" and not (_LINGERS / getpass.getuser()).exists():
        yield "It ends when you log out. To keep it up all the same: loginctl enable-linger"
    yield "Its address: rlm-context status"
