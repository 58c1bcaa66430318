"""The entry point. `search` is answered before anything heavy is imported; the rest goes to click."""

import sys


def main() -> None:
    """Run the command line; exits with 0 (done), 1 (failed) or 2 (wrong usage)."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["search"]:
        from rlm_context.fast_search import run

        code = run(arguments[1:])
        if code is not None:
            sys.exit(code)
    from rlm_context.cli import run_cli

    sys.exit(run_cli(arguments))


if __name__ == "__main__":
    main()
