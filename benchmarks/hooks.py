"""Hooks as an agent runs them, whole processes, beside bare Python.

    python -m benchmarks.hooks [--runs 30]

"Bare" is `<this Python> -c pass`; each hook is the command that `rlm-context install` writes, with the agent's JSON on
stdin, in a home of its own with one compiled project. Runs alternate, and medians and minima are compared: the
median is what people wait, the minimum says what the program costs where other processes disturb. Workers find another
one at work and end at once; they run beside the hook, as they do in reality. SessionEnd links the transcript where
home and transcript are on one file system, which they are here; `--copy DIR`
measures the other case.
"""

import argparse
import fcntl
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from flows.server_process import try_lock
from store.keys import encode_name, generation_prefix

_REMOTE = "git.example.com/acme/tide"
_NEWEST = "(-12, 'abcdef01')"
_COMMAND = Path(sys.executable).parent / "rlm-context"
_INSTALLED = [
    sys.executable,
    "-I",
    "-S",
    str(Path(__file__).parents[1] / "rlm_context" / "hooks" / "__main__.py"),
]
_LINE = json.dumps({"type": "user", "message": {"role": "user", "content": "x" * 900}}) + "\n"


class Place:
    """A home with the brief of one project, a checkout of it, and transcripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.checkout = folder / "tide"
        self.environment = os.environ | {"HOME": str(folder), "RLM_CONTEXT_HOME": str(self.home)}
        (self.checkout / ".git").mkdir(parents=True)
        config = f'[core]\n\tbare = false\n[remote "origin"]\n\turl = https://{_REMOTE}.git\n'
        (self.checkout / ".git" / "config").write_text(config)
        self._copy_of_a_generation()
        (self.home / "hooks").mkdir()
        (self.home / "hooks" / "swept").touch()

    def _copy_of_a_generation(self) -> None:
        project = self.home / "cache" / "projects" / encode_name(_REMOTE)
        project.mkdir(parents=True)
        lines = "\n".join(
            f"- 2026-03-{day:02d} ann: {'word ' * 20}[s:1a2b3c4d#{day}]" for day in range(1, 61)
        )
        brief = {
            "project": _REMOTE,
            "generation": "0000000012-abcdef01",
            "newest": _NEWEST,
            "created": int(time.time() * 1000),
            "sessions": 300,
            "text": f"# {_REMOTE}\n\n## Summary\n{lines}\n"[:8_400],
        }
        (project / "brief.json").write_text(json.dumps(brief))
        (project / "current").write_text(json.dumps({**brief, "text": ""}))
        published = self.home / "store" / generation_prefix(_REMOTE) / "0000000012-abcdef01.json"
        published.parent.mkdir(parents=True)
        published.touch()

    def transcript(self, folder: Path, megabytes: int) -> Path:
        """A transcript of so many bytes."""
        path = folder / "projects" / "-src-tide" / f"{megabytes:08x}-0000-4000-8000-000000000000.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            for _ in range(megabytes * 1_000_000 // len(_LINE)):
                file.write(_LINE)
            file.flush()
            os.fsync(file.fileno())
        return path

    def event(self, transcript: Path, **more: str) -> bytes:
        """The agent's JSON."""
        told = {"session_id": transcript.stem, "transcript_path": str(transcript), "cwd": str(self.checkout)}
        return json.dumps(told | more).encode()

    def hook(self, command: Sequence[str], name: str, event: bytes) -> None:
        """Run one hook."""
        subprocess.run(
            [*command, name], input=event, env=self.environment, stdout=subprocess.DEVNULL, check=True
        )

    def noting(self) -> Path:
        """A team's store, and a session that runs and may be shared; its transcript."""
        self.environment["RLM_CONTEXT_STORE"] = str(self.folder / "team")
        (self.home / "shared-projects.txt").write_text(f"{_REMOTE}\n")
        path = self.transcript(self.folder, 0)
        (self.home / "hooks" / "running").mkdir(exist_ok=True)
        (self.home / "hooks" / "running" / path.stem).write_text(str(os.getpid()))
        (self.home / "hooks" / "notes-told").touch()  # its worker was started a moment ago
        return path

    def configure(self) -> None:
        """The same store by the configuration file."""
        store = self.environment.pop("RLM_CONTEXT_STORE")
        (self.home / "config.toml").write_text(f'store = "{store}"\n')

    def hook_after_a_turn(self, path: Path, event: bytes) -> None:
        """Let the transcript grow by a turn with one edit, and run the hook for its end."""
        edit = {"type": "tool_use", "name": "Edit", "input": {"file_path": str(self.checkout / "tide.py")}}
        line = json.dumps({"type": "assistant", "message": {"content": [edit]}}, separators=(",", ":"))
        with path.open("a") as file:
            file.write(_LINE * 200 + line + "\n")
        self.hook(_INSTALLED, "stop", event)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Another worker is at work."""
        lock = try_lock(self.home / "hooks" / "worker.lock", fcntl.LOCK_EX)
        yield
        if lock is not None:
            os.close(lock)


def bare() -> None:
    """Python without a program."""
    subprocess.run([sys.executable, "-c", "pass"], stdin=subprocess.DEVNULL, check=True)


def compared(runs: int, work: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Milliseconds of bare Python and of `work`, taken by turns."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for index, run in enumerate((bare, work)):
            began = time.perf_counter()
            run()
            taken[index].append((time.perf_counter() - began) * 1000)
    return taken


def show(name: str, reach: str, taken: tuple[list[float], list[float]]) -> None:
    """One row."""
    (middle, middle_bare), (least, least_bare) = (
        [function(taken[1]), function(taken[0])] for function in (statistics.median, min)
    )
    print(
        f"{name:<28} median {middle:6.1f} ms, {middle / middle_bare:4.2f} × bare   "
        f"least {least:6.1f} ms, {least / least_bare:4.2f} × bare   reach {reach}"
    )


def _folder(place: str | None = None) -> "tempfile.TemporaryDirectory[str]":
    # The last workers may still be ending.
    return tempfile.TemporaryDirectory(dir=place, ignore_cleanup_errors=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--copy", metavar="DIR", help="Keep transcripts in DIR, on another file system.")
    arguments = parser.parse_args()
    with _folder() as name, _folder(arguments.copy) as other:
        place = Place(Path(name))
        with place.busy():
            for source, reach in (("startup", "≤ 2 ×"), ("resume", "≤ 2 ×")):
                event = place.event(Path("0000000a-0000-4000-8000-000000000000.jsonl"), source=source)
                taken = compared(arguments.runs, partial(place.hook, _INSTALLED, "session-start", event))
                show(f"session-start, {source}", reach, taken)
            refresh = compared(arguments.runs, partial(place.hook, _INSTALLED, "refresh", event))
            show("refresh, nothing newer", "", refresh)
            taken = compared(
                arguments.runs, partial(place.hook, [str(_COMMAND), "hook"], "session-start", event)
            )
            show("the same, rlm-context hook", "", taken)
            for megabytes, reach in ((0, ""), (10, "≤ 3 ×"), (100, "< 300 ms")):
                path = place.transcript(Path(other), megabytes)
                event = place.event(path, reason="other")
                taken = compared(arguments.runs, partial(place.hook, _INSTALLED, "session-end", event))
                show(f"session-end, {megabytes} MB", reach, taken)
        path = place.noting()
        work = partial(place.hook_after_a_turn, path, place.event(path))
        show("stop, 200 KB new", "", compared(arguments.runs, work))
        place.configure()
        show("the same, with a config.toml", "", compared(arguments.runs, work))


if __name__ == "__main__":
    main()
