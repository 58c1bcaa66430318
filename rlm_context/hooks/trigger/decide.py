"""The one place that decides where a compile runs once something was uploaded.

1. On a Prefect server, where there is one: the user's own, or that of `rlm-context up`.
2. For a store on Modal, in the app that is deployed next to it.
3. Else here, in a process of its own; also where a server on this machine stays away, or nothing is deployed elsewhere.

A place elsewhere is asked and not waited for. Only a run that was running when it was asked for, and so may have looked
before the upload, is looked at again when it ends. What has to be compiled is what the spool still holds.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from compiler.runs import read_record
from compiler.runtime import Runtime
from compiler.uploading.author import author_of
from data_models.env import INSIDE, PREFIX
from flows.configured import configured_api
from flows.local_server import live_server
from flows.up import is_up
from rlm_context.hooks.trigger.asking import ask, ended_of, note
from rlm_context.hooks.trigger.modal import ModalApp
from rlm_context.hooks.trigger.record import Trigger, forget_trigger, read_triggers
from rlm_context.hooks.trigger.remote import RefusedError, Remote

HERE = "this machine"
_SECONDS = 2 * 3600.0
"""A compile that takes longer hangs, and is ended; what it did is kept."""


class CompileHere(Protocol):
    """Compiles projects of a store on this machine: `compile_projects_of`."""

    def __call__(self, store_url: str, projects: Sequence[str], *, own_server: bool) -> bool:
        """See `compile_projects_of`."""
        ...


def remote_of(runtime: Runtime) -> Remote | None:
    """Who compiles the configured store when asked; None for this machine.

    Raises:
        RefusedError: what is configured for Prefect cannot be used.
    """
    url = configured_api()
    server = live_server(runtime.home) if not url and is_up(runtime.home) else None
    if url or (server is not None and server.schedules):
        # An HTTP client, which a compile on this machine need not import in this process.
        from rlm_context.hooks.trigger.prefect import PrefectServer
        from rlm_context.hooks.trigger.rest import configured_rest, homes_rest

        by, record = author_of(runtime.settings), partial(read_record, runtime.store)
        return PrefectServer(homes_rest(server) if server else configured_rest(url), by, record)
    return ModalApp(runtime.store) if runtime.store.url.startswith("modal://") else None


def still_waiting(runtime: Runtime) -> list[str]:
    """The projects of which uploads to this runtime's store wait here for a generation, after those were dropped that
    one holds by now.

    Raises:
        StoreError: the store failed.
    """
    runtime.spool.acknowledge(runtime.store)
    forget_settled(runtime)
    return sorted(project for url, project in _pending(runtime) if url == runtime.store.url)


def forget_settled(runtime: Runtime) -> None:
    """Remove the records of triggers for which nothing waits any more; a refusal is still one."""
    pending = _pending(runtime)
    for trigger in read_triggers(runtime.home):
        if (trigger.store, trigger.project) not in pending and trigger.state != "refused":
            forget_trigger(runtime.home, trigger.store, trigger.project)


def _pending(runtime: Runtime) -> set[tuple[str, str]]:
    """Store and project of every upload that waits here."""
    return {(job.store_url, job.receipt.project) for job in runtime.spool.pending()}


def have_compiled(
    runtime: Runtime,
    projects: Sequence[str],
    *,
    is_configured: bool,
    compile_here: CompileHere,
    is_wanted: Callable[[], bool],
) -> list[Trigger]:
    """Have projects compiled, and leave a record of what went wrong or is under way.

    Args:
        runtime: of the store that holds them.
        projects: their names.
        is_configured: whether that is the store of the settings, which others may compile.
        compile_here: compiles on this machine.
        is_wanted: whether there is something else to do than to wait for runs.

    Returns:
        What became of those that were asked for elsewhere, or failed here.

    Raises:
        StoreError: the store failed.
    """
    if not projects:
        return []
    try:
        remote = remote_of(runtime) if is_configured else None
    except RefusedError as error:
        return [note(runtime, "Prefect", project, error) for project in projects]
    if remote is None:
        # What is not shared stays off a server that others read: it keeps briefs as artifacts.
        return _compile_here(runtime, projects, compile_here, own_server=not is_configured)
    triggers = _ask_all(runtime, remote, projects)
    _look_again(runtime, remote, triggers, is_wanted)
    here = [trigger for trigger in triggers.values() if trigger.here]
    # Where nobody answers on the user's own server, the home's does the same.
    own_server = any(trigger.state == "away" for trigger in here)
    if here and not compile_here(runtime.store.url, [one.project for one in here], own_server=own_server):
        triggers |= {one.project: note(runtime, HERE, one.project, None) for one in here}
    return list(triggers.values())


def compile_projects_of(store_url: str, projects: Sequence[str], *, own_server: bool) -> bool:
    """Compile projects of a store on this machine, in a process of its own, and wait for it.

    Args:
        store_url: the store that holds them.
        projects: their names.
        own_server: run on the home's local Prefect server, whatever the user configured.

    Returns:
        Whether all were compiled. What went wrong is in the workers' log; the next trigger tries again.
    """
    server = "own-server" if own_server else "any-server"
    command = [sys.executable, "-P", "-m", "rlm_context.hooks.trigger.compiling", server, *projects]
    environment = {
        **os.environ,
        PREFIX + "STORE": store_url,
        INSIDE: "1",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    }
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    if done.returncode < 0:  # it could not say so itself
        name = signal.Signals(-done.returncode).name
        print(f"rlm-context: the compile was ended by {name}. Next: rlm-context compile", file=sys.stderr)
    return done.returncode == 0


def _compile_here(
    runtime: Runtime, projects: Sequence[str], compile_here: CompileHere, *, own_server: bool
) -> list[Trigger]:
    """Compile on this machine; records of the projects where one failed."""
    if not compile_here(runtime.store.url, projects, own_server=own_server):
        return [note(runtime, HERE, project, None) for project in projects]
    for project in projects:
        forget_trigger(runtime.home, runtime.store.url, project)
    return []


def _ask_all(runtime: Runtime, remote: Remote, projects: Sequence[str]) -> dict[str, Trigger]:
    """Ask for each; where nobody answers, the first one waits for that, and the others ask once."""
    triggers: dict[str, Trigger] = {}
    for project in projects:
        is_patient = all(trigger.state != "away" for trigger in triggers.values())
        triggers[project] = ask(runtime, remote, project, is_patient=is_patient)
    return triggers


def _look_again(
    runtime: Runtime, remote: Remote, triggers: dict[str, Trigger], is_wanted: Callable[[], bool]
) -> None:
    """Ask again for what a run that has ended left out; for as long as one runs, and no longer than is bearable."""
    running = {name: trigger.run for name, trigger in triggers.items() if trigger.state == "running"}
    while ended := ended_of(remote, running, is_wanted):
        left = still_waiting(runtime)
        for project in ended:
            del running[project], triggers[project]
            if project in left:
                triggers[project] = ask(runtime, remote, project, is_patient=True)
                if triggers[project].state == "running":
                    running[project] = triggers[project].run
