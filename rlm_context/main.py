"""The entry point. `search` is answered before anything heavy is imported; the rest goes to click."""

import os
import sys


def main() -> None:
    """Run the command line; exits with 0 (done), 1 (failed) or 2 (wrong usage)."""
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, say `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["search"]:
        from rlm_context.fast_search import run

        code = run(arguments[1:])
        if code is not None:
            return code
    from rlm_context.cli import run_cli

    return run_cli(arguments)


if __name__ == "__main__":
    main()
