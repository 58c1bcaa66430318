"""What two compiles of the same sessions must have in common, wherever they ran."""

from pathlib import Path
from typing import Any

from compiler.copies import compiled_copies
from compiler.memoised import recall
from compiler.runtime import Runtime
from compiler.work import SUMMARIES, Mapped
from search.filters import Filters
from search.query import search
from store.generations import newest, read_catalog

SUBJECTS = ("retry", "cache", "parser", "login", "export", "schema", "queue", "upload", "metrics", "backup")
ASKED = (
    "why is the {} slow",
    "{} reads it twice",
    "Split the {} of module_7",
    "commit {}",
    "who asked for the {}",
    "speed up {}",
    "document {} below 4 s",
    "{} job stays",
    "rename {}",
    "the {} now reads it once",
)


def made(runtime: Runtime, project: str) -> dict[str, Any]:
    """The newest generation's Parquet and texts by their hashes, and all its summaries."""
    generation = newest(runtime.store, project)
    assert generation is not None
    entries = read_catalog(runtime.store, [generation.manifest]).values()
    summaries = {}
    for entry in entries:
        stage, _, key = entry.memo[0].partition("/")
        mapped = recall(runtime.memo, stage, key, Mapped)
        assert (stage, mapped is None) == (SUMMARIES, False)
        summaries[entry.session_id] = mapped
    return {
        "parquet": {entry.session_id: entry.parquet for entry in entries},
        "summaries": summaries,
        "texts": generation.manifest.texts,
    }


def hits(runtime: Runtime, project: str) -> list[list[tuple[str, str, str, float]]]:
    """What 100 queries find in the newest generation."""
    folders = [Path(copy.index) for copy in compiled_copies(runtime, project)]
    found = [
        [
            (hit.session_id, hit.from_seq, hit.snippet, hit.score)
            for hit in search(folders, form.format(subject), Filters(), 10)
        ]
        for subject in SUBJECTS
        for form in ASKED
    ]
    assert len(found) == 100
    assert all(found)
    return found
