"""Passages that are clearly about what a text is about, or none.

A search always finds something. This says what is worth putting before somebody who did not ask: one passage of a
session, if it shares enough with the text, and if what stands around it in the session does so too.

A word of the text tells what its idf is above that of words in every few messages, in units of the idf of a word that
stands nowhere, so that indexes of any size compare. A passage is worth the words that it shares with the text, times
the root of their share of all the text's words: long texts have some word in common with everything. The next best
two messages of the session count half. The bounds were chosen by reading what they let through
(`benchmarks/prompt_passages.py`).

Standard library and tantivy only: a prompt waits for this.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nlargest
from pathlib import Path

from data_models.errors import DamagedError
from search.candidates import gather
from search.expand import own_concepts, worths
from search.passages import best_passage
from search.query import Hit, hit_of
from search.rank import rank
from search.reader import Reader, open_folder
from search.schema import stored_text
from search.words import stems

_CANDIDATES = 40
_PASSAGE_WORDS = 80
_COMMON = 0.15
"""Words below this share of the highest idf tell nothing: among 30,000 documents, those in every fifth."""
_LEAST_SHARE, _LEAST = 0.25, 2.4
_OTHERS, _OTHERS_WEIGHT = 2, 0.5
_KNOWN = 0.7
"""Share of a passage's words that stand in the text itself, or in a better passage: then it tells nothing new."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
"""All addresses of one host share most of their words, whatever they lead to."""


class _Found:
    """A passage in the running: its hit, its words, the share of the text's words in it, and what it is worth."""

    __slots__ = ("hit", "said", "share", "worth")

    def __init__(self, hit: Hit, weights: Mapping[str, float]) -> None:
        self.hit = hit
        self.said = frozenset(stems(hit.snippet))
        shared = sum(weights[word] for word in weights.keys() & self.said)
        self.share = shared / sum(weights.values())
        self.worth: float = shared * self.share**0.5


def clearly_relevant(folder: Path, text: str, limit: int, skip: Callable[[Hit], bool]) -> list[Hit]:
    """What assistants said that is clearly about what `text` is about, best first, one passage a session.

    Args:
        folder: an assembled index; one that is missing holds nothing.
        text: any text, such as a prompt.
        limit: the most passages to return.
        skip: says of a passage that it must not be returned. It still tells what its session is about.

    Returns:
        Hits whose `score` is their relevance, in words that stand nowhere else; mostly none.

    Raises:
        DamagedError: the index cannot be read.
    """
    try:
        index = open_folder(folder)
        return _relevant(Reader(index, ()), text, limit, skip) if index else []
    except ValueError as error:
        raise DamagedError(f"search index {folder}", "it cannot be read; compile anew") from error


def _relevant(reader: Reader, text: str, limit: int, skip: Callable[[Hit], bool]) -> list[Hit]:
    text = _URL.sub(" ", text)
    weights = _weights(reader, text)
    if not weights:
        return []
    sessions: dict[tuple[str, str], list[_Found]] = {}
    for found in _found(reader, text, weights):
        sessions.setdefault((found.hit.author, found.hit.session_id), []).append(found)
    known = [frozenset(stems(text))]
    chosen: list[Hit] = []
    for found in sorted(_best(sessions.values(), skip), key=lambda one: -one.hit.score):
        if len(chosen) < limit and not any(_is_told(found.said, said) for said in known):
            known.append(found.said)
            chosen.append(found.hit)
    return chosen


def _weights(reader: Reader, text: str) -> dict[str, float]:
    """What each word of the text tells, 0 to 1; without those that tell nothing."""
    most = reader.idf("", "wide")
    worth = {stem: idf / most - _COMMON for stem, idf in worths(reader, own_concepts(text)).items()}
    return {stem: weight for stem, weight in worth.items() if weight > 0}


def _found(reader: Reader, text: str, weights: Mapping[str, float]) -> Iterator[_Found]:
    """What assistants said among the best candidates; copies of a message once."""
    keys: set[str] = set()
    for _, candidate in rank([gather(reader, text)])[:_CANDIDATES]:
        if candidate.voice != "assistant":
            continue
        stored = reader.document(candidate.address)
        key = stored_text(stored, "key")
        if key not in keys:
            keys.add(key)
            passage = best_passage(stored_text(stored, "text"), weights, _PASSAGE_WORDS)
            time = reader.time(candidate.address)
            yield _Found(hit_of(stored, time, voice="assistant", score=0.0, snippet=passage), weights)


def _best(sessions: Iterable[list[_Found]], skip: Callable[[Hit], bool]) -> Iterator[_Found]:
    """The best passage of each session where that is good enough; its hit's score is set."""
    for found in sessions:
        best = max((one for one in found if not skip(one.hit)), key=lambda one: one.worth, default=None)
        if best is None or best.share < _LEAST_SHARE:
            continue
        others = nlargest(_OTHERS, (one.worth for one in found if one is not best))
        best.hit.score = best.worth + _OTHERS_WEIGHT * sum(others)
        if best.hit.score >= _LEAST:
            yield best


def _is_told(said: frozenset[str], known: frozenset[str]) -> bool:
    return len(said & known) > _KNOWN * len(said)
