"""The entry point. Hooks and `search` are answered before anything heavy is imported; the rest goes to click."""

import os
import sys

from rlm_context.own_packages import prefer_own_packages

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import TextIO


def main() -> None:
    """Run the command line; exits with 0 (done), 1 (failed) or 2 (wrong usage)."""
    prefer_own_packages()
    _print_anything(sys.stdout)
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, say `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    if sys.argv[1:2] in (["search"], ["hook"]):
        os._exit(code)  # taking down the interpreter and the index costs a third of a search
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command in this process; the exit code. Whatever goes wrong is said in one line on stderr."""
    try:
        return _dispatch(arguments)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  nobody is shown a traceback
        from rlm_context.failures import explain  # its imports cost more than a hook may take

        explain(error)
        if isinstance(error, KeyboardInterrupt):
            _forget_interrupt()
        return 1


def _dispatch(arguments: list[str]) -> int:
    code = _fast(arguments)
    if code is not None:
        return code
    from rlm_context.platforms import require_posix

    require_posix()
    from rlm_context.cli import run_cli

    return run_cli(arguments)


def _fast(arguments: list[str]) -> int | None:
    """The exit code of what is answered without click; None for everything else, such as --help."""
    if arguments[:1] == ["hook"]:
        from rlm_context.hooks.run import run_hook

        return run_hook(arguments[1:])
    if arguments[:1] == ["search"]:
        from rlm_context.fast_search import search_fast

        return search_fast(arguments[1:])
    return None


def _forget_interrupt() -> None:
    """Let `python -m rlm_context` end with the exit code that it is given.

    CPython notes a KeyboardInterrupt that leaves code executed from a string, as libraries do while they are imported,
    and then ends as killed by SIGINT though it was handled. Whatever is executed next takes the note back.
    """
    exec("")  # noqa: S102  nothing is executed


def _print_anything(stream: "TextIO") -> None:
    """Print what a terminal's encoding lacks as escapes instead of failing on it."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
