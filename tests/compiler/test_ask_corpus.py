"""The messages of many sessions as rows that are read when they are looked at."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import compiler.asking.corpus
from compiler.asking.corpus import Corpus, clipped
from compiler.asking.library import Library
from compiler.local_copy import Copy
from compiler.recent import Recent
from compiler.runtime import Runtime
from data_models.errors import StoreError
from tests.compiler.asking import compiled
from tests.synthetic import write_team


@pytest.fixture
def copy(runtime: Runtime, tmp_path: Path) -> Copy:
    """Five sessions of three authors."""
    return compiled(runtime, write_team(tmp_path / "team", 5))


def test_rows_are_messages_in_time(runtime: Runtime, copy: Copy) -> None:
    """Each message once, sessions by their start, with what a citation and a reader need."""
    library = Library(runtime.store, [copy])
    rows = list(Corpus(library))
    assert all(list(row) == ["s", "author", "date", "role", "text"] for row in rows)
    assert {row["role"] for row in rows} == {"human", "assistant", "tool"}
    assert len({row["s"] for row in rows}) == len(rows) == 5 * 3 * 5
    digits = [key for key, _ in itertools.groupby(row["s"].partition("#")[0] for row in rows)]
    assert digits == [library.short[entry.session_id] for entry in library.in_time]
    seqs = [int(row["s"].partition("#")[2]) for row in rows if row["s"].startswith(digits[0])]
    assert seqs == sorted(seqs)
    assert any(row["role"] == "tool" and row["text"].startswith("Bash: ") for row in rows)


def test_any_row_and_any_slice(runtime: Runtime, copy: Copy) -> None:
    """Random access gives what going through gives; past the end is an IndexError."""
    corpus = Corpus(Library(runtime.store, [copy]))
    rows = list(corpus)
    assert [corpus[position] for position in range(len(corpus))] == rows
    assert corpus[-1] == rows[-1]
    assert corpus[10:70:13] == rows[10:70:13]
    assert corpus[70:400] == rows[70:]
    with pytest.raises(IndexError):
        corpus[len(rows)]


def test_going_through_reads_each_session_once(
    runtime: Runtime, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only one session's rows fit: memory is bounded, and files are not read again and again."""
    monkeypatch.setattr(compiler.asking.corpus, "_KEPT_CHARS", 1)
    library = Library(runtime.store, [copy])
    corpus = Corpus(library)
    read: list[str] = []
    columns = library.columns
    monkeypatch.setattr(
        library, "columns", lambda entry, names: read.append(entry.session_id) or columns(entry, names)
    )
    assert len(list(corpus)) == len(corpus)
    assert read == [entry.session_id for entry in library.in_time]


def test_several_projects_are_told_apart(runtime: Runtime, tmp_path: Path) -> None:
    """Rows name their project; digits are unique over all of them."""
    copies = [
        compiled(runtime, write_team(tmp_path / "a", 2), "acme/a"),
        compiled(runtime, write_team(tmp_path / "b", 5), "acme/b"),  # two of them stand in both
    ]
    library = Library(runtime.store, copies)
    rows = list(Corpus(library))
    assert {row["project"] for row in rows} == {"acme/b"} | {library.projects[each] for each in library.by_id}
    assert len({row["s"].partition("#")[0] for row in rows}) == 5
    assert library.several


def test_a_damaged_session_is_noted_and_left_out(runtime: Runtime, copy: Copy) -> None:
    """The others are there; whoever asked learns which could not be read."""
    victim = copy.sessions()[3]
    path = runtime.store.local_path(victim.parquet.key)
    assert path is not None
    path.write_bytes(b"PAR1")
    library = Library(runtime.store, [copy])
    assert len(Corpus(library)) == 4 * 15
    assert library.unreadable == {victim.session_id}
    assert library.failure is None


def test_a_store_out_of_reach_is_an_error(
    runtime: Runtime, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken for empty because it could not be read."""
    library = Library(runtime.store, [copy])

    def refuse(store: object, ref: object) -> bytes:
        raise StoreError("out of reach")

    monkeypatch.setattr("compiler.asking.library.get_blob", refuse)
    with pytest.raises(StoreError):
        Corpus(library)
    assert library.failure is not None


@given(st.text(), st.integers(2, 50))
def test_clipping_keeps_both_ends(text: str, limit: int) -> None:
    """Short texts stay; of long ones both ends stand, and how much is missing."""
    short = clipped(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        half = limit // 2
        assert (short[:half], short[-half:]) == (text[:half], text[-half:])
        assert f"{len(text) - 2 * half:,} characters left out" in short


@given(st.lists(st.integers(0, 9)), st.integers(0, 20))
def test_recent_values_are_bounded(keys: list[int], bound: int) -> None:
    """Whatever is asked for in which order: right values, and no more kept than the bound, or the newest one."""
    loaded: list[int] = []
    recent: Recent[int, int] = Recent(lambda key: loaded.append(key) or key, lambda value: value, bound)
    for before, key in itertools.pairwise([-1, *keys]):
        times = len(loaded)
        assert recent(key) == key
        kept = [value for value, _ in recent._kept.values()]
        assert sum(kept) <= bound or kept == [key]
        assert len(loaded) == times or before != key
