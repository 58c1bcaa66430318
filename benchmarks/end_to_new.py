"""Seconds from the end of a session to the generation that holds it, and to a next session that can be told it.

    python -m benchmarks.end_to_new [--sessions 5]

One home with the default settings; each session ends by the real hook, which leaves a worker behind as it does at an
agent's side. `hook` is what the agent waits for; `uploaded`, `published` and `told` count from the same moment. `told`
is when a session that opens is told the new generation, by `session-start` or `refresh`. First on an empty home, then
where the Prefect server of the compile before still runs, where none does, and with `rlm-context up`.
"""

import argparse
import fcntl
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.local_server import live_server
from flows.server_process import try_lock
from store.generations import newest, read_catalog
from store.registry import open_store
from tests.hooks.helpers import REMOTE, ROOT, event, hook, session_id, transcript

_PATIENCE = 300.0
_UP = [sys.executable, "-m", "rlm_context", "up"]
_STEPS = ("hook", "uploaded", "published", "told")


class Home:
    """A user's home with a checkout.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.ours, self.checkout = folder, folder / "rlm-context", folder / "tide"
        (self.checkout / ".git").mkdir(parents=True)
        config = f'[remote "origin"]\n\turl = https://{REMOTE}.git\n'
        (self.checkout / ".git" / "config").write_text(config)
        self._ended = 0

    def end_session(self) -> dict[str, float]:
        """A session more ends; when each step was done, in seconds after."""
        self._ended += 1
        number = self._ended
        transcript(self.folder, number, self.checkout)
        told = event(number, self.checkout, self.folder)
        begun = time.monotonic()
        hook("session-end", told | {"reason": "other"}, worker=True)
        taken = {"hook": time.monotonic() - begun}
        taken["uploaded"] = until(lambda: self._is_uploaded(number)) - begun
        taken["published"] = until(lambda: self._is_published(number)) - begun
        taken["told"] = until(self._is_told) - begun
        until(self.is_idle)
        return taken

    @property
    def _store(self) -> str:
        return str(self.ours / "store")

    def _is_uploaded(self, number: int) -> bool:
        return any(session_id(number) in path.parts for path in Path(self._store, "inbox").rglob("*.json"))

    def _is_published(self, number: int) -> bool:
        store = open_store(self._store)
        generation = newest(store, REMOTE)
        return generation is not None and any(
            session == session_id(number) for _, session in read_catalog(store, [generation.manifest])
        )

    def _is_told(self) -> bool:
        """Whether a session that opens now is told of the newest generation, by one of its two hooks."""
        opened = event(0, self.checkout, self.folder, source="startup") | {
            "session_id": f"new-{time.time_ns()}"
        }
        told = hook("session-start", opened).stdout + hook("refresh", opened, worker=True).stdout
        generation = newest(open_store(self._store), REMOTE)
        return generation is not None and f'generation=\\"{generation.manifest.number}\\"' in told

    def is_idle(self) -> bool:
        """Whether no worker is left."""
        lock = try_lock(self.ours / "hooks" / "worker.lock", fcntl.LOCK_SH)
        if lock is not None:
            os.close(lock)
        return lock is not None

    @contextmanager
    def served(self) -> Iterator[None]:
        """`rlm-context up`, for the block."""
        up = subprocess.Popen(_UP, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        assert up.stderr is not None
        next(line for line in up.stderr if ": up at " in line)
        try:
            yield
        finally:
            up.terminate()
            up.communicate()


def until(look: Callable[[], bool]) -> float:
    """The time at which `look` holds."""
    deadline = time.monotonic() + _PATIENCE
    while not look():
        if time.monotonic() > deadline:
            sys.exit("it never came to it: see logs/ in the home")
        time.sleep(0.05)
    return time.monotonic()


def show(title: str, taken: list[dict[str, float]]) -> None:
    """A row of medians."""
    medians = (statistics.median(each[step] for each in taken) for step in _STEPS)
    print(f"{title:<24}" + "".join(f"{median:>11.2f}" for median in medians))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=5)
    sessions = parser.parse_args().sessions
    for name in [name for name in os.environ if name.startswith(("RLM_CONTEXT_", "PREFECT_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ |= {"HOME": folder, "RLM_CONTEXT_HOME": f"{folder}/rlm-context", "DO_NOT_TRACK": "1"}
        home = Home(Path(folder))
        print(f"{'seconds (medians)':<24}" + "".join(f"{step:>11}" for step in _STEPS))
        show("the home's first", [home.end_session()])
        show("a server still runs", [home.end_session() for _ in range(sessions)])
        until(lambda: live_server(home.ours) is None)
        show("no server", [home.end_session()])
        with home.served():
            show("rlm-context up", [home.end_session() for _ in range(sessions)])


if __name__ == "__main__":
    main()
