"""Contexts of any size can be read, and large ones never enter the sandbox."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rlm.context
from rlm.context import SLICE, ContextReader
from tests.rlm.conftest import Run, repl


@pytest.fixture
def small_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything over 100 bytes stays on the host."""
    monkeypatch.setattr(rlm.context, "BY_VALUE", 100)


def test_a_small_text_is_a_variable(make: Run) -> None:
    """`context` holds the text itself."""
    assert make(repl("finish(context[::-1])")).complete_sync("?", "abc").answer == "cba"


def test_rows_are_a_variable(make: Run) -> None:
    """`context` holds rows as dictionaries."""
    rlm = make(repl("finish(', '.join([row['name'] for row in context]))"))
    assert rlm.complete_sync("?", [{"name": "a"}, {"name": "b"}]).answer == "a, b"


def test_a_large_text_stays_on_the_host(make: Run, small_values: None) -> None:
    """The code gets a notice and reads through functions."""
    text = "\n".join(f"line {number}" for number in range(1000))
    rlm = make(
        repl("print(context)\nprint(context_len())"),
        repl("at, line = context_grep('LINE 77$')[0]\nfinish(line + '|' + context_slice(at, at + 7))"),
    )
    result = rlm.complete_sync("?", text)
    assert result.answer == "line 77|line 77"
    seen = result.trajectory.records[1]["output"][0]
    assert "too large" in seen
    assert str(len(text)) in seen


class Lazy(Sequence[Any]):
    """Rows that are made when they are read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.read = 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self.size:
            raise IndexError(index)
        self.read += 1
        return {"n": index, "text": f"row {index}"}


def test_rows_are_read_on_demand(make: Run) -> None:
    """Of a hundred million rows only those are made that the code asks for."""
    rows = Lazy(100_000_000)
    rlm = make(repl("finish(str(context_slice(5, 7)) + str(context_grep('row 9\"', start=0, limit=1)))"))
    result = rlm.complete_sync("?", rows)
    assert result.answer == (
        "[{'n': 5, 'text': 'row 5'}, {'n': 6, 'text': 'row 6'}][[9, '{\"n\": 9, \"text\": \"row 9\"}']]"
    )
    assert rows.read < 20


def test_slices_are_bounded() -> None:
    """No call returns more than its limit, and the refusal says how much was wanted."""
    with pytest.raises(ValueError, match="2,000,000"):
        ContextReader("x" * 2 * SLICE).slice(0)
    with pytest.raises(ValueError, match="take fewer"):
        ContextReader([{"text": "x" * SLICE}]).slice(0, 1)


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{2000}", "*"])
def test_bad_patterns_are_refused(pattern: str) -> None:
    """What RE2 does not know is an error of the code's."""
    with pytest.raises(ValueError, match="RE2"):
        ContextReader("text").grep(pattern)


LINES = st.lists(st.text("abé \r\t", max_size=6), max_size=30)


@settings(deadline=None)
@given(LINES, st.sampled_from(["a", "^a", "b$", "^$", "a.*b", r"a\sb", "é"]))
def test_grep_finds_what_a_loop_over_lines_finds(lines: list[str], pattern: str) -> None:
    """Searching in blocks finds the same lines at the same offsets, whatever the size of a block."""
    text = "\n".join(lines)
    wanted, offset = [], 0
    for line in text.split("\n"):
        if re.search(pattern, line, re.IGNORECASE):
            wanted.append((offset, line))
        offset += len(line) + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rlm.context, "_BLOCK", 40)
        found = ContextReader(text).grep(pattern, limit=1000)
    if text and len(max(lines, key=len)) < 40:
        assert found == [hit for hit in wanted if hit[0] < len(text)] or found == wanted


def test_memory_stays_bounded_on_a_large_text() -> None:
    """Searching 30 MB allocates far less than the text."""
    import tracemalloc

    text = ("filler " * 20 + "\n") * 210_000 + "needle here\n"
    reader = ContextReader(text)
    assert not reader.by_value
    tracemalloc.start()
    try:
        [(offset, line)] = reader.grep("NEEDLE")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (text[offset : offset + 6], line) == ("needle", "needle here")
    assert peak < 10_000_000
