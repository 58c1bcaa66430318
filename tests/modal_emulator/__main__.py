"""Start an emulator from the command line: `python -m tests.modal_emulator --data DIR [--port N]`.

It prints the lines that send `modal`, and everything else of Modal's, to it when pasted into another terminal, and
serves until it is interrupted. What was written stays in DIR for the next time.
"""

import argparse
import signal
from pathlib import Path

from tests.modal_emulator.server import Emulator


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.modal_emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder for what is written; may exist already"
    )
    arguments = parser.parse_args()
    # Blocked before there are threads, so that the signal is left for sigwait.
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with Emulator(arguments.data.absolute(), arguments.port) as emulator:
        for name, value in emulator.env.items():
            print(f"export {name}={value}", flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()
