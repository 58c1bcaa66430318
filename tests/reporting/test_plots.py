"""Where bars stand: nothing outside the plot, nothing lost, axes that a person reads easily."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.reporting.plots import MOST_SERIES, OTHERS, WIDTH, nice_top, stacked, told

values = st.dictionaries(st.sampled_from([f"author {n}" for n in range(12)]), st.floats(0, 1e6), max_size=12)
columns = st.lists(st.tuples(st.text(max_size=12), values), max_size=40)


@given(columns)
def test_bars_stand_inside_and_add_up(rows: list[tuple[str, dict[str, float]]]) -> None:
    """Every bar is inside the plot, and a column is as tall as its sum, whichever series share a colour."""
    plot = stacked(rows, "sessions")
    high = plot.bottom - plot.grid[-1][0]
    tallest = max((sum(column.values()) for _, column in rows), default=0)
    for bar in plot.bars:
        assert plot.left <= bar.x
        assert bar.x + bar.width <= plot.right + 1e-6
        assert plot.grid[-1][0] - 1e-6 <= bar.y
        assert bar.y + bar.height <= plot.bottom + 1e-6
    drawn = sum(bar.height for bar in plot.bars)
    total = sum(sum(column.values()) for _, column in rows)
    if tallest:
        assert drawn == pytest.approx(total / nice_top(tallest, whole=True) * high, rel=1e-6, abs=1e-6)
    assert len(plot.series) <= MOST_SERIES + 1


def test_the_smallest_share_a_colour() -> None:
    """The largest series keep their own; the others are named as others, and added up."""
    many = {f"author {n:02}": float(20 - n) for n in range(12)}
    plot = stacked([("Monday", many)], "sessions")
    assert plot.series == [*sorted(many)[:MOST_SERIES], OTHERS]
    assert plot.bars[-1].says == f"Monday: {sum(20 - n for n in range(MOST_SERIES, 12))} sessions, {OTHERS}"


def test_one_bar_does_not_fill_the_plot() -> None:
    """It stands in the middle, as wide as one of many."""
    [bar] = stacked([("Monday", {"ann": 1.0})], "sessions").bars
    [first, *_] = stacked([(str(day), {"ann": 1.0}) for day in range(5)], "sessions").bars
    assert bar.width == first.width < WIDTH / 10


@given(st.floats(1e-3, 1e9), st.booleans())
def test_axes_end_above_the_tallest_bar(value: float, whole: bool) -> None:
    """At a round number, not far above; sessions are counted in whole ones."""
    top = nice_top(value, whole=whole)
    assert value <= top * (1 + 1e-6)
    assert top <= max(10 * value, 4)
    assert not whole or (top / 4).is_integer()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1.0, "hits", "1 hit"), (1234.0, "hits", "1,234 hits"), (0.0042, "$", "$0.0042"), (12.3, "$", "$12.30")],
)  # fmt: skip
def test_values_are_told_as_people_write_them(value: float, unit: str, text: str) -> None:
    """With their unit, in singular and plural, dollars before the number."""
    assert told(value, unit) == text
