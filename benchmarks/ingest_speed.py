"""How fast raw transcripts become slim blobs, and blobs become events, in one process.

    python -m benchmarks.ingest_speed DIR [--runs 3] [--json]

DIR is anything that `rlm-context compile --source` takes. Redaction is off: its own benchmark measures it.
Prints, for the best run: MB of raw bytes a second for a bare line loop, for a bare msgspec decode of each line
(what the others are a ratio to), for `slim_session` and for `read_events`; and the peak resident memory.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from transcripts.agent import SessionFiles
from transcripts.events import read_events
from transcripts.lines import UNREADABLE, read_lines
from transcripts.slim import Slim, slim_session
from transcripts.sources import find_sessions


def keep(text: str, counts: dict[str, int], /) -> str:
    """A redactor that finds nothing."""
    return text


def bare_lines(sessions: tuple[SessionFiles, ...]) -> None:
    """Read every line and do nothing with it."""
    for session in sessions:
        for _ in read_lines(session.main):
            pass


def bare_decode(sessions: tuple[SessionFiles, ...]) -> None:
    """Decode every line into plain objects."""
    decode = msgspec.json.Decoder().decode
    for session in sessions:
        for line in read_lines(session.main):
            try:
                decode(line.content or b"{}")
            except UNREADABLE:
                continue


def best(run: Callable[[], object], runs: int) -> float:
    """The shortest wall time of some runs, in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(source: Path, runs: int) -> dict[str, float]:
    """All figures for one source; MB are 10^6 bytes."""
    sessions = find_sessions(source).sessions
    slims: list[Slim] = [slim_session(session, keep) for session in sessions]
    raw = sum(slim.raw_bytes for slim in slims) / 1e6
    seconds = {
        "lines": best(lambda: bare_lines(sessions), runs),
        "decode": best(lambda: bare_decode(sessions), runs),
        "slim": best(lambda: [slim_session(session, keep) for session in sessions], runs),
        "events": best(lambda: [len(read_events(slim.blob)[0]) for slim in slims], runs),
    }
    return {
        "sessions": len(sessions),
        "raw_mb": round(raw, 1),
        "blob_mb": round(sum(len(slim.blob) for slim in slims) / 1e6, 1),
        **{f"{name}_mb_per_s": round(raw / spent) for name, spent in seconds.items()},
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Speed of slim_session and read_events on real transcripts.")
    parser.add_argument("source", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.source, given.runs)
    if given.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:18} {value:>8}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
