"""The process of a compile that a worker triggers: the projects named, of the store that the environment names."""

import sys
import time
from contextlib import ExitStack, suppress

from compiler.plan import plan
from compiler.runtime import Runtime, open_runtime
from compiler.turn import compile_lease
from data_models.errors import RlmContextError, StoreError
from flows.run import compile_projects
from rlm_context.failures import explain
from rlm_context.hooks.trigger.remote import begin_lease
from store.leases import Candidate, Lease, holder

_SESSION_END = "session end"
"""What started these compiles, as `status` says it; where a deployment compiles, it says `on-session-end`."""

_POLL_SECONDS = 1.0
_LONGEST_WAIT = 600.0
_BEGINS_IN = 120.0
"""Seconds in which the flow has its own lease: a server takes ten to start, and more where the machine is busy."""


def main() -> int:
    """Compile what is new; 1 where one failed.

    The command line: "own-server" for the home's own Prefect server, or "any-server" for the user's where there is
    one; then the projects.
    """
    own_server = sys.argv[1] == "own-server"
    try:
        with ExitStack() as leases:
            runtime = open_runtime()
            waiting = [name for name in sys.argv[2:] if _is_left(runtime, name, leases)]
            results = []
            if waiting:
                results = compile_projects(runtime.home, waiting, own_server=own_server, trigger=_SESSION_END)
    except RlmContextError as error:
        explain(error)
        return 1
    failed = [
        (name, one) for name, one in zip(waiting, results, strict=True) if isinstance(one, RlmContextError)
    ]
    for name, failure in failed:
        explain(failure, about=name)
    return 1 if failed else 0


def _is_left(runtime: Runtime, project: str, leases: ExitStack) -> bool:
    """Whether something is new once nobody else compiles the project, or is about to.

    Another compile, of this store's other users too, mostly leaves nothing to do; who waits for that here needs
    neither Prefect nor a server. The flow itself waits for its turn in any case.
    """
    candidate = Candidate(runtime.store, begin_lease(project), _BEGINS_IN)
    deadline = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < deadline:
        if holder(runtime.store, compile_lease(project)) is None and (lease := candidate.acquire()):
            leases.callback(_give_back, lease)
            break
        time.sleep(_POLL_SECONDS)
    return plan(runtime, project).has_work


def _give_back(lease: Lease) -> None:
    with suppress(StoreError):  # it runs out by itself
        lease.release()


if __name__ == "__main__":
    sys.exit(main())
