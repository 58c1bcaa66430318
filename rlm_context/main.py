"""The entry point. `search` is answered before anything heavy is imported; the rest goes to click."""

import os
import sys

from rlm_context.failures import explain

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import TextIO


def main() -> None:
    """Run the command line; exits with 0 (done), 1 (failed) or 2 (wrong usage)."""
    _print_anything(sys.stdout)
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, say `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    if _is_search(sys.argv[1:]):
        os._exit(code)  # taking down the interpreter and the index costs a third of a search
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command in this process; the exit code. Whatever goes wrong is said in one line on stderr."""
    try:
        return _dispatch(arguments)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  nobody is shown a traceback
        explain(error)
        return 1


def _dispatch(arguments: list[str]) -> int:
    if _is_search(arguments):
        from rlm_context.fast_search import search_fast

        code = search_fast(arguments[1:])
        if code is not None:
            return code
    from rlm_context.cli import run_cli

    return run_cli(arguments)


def _is_search(arguments: list[str]) -> bool:
    return arguments[:1] == ["search"]


def _print_anything(stream: "TextIO") -> None:
    """Print what a terminal's encoding lacks as escapes instead of failing on it."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
