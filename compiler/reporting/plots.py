"""Plots as SVG: where bars, labels and lines go. Drawn on the server side, so a page needs no script.

A library that draws them in Python gives images of fixed colours, which neither follow a reader's dark mode nor can be
read aloud; those that do need a script of megabytes in each page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 860, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 8, 10, 28
_GRID = 4
_LABEL_WIDTH = 78
_MOST_WIDTH = 64
"""Of a bar: one that fills the plot shows nothing."""
MOST_SERIES = 7
"""Series with a colour of their own: those of the Okabe-Ito palette, which people with any colour vision tell apart,
one blue on white and the other on black. All others together are grey."""
OTHERS = "others"


@dataclass(frozen=True)
class Bar:
    """A rectangle in SVG units; `series` is the number of its colour, `says` what it stands for."""

    x: float
    y: float
    width: float
    height: float
    series: int
    says: str


@dataclass(frozen=True)
class Plot:
    """A bar chart: bars, grid lines as (y, label), labels below as (x, label), and the names of the series."""

    bars: list[Bar]
    grid: list[tuple[float, str]]
    labels: list[tuple[float, str]]
    series: list[str]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


def stacked(columns: Sequence[tuple[str, dict[str, float]]], unit: str) -> Plot:
    """A chart of stacked bars.

    Args:
        columns: each column's label, and its values by the name of their series; none is negative.
        unit: written after a value, as in "3 sessions"; "$" stands before it.
    """
    series = main_series(columns)
    rows = [(label, _folded(values, series)) for label, values in columns]
    top = nice_top(max((sum(values.values()) for _, values in rows), default=0.0), whole=unit != "$")
    room, high = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    slot = room / max(1, len(rows))
    width = min(slot * 0.8, _MOST_WIDTH)
    bars = []
    for column, (label, values) in enumerate(rows):
        base = float(HEIGHT - _BOTTOM)
        for number, name in enumerate(series):
            value = values.get(name, 0.0)
            tall = value / top * high
            base -= tall
            if value:
                says = f"{label}: {told(value, unit)}" + (f", {name}" if name else "")
                bars.append(Bar(_LEFT + slot * (column + 0.5) - width / 2, base, width, tall, number, says))
    grid = [
        (HEIGHT - _BOTTOM - high * part / _GRID, told(top * part / _GRID, unit, short=True))
        for part in range(_GRID + 1)
    ]
    every = max(1, math.ceil(_LABEL_WIDTH / slot))
    labels = [(_LEFT + slot * (n + 0.5), label) for n, (label, _) in enumerate(rows) if n % every == 0]
    return Plot(bars, grid, labels, series)


def main_series(columns: Sequence[tuple[str, dict[str, float]]]) -> list[str]:
    """The names with the largest totals, largest first; where there are too many, the last is `OTHERS`."""
    totals: dict[str, float] = {}
    for _, values in columns:
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + value
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    return ranked if len(ranked) <= MOST_SERIES + 1 else [*ranked[:MOST_SERIES], OTHERS]


def nice_top(value: float, *, whole: bool) -> float:
    """The top of an axis with four grid lines that a value fits below, their distance 1, 2 or 5 times a power of ten.

    Args:
        value: the largest value; 0 where there is none.
        whole: whether grid lines stand at whole numbers only.
    """
    least = max(value / _GRID, 1.0 if whole else 1e-4)
    power = 10.0 ** math.floor(math.log10(least) + 1e-9)
    return _GRID * next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def told(value: float, unit: str, *, short: bool = False) -> str:
    """A value with its unit, as a person writes it."""
    if unit == "$":
        return f"${value:,.2f}" if value >= 1 or not value else f"${value:.4f}"
    number = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return number if short else f"{number} {unit if value != 1 else unit.removesuffix('s')}"


def _folded(values: dict[str, float], series: Sequence[str]) -> dict[str, float]:
    """The values by series, those without one of their own under `OTHERS`."""
    folded: dict[str, float] = {}
    for name, value in values.items():
        known = name if name in series else OTHERS
        folded[known] = folded.get(known, 0.0) + value
    return folded
