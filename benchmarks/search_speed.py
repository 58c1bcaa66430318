"""Search at 100,000 messages: warm p50 and p99, and a cold process against bare Python.

    python -m benchmarks.search_speed [--messages 100000] [--segments 8]

The corpus is invented: words drawn by Zipf's law from 20,000, sentences of 8 to 24 words, a camelCase name
and a path here and there. Queries are of 2 to 12 words: half of them words that one message holds, a quarter
names, a quarter questions in plain English that the corpus words differently, which is what costs most.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from data_models.events import Event, Kind
from data_models.knowledge import SessionInfo
from rlm_context.fast_search import DEFAULT_LIMIT
from search.build import assemble, build_segment
from search.document import Document
from search.documents import documents_of
from search.filters import Filters
from search.query import search

_START = 1_767_600_000_000
_MESSAGES_OF_A_SESSION = 250
_QUESTIONS = (
    "why did we go back to the old way of storing saved state",
    "who removed the superfluous check and on which day",
    "what did we settle on for files that are too big to read in one go",
    "is the assistant allowed to rewrite history after a push",
)


class Corpus:
    """Invented sessions, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        letters = "aeioubcdfghklmnprstvz"
        self._words = [
            "".join(self._random.choices(letters, k=self._random.randint(3, 10))) for _ in range(20_000)
        ]
        self._cumulated = list(accumulate(1 / (rank + 5) for rank in range(len(self._words))))

    def sentence(self) -> str:
        """Some words, at times with a name among them."""
        words = self._random.choices(self._words, cum_weights=self._cumulated, k=self._random.randint(8, 24))
        if self._random.random() < 0.3:
            words.append(f"{words[0]}{words[1].title()}")
        if self._random.random() < 0.2:
            words.append(f"src/{words[2]}/{words[3]}_{words[4]}.go:{len(words)}")
        return " ".join(words).capitalize() + "."

    def session(self, number: int, messages: int) -> list[Document]:
        """The documents of one session."""
        kinds: list[Kind] = ["prompt", "tool_use", "tool_result", "text"]
        events = [
            Event(
                seq=place + 1,
                block=0,
                # get() widens the literals to str
                role={0: "human", 2: "tool"}.get(place % 4, "assistant"),  # type: ignore[arg-type]
                kind=kinds[place % 4],
                text=" ".join(self.sentence() for _ in range(self._random.randint(1, 8))),
                time=_START + number * 3_600_000 + place * 1_000,
            )
            for place in range(messages)
        ]
        info = SessionInfo(
            session_id=f"{number:08x}-0000-4000-8000-{number:012x}",
            agent="claude-code",
            author=f"dev{number % 5}",
            project="bench",
            branch="main",
            started=_START,
            ended=_START,
            prompts=messages // 4,
            events=messages,
        )
        return list(documents_of(events, info, ()))

    def queries(self, documents: list[Document], count: int) -> Iterator[str]:
        """Half words of one message, a quarter names, a quarter questions in other words."""
        for number in range(count):
            words = self._random.choice(documents).text.split()
            if number % 4 == 3:
                yield _QUESTIONS[number // 4 % len(_QUESTIONS)]
            elif number % 4 == 2:
                yield max(words, key=len)
            else:
                yield " ".join(self._random.sample(words, min(len(words), self._random.randint(2, 12))))


def build(folder: Path, messages: int, segments: int) -> list[Document]:
    """An index of invented sessions in so many segments; returns some of its documents to ask for."""
    corpus = Corpus(7)
    sessions = max(segments, messages // _MESSAGES_OF_A_SESSION)
    parts: list[bytes] = []
    sample: list[Document] = []
    indexing = 0.0
    for place in range(segments):
        numbers = range(place * sessions // segments, (place + 1) * sessions // segments)
        documents = [one for number in numbers for one in corpus.session(number, messages // sessions)]
        sample += documents[:50]
        began = time.perf_counter()
        parts.append(build_segment(documents))
        indexing += time.perf_counter() - began
    began = time.perf_counter()
    assemble(parts, {}, folder)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(
        f"{messages:,} messages in {sessions} sessions, {segments} segments: indexed in {indexing:.1f} s, "
        f"assembled in {time.perf_counter() - began:.2f} s, {size:.0f} MB"
    )
    return sample


def warm(folder: Path, queries: list[str]) -> list[float]:
    """Milliseconds of each query, after every query has run once."""
    taken = []
    for round_ in range(2):
        for query in queries:
            began = time.perf_counter()
            search([folder], query, Filters(), DEFAULT_LIMIT)
            if round_:
                taken.append((time.perf_counter() - began) * 1_000)
    return sorted(taken)


def process(code: str, *arguments: str) -> float:
    """Milliseconds of a Python process that runs `code`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1_000


def cold(folder: Path, queries: list[str], runs: int = 25) -> tuple[float, float]:
    """Median milliseconds of a bare process and of one that searches and prints, taken by turns."""
    code = (
        "import sys; from pathlib import Path; from search.filters import Filters; from search.query import search; "
        f"from search.render import render; limit = {DEFAULT_LIMIT}; "
        "print(render(search([Path(sys.argv[1])], sys.argv[2], Filters(), limit)))"
    )
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    bare, whole = [], []
    for number in range(runs):
        bare.append(process("pass"))
        whole.append(process(code, str(folder), queries[number % len(queries)]))
    return statistics.median(bare), statistics.median(whole)


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--segments", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "index"
        sample = build(folder, arguments.messages, arguments.segments)
        queries = list(Corpus(11).queries(sample, 100))
        taken = warm(folder, queries)
        median, worst = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
        print(f"warm   p50 {median:.1f} ms   p99 {worst:.1f} ms   (reach: p50 ≤ 5)")
        bare, whole = cold(folder, queries)
        print(
            f"cold   {whole:.0f} ms, {whole / bare:.1f} times bare Python at {bare:.0f} ms   (reach: ≤ 4 times)"
        )


if __name__ == "__main__":
    main()
