"""Sessions with words of their own, and a search for words in everything that a store and a home hold."""

import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pyarrow.parquet as pq
import zstandard

from search.build import assemble
from search.read import documents_in
from store.protocol import Store
from tests.synthetic import session_records

_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def word_of(number: int, state: int = 0) -> str:
    """A word that stands in one state of one session and nowhere else; no rule of redaction minds it."""
    letters = "".join("abcdefghijklmnopqrstuvwxyz"[int(digit)] for digit in f"{number:03d}{state:02d}")
    return f"zwq{letters}qwz"


def session_id_of(number: int) -> str:
    return f"0c0c0c0c-0000-4000-8000-{number:012x}"


def write_words(folder: Path, number: int, author: str = "ann", states: int = 1, said: str = "") -> Path:
    """A session in which its words are asked for, answered, decided and committed; `states` times as long."""
    path = folder / author / "projects" / "-src-shop" / f"{session_id_of(number)}.jsonl"
    records: list[dict[str, Any]] = []
    for state in range(states):
        word = word_of(number, state)
        start = _START + timedelta(hours=number, minutes=10 * state)
        turn = session_records(path.stem, start, 1, seed=1000 * number + state)
        texts = (
            f"We always use {word} for the cache, never anything else. {said}",
            f"Decision: {word} it is, because {word} is faster than the rest.",
        )
        turn[0]["message"]["content"] = texts[0]
        turn[1]["message"]["content"][0]["text"] = texts[1]
        turn[2]["message"]["content"][0]["input"]["command"] = f"git commit -m 'Add {word}'"
        turn[3]["message"]["content"][0]["content"] = f"[main 1a2b3c{state}] Add {word}\n 1 file changed"
        records += turn
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def found_in(folder: Path, words: Iterable[str]) -> dict[str, list[str]]:
    """Which of these words stand where below a folder: in names, in bytes, and in whatever bytes unpack to."""
    wanted = [word.encode() for word in words]
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        layers = [str(path.relative_to(folder)).encode()]
        if path.is_file() and not path.is_symlink():
            layers += _layers(path.read_bytes())
        if path.name == "meta.json":
            layers += _documents(path.parent)
        for word in wanted:
            if any(word in layer for layer in layers):
                found.setdefault(word.decode(), []).append(str(path.relative_to(folder)))
    return found


def found_in_store(store: Store, words: Iterable[str]) -> set[str]:
    """Which of these words stand anywhere in a store."""
    wanted, found = [word.encode() for word in words], set()
    for key in store.keys(""):
        layers = [key.encode(), *_layers(store.get(key))]
        found |= {word.decode() for word in wanted if any(word in layer for layer in layers)}
    return found


def _layers(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The bytes, and what they hold packed: zstd at any place near the beginning, Parquet, index segments."""
    yield data
    if depth == 4:
        return
    for start in (0, 32, data.find(b"\n") + 1):  # a memo's checksum and a spooled upload's header come first
        if data[start : start + 4] == b"\x28\xb5\x2f\xfd":
            inner = zstandard.ZstdDecompressor().decompressobj().decompress(data[start:])
            yield from _layers(inner, depth + 1)
    if data.startswith(b"rlm-context segment"):
        with TemporaryDirectory() as folder:
            assemble([data], {}, Path(folder) / "index")
            yield from _documents(Path(folder) / "index")
    if data[:4] == b"PAR1":
        yield json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str).encode()


def _documents(index: Path) -> Iterator[bytes]:
    """What an index holds, also of sessions that are deleted in it but still there."""
    for document in documents_in(index):
        yield msgspec.json.encode(document)
