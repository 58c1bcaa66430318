"""The process of a compile that a worker triggers: the projects named, of the store that the environment names."""

import sys

from compiler.plan import plan
from compiler.runtime import open_runtime
from data_models.errors import RlmContextError
from flows.run import compile_projects
from rlm_context.failures import explain


def main() -> int:
    """Compile what is new in the projects given on the command line; 1 where one failed."""
    try:
        runtime = open_runtime()
        waiting = [name for name in sys.argv[1:] if plan(runtime, name).new]
        results = compile_projects(runtime.home, waiting) if waiting else []
    except RlmContextError as error:
        explain(error)
        return 1
    failed = [
        (name, one) for name, one in zip(waiting, results, strict=True) if isinstance(one, RlmContextError)
    ]
    for name, failure in failed:
        explain(failure, about=name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
