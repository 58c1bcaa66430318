"""How well search finds, beside plain BM25 and ripgrep-style term matching over the same messages.

    python -m benchmarks.search_quality DIR      DIR: team-sample.tar.xz, unpacked

Commits: the subject of a commit should find the session that made it, `git commit` calls left out of the index.
Titles: the title of a session should find it, titles and compaction summaries left out. Both by session: recall
at 5 and mean reciprocal rank. QMSum: share of the evidence's words (or of 2,000, if it has more) among the first
2,000 words of the turns found, searching one meeting. Questions: what stands in the first 600 words that `search`
prints. A record is *shown* if eight words of it in a row are; *facts* is the share of the facts of the right
answer of which 60% of the stems are; *words* is where the first evidence begins, 600 where there is none.
The intervals hold 95% of 2,000 bootstrap samples.
"""

import random
import re
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.search_baselines import Ranking, ours, plain_bm25, term_matching
from benchmarks.search_corpus import (
    Query,
    Session,
    commit_queries,
    index,
    qmsum,
    questions,
    source_argument,
    team_sample,
    title_queries,
    without_commits,
    without_titles,
)
from rlm_context.fast_search import DEFAULT_LIMIT
from search.filters import Filters
from search.query import search
from search.render import render
from search.words import STOPWORDS, stems

_BUDGET = 2_000
_PRINTED = 600
_RUN = 8
_FACT = 0.6


def main() -> None:
    """Measure everything and print one table."""
    source = source_argument()
    sessions = team_sample(source)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uncommitted = [without_commits(one) for one in sessions]
        by_session(folder / "commits", "commits", commit_queries(), uncommitted)
        untitled = [without_titles(one) for one in sessions]
        by_session(folder / "titles", "titles", title_queries(source, sessions), untitled)
        for part in ("val", "test"):
            by_words(folder / part, part)
        index(sessions, folder / "questions")
        printed(folder / "questions", sessions)


def by_session(folder: Path, name: str, queries: Sequence[Query], sessions: Sequence[Session]) -> None:
    """Recall at 5 and mean reciprocal rank of the right session."""
    for method, rank in _methods(folder, sessions).items():
        ranks = [_first(rank(query.text, None), query.sessions) for query in queries]
        line(name, method, "recall@5", [float(0 < rank <= 5) for rank in ranks])
        line(name, method, "MRR", [1 / rank if rank else 0.0 for rank in ranks])


def by_words(folder: Path, part: str) -> None:
    """Share of the evidence's words among the first words of what was found in one meeting."""
    sessions, queries = qmsum(part)
    texts = {
        (session.info.session_id, str(event.seq)): event.text.split()
        for session in sessions
        for event in session.events
    }
    for method, rank in _methods(folder, sessions).items():
        shares = [_share(rank(query.text, *query.sessions), query, texts) for query in queries]
        line(f"QMSum {part}", method, "evidence words", shares)


def printed(folder: Path, sessions: Sequence[Session]) -> None:
    """What a reader of the printed answer learns, for literal and paraphrased questions apart."""
    records: dict[tuple[str, int], list[str]] = {}
    for session in sessions:
        for event in session.events:
            records.setdefault((session.info.session_id, event.seq), []).append(event.text)
    for name, paraphrased in (("literal", False), ("paraphrased", True)):
        asked = [question for question in questions() if question["paraphrased"] is paraphrased]
        results = [_read(folder, question, records) for question in asked]
        for measure in results[0]:
            line(name, "this search", measure, [result[measure] for result in results])


def line(name: str, method: str, measure: str, values: Sequence[float]) -> None:
    """Print one row: the mean of `values` with its interval."""
    chance = random.Random(1)
    means = sorted(statistics.fmean(chance.choices(values, k=len(values))) for _ in range(2_000))
    low, high = means[50], means[1_949]
    mean = statistics.fmean(values)
    print(f"{name:12} {method:14} {measure:24} {mean:8.3f}   [{low:.3f}, {high:.3f}]   n={len(values)}")


def _methods(folder: Path, sessions: Sequence[Session]) -> dict[str, Ranking]:
    messages = index(sessions, folder)
    return {
        "this search": ours(folder),
        "plain BM25": plain_bm25(folder),
        "term matching": term_matching(messages),
    }


def _first(places: Sequence[tuple[str, str]], right: frozenset[str]) -> int:
    """The rank of the first right session, from 1; 0 if none was found."""
    found = list(dict.fromkeys(session for session, _ in places))
    return next((rank for rank, session in enumerate(found, 1) if session in right), 0)


def _share(
    places: Sequence[tuple[str, str]], query: Query, texts: Mapping[tuple[str, str], list[str]]
) -> float:
    left, evidence = _BUDGET, 0
    for session, seq in places:
        taken = min(left, len(texts[session, seq]))
        left -= taken
        evidence += taken if int(seq) in query.seqs else 0
    (meeting,) = query.sessions
    whole = sum(len(texts[meeting, str(seq)]) for seq in query.seqs if (meeting, str(seq)) in texts)
    return evidence / min(whole, _BUDGET) if whole else 0.0


def _read(
    folder: Path, question: Mapping[str, Any], records: Mapping[tuple[str, int], list[str]]
) -> dict[str, float]:
    hits = search([folder], question["question"], Filters(), DEFAULT_LIMIT)
    shown = " ".join(render(hits).split()[:_PRINTED])
    words = _words(shown)
    starts = [_start(words, records.get((one["session"], one["line"]), [])) for one in question["evidence"]]
    seen = [start for start in starts if start is not None]
    told = [_told(fact, set(stems(shown))) for fact in question["must_contain"]]
    return {
        "any evidence shown": float(bool(seen)),
        "evidence shown": len(seen) / len(starts),
        "facts": statistics.fmean(told),
        "all facts": float(all(told)),
        "words to first evidence": float(min(seen, default=_PRINTED)),
    }


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _start(shown: Sequence[str], record: Sequence[str]) -> int | None:
    """The first word in `shown` of a run of words of the record, or None."""
    for text in record:
        words = _words(text)
        size = min(_RUN, len(words))
        runs = (
            {tuple(words[place : place + size]) for place in range(len(words) - size + 1)} if size else set()
        )
        for place in range(len(shown) - size + 1):
            if tuple(shown[place : place + size]) in runs:
                return place
    return None


def _told(fact: str, shown: set[str]) -> bool:
    wanted = set(stems(" ".join(word for word in _words(fact) if word not in STOPWORDS)))
    return len(wanted & shown) >= _FACT * len(wanted)


if __name__ == "__main__":
    main()
