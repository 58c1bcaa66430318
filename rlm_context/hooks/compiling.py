"""The process of a compile that a worker triggers: the projects named, of the store that the environment names."""

import sys
import time

from compiler.plan import plan
from compiler.runtime import Runtime, open_runtime
from compiler.turn import compile_lease
from data_models.errors import RlmContextError
from flows.run import compile_projects
from rlm_context.failures import explain
from store.leases import holder

_POLL_SECONDS = 1.0
_LONGEST_WAIT = 600.0


def main() -> int:
    """Compile what is new; 1 where one failed.

    The command line: "own-server" for the home's own Prefect server, or "any-server" for the user's where there is
    one; then the projects.
    """
    own_server = sys.argv[1] == "own-server"
    try:
        runtime = open_runtime()
        waiting = [name for name in sys.argv[2:] if _is_left(runtime, name)]
        results = compile_projects(runtime.home, waiting, own_server=own_server) if waiting else []
    except RlmContextError as error:
        explain(error)
        return 1
    failed = [
        (name, one) for name, one in zip(waiting, results, strict=True) if isinstance(one, RlmContextError)
    ]
    for name, failure in failed:
        explain(failure, about=name)
    return 1 if failed else 0


def _is_left(runtime: Runtime, project: str) -> bool:
    """Whether something is new once nobody else compiles the project.

    Another compile, of this store's other users too, mostly leaves nothing to do; who waits for that here needs
    neither Prefect nor a server. The flow itself waits for its turn in any case.
    """
    deadline = time.monotonic() + _LONGEST_WAIT
    while holder(runtime.store, compile_lease(project)) is not None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return bool(plan(runtime, project).new)


if __name__ == "__main__":
    sys.exit(main())
