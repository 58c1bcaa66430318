"""Redaction: recall by kind and by place, false positives with the hits shown, and speed.

    python benchmarks/redaction.py [--rounds N] [--show N] [TRANSCRIPTS]

TRANSCRIPTS is a folder of real transcripts (*.jsonl), by default `$RLM_CONTEXT_TEST_TRANSCRIPTS`; without one,
speed and false positives are measured on source code only. Hits are shown by their first three characters.
Speed is CPU time of one thread; MB are millions of characters.
"""

import argparse
import itertools
import os
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.redaction import held_out, planted
from transcripts.redaction.engine import RULES_VERSION, Redactor

REDACT = Redactor(b"a key for measuring")
SOURCE_SUFFIXES = {".py", ".js", ".ts", ".json", ".go", ".c", ".h", ".md", ".toml", ".yaml"}
LARGEST_FILE = 5_000_000


def recall(title: str, texts: Iterable[planted.Planted]) -> None:
    """Print the share of planted secrets that are replaced to their last character."""
    found, total, kept = Counter[str](), Counter[str](), 0
    for one in texts:
        hit = any(span.start <= one.start and one.end <= span.end for span in REDACT.find(one.text))
        total.update((f"kind {one.kind}", f"place {one.place}", "all"))
        found.update({f"kind {one.kind}": hit, f"place {one.place}": hit, "all": hit})
        once = REDACT(one.text, {})
        kept += REDACT(once, {}) is once
    kinds = sum(name.startswith("kind") for name in total)
    print(f"\n{title}: {found['all']}/{total['all']} = {found['all'] / total['all']:.2%} of {kinds} kinds;")
    print(f"  unchanged by a second pass: {kept}/{total['all']}")
    for name in sorted(total, key=lambda name: found[name] / total[name]):
        if found[name] < total[name] and name != "all":
            print(f"  {found[name] / total[name]:7.1%}  {name}")


def measure(title: str, texts: Iterable[str], show: int) -> None:
    """Print hits per MB, MB/s and the first hits of each kind, masked."""
    size, seconds, counts = 0, 0.0, Counter[str]()
    hits: dict[str, dict[str, None]] = {}
    for text in texts:
        size += len(text)
        start = time.process_time()
        spans = REDACT.find(text)
        seconds += time.process_time() - start
        for span in spans:
            counts[span.kind] += 1
            before = text[max(0, span.start - 30) : span.start]
            hits.setdefault(span.kind, {})[f"{before!a}{text[span.start : span.start + 3]!a}…"] = None
    if not size:
        print(f"\n{title}: none here")
        return
    print(f"\n{title}: {size / 1e6:.1f} MB, {size / 1e6 / max(seconds, 1e-9):.0f} MB/s, ", end="")
    print(f"{counts.total()} hits, {counts.total() / size * 1e6:.2f} per MB")
    for kind, count in counts.most_common():
        print(f"  {count:5}  {kind}")
        for hit in list(hits[kind])[:show]:
            print(f"           {hit}")


def transcript_strings(folder: Path) -> Iterator[str]:
    """Every distinct string of what was said, called and returned in the transcripts below `folder`."""
    seen: set[int] = set()
    for file in sorted(folder.rglob("*.jsonl")):
        for line in file.read_bytes().split(b"\n"):
            try:
                record = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if not isinstance(record, dict):
                continue
            for text in _strings([record.get(name) for name in ("message", "toolUseResult", "payload")]):
                if hash(text) not in seen and not _is_image(text):
                    seen.add(hash(text))
                    yield text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _is_image(text: str) -> bool:
    return len(text) > 20_000 and " " not in text[:2000]


def _files(folder: Path, suffixes: set[str]) -> Iterator[str]:
    for file in sorted(folder.rglob("*")):
        if (file.suffix in suffixes or file.name in suffixes) and file.stat().st_size < LARGEST_FILE:
            yield file.read_text("utf-8", "replace")


def _git_log() -> str:
    command = ["git", "log", "-p", "--parents", "--raw", "--no-abbrev", "-n", "60", "--", ".", ":!*.lock"]
    return subprocess.run(command, capture_output=True, text=True, check=False, errors="replace").stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("transcripts", nargs="?", default=os.environ.get("RLM_CONTEXT_TEST_TRANSCRIPTS", ""))
    parser.add_argument("--rounds", type=int, default=2, help="how often each kind is planted in each place")
    parser.add_argument("--show", type=int, default=5, help="how many hits of each kind to show")
    options = parser.parse_args()
    print(f"rules version {RULES_VERSION}, Python {sys.version.split()[0]}")
    for title, source in (("planted, in view", planted), ("planted, written after the rules", held_out)):
        recall(title, planted.plant(source.KINDS, source.WRAPPINGS, seed=2026, rounds=options.rounds))
    packages = Path(sysconfig.get_paths()["purelib"])
    root = Path(__file__).parents[1]
    if options.transcripts:
        measure("strings of real transcripts", transcript_strings(Path(options.transcripts)), options.show)
    measure("installed source code", _files(packages, SOURCE_SUFFIXES), options.show)
    locks = itertools.chain(_files(packages, {"RECORD"}), (file.read_text() for file in root.glob("*.lock")))
    measure("hashes: wheel records and lock files", locks, options.show)
    measure("git log with patches", [_git_log()], options.show)


if __name__ == "__main__":
    main()
