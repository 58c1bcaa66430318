"""The tree remembers: one more session makes one node a level, whatever was there before."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler import nodes, tree
from compiler.buckets import FAN_IN, Spec, groups, in_order, plan_tree
from compiler.runtime import Runtime
from compiler.summarize import load_summaries
from data_models.knowledge import ChunkSummary
from data_models.records import BlobRef, CatalogEntry
from store.generations import newest
from tests.compiler.conftest import Compile
from tests.synthetic import write_team

_REF = BlobRef("0" * 64, 0)
_START = datetime(2025, 12, 20, tzinfo=UTC)

MOST_CALLS = 6


def _id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _entry(number: int, minutes: int) -> CatalogEntry:
    started = int((_START + timedelta(minutes=minutes)).timestamp() * 1000)
    return CatalogEntry(
        receipt="",
        session_id=f"session-{number}",
        agent="claude-code",
        author="ann",
        title="",
        branch="",
        started=started,
        ended=started,
        events=1,
        prompts=1,
        slim=_REF,
        parquet=_REF,
        chunks=(),
        digest=_id(number),
    )


def _nodes(entries: list[CatalogEntry]) -> dict[str, Spec]:
    return plan_tree("test", entries)[0]


@given(st.sets(st.integers(0, 100_000), max_size=400), st.integers(100_001, 200_000))
def test_one_more_id_changes_one_group(numbers: set[int], more: int) -> None:
    """Grouping is a partition of bounded groups, and an insertion changes one group or cuts one in two."""
    ids = sorted(map(_id, numbers))
    before = groups(ids)
    assert [node for group in before for node in group] == ids
    assert all(len(group) <= FAN_IN for group in before)
    after = groups(sorted([*ids, _id(more)]))
    assert len({tuple(group) for group in after} - {tuple(group) for group in before}) <= 2


@given(st.lists(st.integers(0, 60 * 24 * 70), max_size=300), st.integers(0, 60 * 24 * 70))
def test_one_more_session_makes_at_most_six_nodes(minutes: list[int], more: int) -> None:
    """Digest, group, day, week and month: the calls for one session do not depend on how many there are.

    The bound holds but for the moment when a bucket outgrows one node and is grouped for the first time.
    """
    entries = [_entry(number, minute) for number, minute in enumerate(minutes)]
    before = _nodes(entries)
    after = _nodes([*entries, _entry(len(entries), more)])
    made = [spec for node, spec in after.items() if node not in before]
    grouped_now = {spec.bucket for spec in made if spec.level == "group"}
    grouped_before = {spec.bucket for spec in before.values() if spec.level == "group"}
    if grouped_now <= grouped_before:
        assert len(made) <= MOST_CALLS


@given(st.permutations(range(60)))
def test_the_order_of_sessions_does_not_matter(order: list[int]) -> None:
    """The same sessions in any order are the same tree."""
    entries = [_entry(number, 13 * number) for number in range(60)]
    assert set(_nodes([entries[number] for number in order])) == set(_nodes(entries))


def test_every_session_is_below_exactly_one_month() -> None:
    """Weeks that touch two months go to one of them, and no session is lost or counted twice."""
    entries = [_entry(number, 60 * 7 * number) for number in range(300)]
    specs, months = plan_tree("test", entries)
    leaves: list[str] = []
    stack = list(months)
    while stack:
        spec = specs[node := stack.pop()]
        if spec.entry:
            leaves.append(node)
        stack.extend(spec.children)
        assert len(spec.children) <= FAN_IN
    assert sorted(leaves) == sorted(entry.digest for entry in entries)


@given(st.lists(st.integers(0, 60 * 24 * 70), max_size=300))
def test_children_come_right_before_their_parents(minutes: list[int]) -> None:
    """Every node stands once in the order, after all below it, and nothing else stands between."""
    specs, months = plan_tree("test", [_entry(number, minute) for number, minute in enumerate(minutes)])
    order = list(in_order(specs, months))
    assert sorted(order) == sorted(specs)
    place = {node_id: number for number, node_id in enumerate(order)}
    for node_id, spec in specs.items():
        below = list(in_order(specs, [node_id]))
        assert order[place[node_id] - len(below) + 1 : place[node_id] + 1] == below
        assert all(place[child] < place[node_id] for child in spec.children)


def test_few_nodes_are_in_memory_and_all_are_made(
    tmp_path: Path, runtime: Runtime, compile_team: Compile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for a handful of nodes the tree is the same as with room for all; sessions are read one by one."""
    reading, most = 0, 0

    async def load(*arguments: Any) -> tuple[ChunkSummary, ...]:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        try:
            return await load_summaries(*arguments)
        finally:
            reading -= 1

    monkeypatch.setattr(tree, "load_summaries", load)
    team = write_team(tmp_path / "team", 60)
    first = compile_team(team)
    before = newest(runtime.store, "shop")
    monkeypatch.setattr(nodes, "_BULK", 4)
    monkeypatch.setattr(nodes, "_RECENT", 3)
    again = compile_team(team, full=True)
    assert (again.nodes.digest.new, again.nodes.rollup.new) == (60, first.nodes.rollup.total)
    after = newest(runtime.store, "shop")
    assert before is not None
    assert after is not None
    assert after.manifest.number == before.manifest.number + 1
    assert after.manifest.texts == before.manifest.texts
    assert most == 1
