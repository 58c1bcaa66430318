"""The tree remembers: one more session makes one node a level, whatever was there before."""

import hashlib
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from compiler.buckets import FAN_IN, Spec, groups, plan_tree
from data_models.records import BlobRef, CatalogEntry

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
