"""How often the prompt hook says something, and how often that is right.

    python -m benchmarks.prompt_passages DIR [--read]      DIR: transcripts of an agent, in folders by author

Every session's first prompt (as the hook takes it: `rlm_context.hooks.events.user_prompt_submit`) is searched in what
was there at that moment: the sessions that had ended before, with their digests, and no other. Prompts that a fork
copied are left out.

Without --read a proxy that needs nobody: whether the session that a passage is from edited a file that the session of
the prompt edits then, for the prompts of sessions that edit any. Beside it the same for the session of plain search's
first hit, whether the hook says something or not, and for any earlier session. A session that only found something
out edits nothing and may yet be what one wants to hear of, so that the proxy is low for all of them. Then what the
hook costs as a whole process.

With --read every decision is printed, for somebody to judge: the prompt, then what would be added to it. The protocol:
take the sessions of even and odd number (their order in time) as two halves; change the bounds in `search/relevant.py`
on one, and count the other once. *Right*: a colleague who knows the earlier session would have said this. *Related*:
the same part of the program, no help. *Wrong*: all else. A decision counts as its best passage does. Intervals hold
95% (Wilson's score).
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from typing import NamedTuple

from compiler.index import index_batch
from compiler.local_copy import refresh
from compiler.memoised import recall
from compiler.pipeline import compile_project
from compiler.runtime import Runtime, open_runtime
from compiler.sessions import load_events
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from compiler.work import NODE
from data_models.events import Event
from data_models.knowledge import Node
from data_models.records import CatalogEntry
from rlm_context.hooks import __main__ as hooks_program
from rlm_context.hooks.brief.passages import MOST_PASSAGES
from rlm_context.hooks.events.user_prompt_submit import READ, is_worth_a_search
from search.build import assemble, prepare
from search.filters import Filters
from search.query import Hit, search
from search.relevant import clearly_relevant
from store.blobs import get_blob

_PROJECT = "prompts"
_FEWEST_EARLIER = 5
"""A project that begins has nothing to tell."""
_TIMED = 40
_HOOK = [sys.executable, "-I", "-S", str(Path(hooks_program.__file__).resolve()), "user-prompt-submit"]


class Session(NamedTuple):
    """A session as this needs it: its first prompt (None where it has none), and the files that it edits."""

    entry: CatalogEntry
    prompt: Event | None
    edited: frozenset[str]
    segment: Path


class Decision(NamedTuple):
    """What the hook decided about the first prompt of session `number`, and what plain search finds first."""

    number: int
    prompt: str
    added: list[Hit]
    first: list[Hit]
    edited: frozenset[str]
    earlier: list[Session]


def main() -> None:
    """Compile, decide, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, metavar="DIR")
    parser.add_argument("--read", action="store_true", help="print every decision, to be judged")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rlm-context-prompts-") as name:
        os.environ["RLM_CONTEXT_HOME"] = f"{name}/home"
        sessions = sessions_of(options.source, Path(name))
        found = list(decisions(sessions, Path(name) / "index"))
        if options.read:
            read(found)
        report(found)
        time_hook(Path(name), [one.prompt for one in found[:: max(1, len(found) // _TIMED)]])


def sessions_of(source: Path, folder: Path) -> list[Session]:
    """The compiled sessions in order of time, each indexed alone."""
    runtime = open_runtime()
    upload(runtime, [source], project=_PROJECT)
    asyncio.run(compile_project(runtime, _PROJECT, DirectSteps(runtime)))
    copy = refresh(runtime, _PROJECT)
    entries = sorted(copy.sessions(), key=lambda entry: entry.started) if copy else []
    seen: set[str | None] = set()
    return [_session(runtime, entry, seen, folder / f"{number}") for number, entry in enumerate(entries)]


def _session(runtime: Runtime, entry: CatalogEntry, seen: set[str | None], folder: Path) -> Session:
    events = load_events(runtime.store, entry.parquet)
    prompt = next((event for event in events if _is_first_prompt(event)), None)
    is_copied = prompt is not None and prompt.uuid in seen
    seen.update(event.uuid for event in events if event.uuid)
    segment = index_batch(runtime, _PROJECT, [entry], 1)
    prepare(get_blob(runtime.store, segment.blob), (), folder)
    digest = recall(runtime.memo, NODE, entry.digest, Node)
    edited = frozenset(file.path for file in digest.files if file.edits) if digest else frozenset()
    return Session(entry, None if is_copied else prompt, edited, folder)


def _is_first_prompt(event: Event) -> bool:
    is_own = event.kind == "prompt" and not event.subagent and not event.sidechain
    return is_own and event.time is not None and is_worth_a_search(event.text)


def decisions(sessions: Sequence[Session], index: Path) -> Iterator[Decision]:
    """What the hook decides at each first prompt, from what was there then."""
    for number, session in enumerate(sessions):
        prompt = session.prompt
        if prompt is None:
            continue
        earlier = [one for one in sessions if one is not session and one.entry.ended < (prompt.time or 0)]
        if len(earlier) < _FEWEST_EARLIER:
            continue
        assemble([one.segment for one in earlier], {}, index)
        text = prompt.text[:READ]
        added = clearly_relevant(index, text, MOST_PASSAGES, lambda _hit: False)
        yield Decision(number, text, added, search([index], text, Filters(), 1), session.edited, earlier)


def read(found: Sequence[Decision]) -> None:
    """Print every decision."""
    for one in found:
        print(f"\n[{one.number}, {'odd' if one.number % 2 else 'even'} half] {' '.join(one.prompt.split())}")
        for hit in one.added:
            print(f"    + {hit.score:.2f} {hit.session_id}#{hit.from_seq} {hit.snippet}")


def report(found: Sequence[Decision]) -> None:
    """Print how often something is said, and the proxy, for the prompts of sessions that edit files."""
    halves = [[one for one in found if one.number % 2 == odd] for odd in (0, 1)]
    for name, part in zip(("even", "odd", "all"), (*halves, found), strict=True):
        print(
            f"{name:5} of {len(part)} first prompts something is said at {shown([bool(one.added) for one in part])}"
        )
        editing = [one for one in part if one.edited]
        passages = [_shares(hit, one) for one in editing for hit in one.added]
        print(f"      edits the same file: a passage's session         {shown(passages)}")
        firsts = [_shares(hit, one) for one in editing for hit in one.first]
        print(f"      that of plain search's first hit, said or not    {shown(firsts)}")
        chance = [
            statistics.fmean(bool(one.edited & other.edited) for other in one.earlier) for one in editing
        ]
        print(f"      any earlier session                              {statistics.fmean(chance):.0%}")


def time_hook(home: Path, prompts: Sequence[str]) -> None:
    """Print what the hook costs as a whole process, for a first prompt and for the next, beside bare Python."""
    environment = {**os.environ, "HOME": str(home), "RLM_CONTEXT_PROMPT_PASSAGES": "1"}
    taken: dict[str, list[float]] = {"bare Python": [], "first prompt": [], "next prompt": []}
    for number, prompt in enumerate(prompts):
        told = {"session_id": f"timed-{number}", "cwd": str(home / _PROJECT), "prompt": prompt}
        event = json.dumps(told).encode()
        for name, times in taken.items():
            command = [sys.executable, "-c", "pass"] if name == "bare Python" else _HOOK
            began = time.perf_counter()
            subprocess.run(command, input=event, env=environment, stdout=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - began) * 1000)
    for name, times in taken.items():
        print(
            f"{name:13} median {statistics.median(times):5.1f} ms, least {min(times):5.1f}, most {max(times):5.1f}"
        )


def _shares(hit: Hit, decision: Decision) -> bool:
    """Whether the session of a hit edited a file that the session of the prompt edits."""
    edited = [one.edited for one in decision.earlier if one.entry.session_id == hit.session_id]
    return any(files & decision.edited for files in edited)


def shown(outcomes: Sequence[bool]) -> str:
    """How many are true, and the interval of their share (Wilson 1927)."""
    count, z = len(outcomes), 1.96
    if not count:
        return "0 of 0"
    share = sum(outcomes) / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{sum(outcomes)} of {count}: {share:.0%} [{middle - spread:.0%}, {middle + spread:.0%}]"


if __name__ == "__main__":
    main()
