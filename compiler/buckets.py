"""The shape of the tree: which node rolls up which, by UTC day, ISO week and month of a session's first event.

A node's id is the hash of its inputs, so the ids of the whole tree follow from the catalog without reading
anything. Inside a bucket children are grouped by their hash and not by position, so that one insertion moves no
other: the sorted ids are cut after each whose hash falls on a boundary (content-defined chunking).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from compiler.work import NODE, content_hash
from data_models.knowledge import Level
from data_models.records import CatalogEntry

FAN_IN = 32
"""Most children of one rollup."""
_BOUNDARY = 16
"""A group ends after a hash divisible by this, so groups hold 16 children on average."""


class Spec(msgspec.Struct, frozen=True):
    """How to make one node: a digest of `entry`, or a rollup of `children`."""

    level: Level
    bucket: str
    children: tuple[str, ...] = ()
    entry: CatalogEntry | None = None


def plan_tree(backend_id: str, entries: Iterable[CatalogEntry]) -> tuple[dict[str, Spec], list[str]]:
    """How to make every node over these sessions, by id; and the ids of the months, oldest first."""
    specs: dict[str, Spec] = {}
    days: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        specs[entry.digest] = Spec("digest", entry.session_id, entry=entry)
        days[_day(entry.started)].append(entry.digest)
    weeks = _gather(backend_id, specs, "day", days, _week_of_day)
    months = _gather(backend_id, specs, "week", weeks, _month_of_week)
    tops = [_bucket(backend_id, specs, "month", month, months[month]) for month in sorted(months)]
    return specs, tops


def in_order(specs: Mapping[str, Spec], tops: Iterable[str]) -> Iterator[str]:
    """The nodes at and below these, each once, children right before their parents."""
    seen: set[str] = set()

    def below(node_id: str) -> Iterator[str]:
        if node_id not in seen:
            seen.add(node_id)
            for child in specs[node_id].children:
                yield from below(child)
            yield node_id

    for top in tops:
        yield from below(top)


def _gather(
    backend_id: str,
    specs: dict[str, Spec],
    level: Level,
    buckets: Mapping[str, list[str]],
    parent: Callable[[str], str],
) -> dict[str, list[str]]:
    """Plan one level's nodes and sort them into the buckets of the level above."""
    above: dict[str, list[str]] = defaultdict(list)
    for bucket in sorted(buckets):
        above[parent(bucket)].append(_bucket(backend_id, specs, level, bucket, buckets[bucket]))
    return above


def _bucket(
    backend_id: str, specs: dict[str, Spec], level: Level, bucket: str, children: Sequence[str]
) -> str:
    """Plan one bucket's node. A bucket with one child is that child: there is nothing to join."""
    current = sorted(set(children))
    while len(current) > FAN_IN:
        current = sorted(_plan(backend_id, specs, "group", bucket, group) for group in groups(current))
    return _plan(backend_id, specs, level, bucket, current)


def _plan(backend_id: str, specs: dict[str, Spec], level: Level, bucket: str, children: Sequence[str]) -> str:
    if len(children) == 1:
        return children[0]
    node_id = content_hash(NODE, backend_id, level, bucket, children)
    specs[node_id] = Spec(level, bucket, tuple(children))
    return node_id


def groups(ids: Sequence[str], depth: int = 0) -> list[list[str]]:
    """Cut sorted ids (hex, 64 digits) into groups of at most `FAN_IN`, each boundary set by one id alone.

    One insertion changes one group, or cuts one in two.
    """
    cut: list[list[str]] = [[]]
    for node_id in ids:
        cut[-1].append(node_id)
        if int(node_id[8 * depth : 8 * depth + 8], 16) % _BOUNDARY == 0:
            cut.append([])
    result: list[list[str]] = []
    for group in cut:
        if len(group) > FAN_IN and depth < 7:
            result.extend(groups(group, depth + 1))
        elif group:
            result.append(group)
    return result


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def _week_of_day(day: str) -> str:
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-W{week:02d}"


def _month_of_week(week: str) -> str:
    year, number = week.split("-W")
    thursday = date.fromisocalendar(int(year), int(number), 1) + timedelta(days=3)
    return thursday.isoformat()[:7]
