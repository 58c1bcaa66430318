"""Generations: what a reader sees, whatever stands in the store."""

import random
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_models.errors import DamagedError, FormatTooNewError, StoreError
from data_models.records import BlobRef, Segment
from store.blobs import get_blob, put_blob, put_blobs
from store.codec import encode
from store.generations import (
    compact_parts,
    heads,
    history,
    newest,
    next_number,
    publish,
    read_catalog,
    read_manifest,
    write_part,
)
from store.keys import generation_prefix
from store.local import LocalStore
from store.memory import MemoryStore
from store.parts import FAN_IN, run_to_merge
from store.receipts import key_of
from tests.store.faulty import FaultyStore
from tests.store.samples import PROJECT, make_entry, make_manifest, make_receipt


def entry_of(session: str, event_ms: int = 1, title: str = ""):
    receipt = make_receipt(session, event_ms)
    return make_entry(key_of(receipt), receipt, title)


def test_nothing_published() -> None:
    """A project without generations has none: no error."""
    store = MemoryStore()
    assert newest(store, PROJECT) is None
    assert heads(store, PROJECT) == []
    assert history(store, PROJECT) == ([], [])
    assert next_number(store, PROJECT) == 1


def test_highest_number_then_smallest_nonce() -> None:
    """The newest generation is the highest number, then the smallest nonce; siblings are all heads."""
    store = MemoryStore()
    for number, nonce in ((1, "00000000"), (2, "ffffffff"), (2, "0a000000"), (2, "11111111")):
        publish(store, make_manifest(store, number, nonce))
    generation = newest(store, PROJECT)
    assert generation is not None
    assert (generation.manifest.number, generation.manifest.nonce) == (2, "0a000000")
    assert generation.damaged == ()
    assert [head.manifest.nonce for head in heads(store, PROJECT)] == ["0a000000", "11111111", "ffffffff"]
    assert [item.manifest.number for item in history(store, PROJECT)[0]] == [2, 2, 2, 1]


def test_projects_do_not_mix() -> None:
    """A project whose name begins like another's has its own generations."""
    store = MemoryStore()
    publish(store, make_manifest(store, project="a/b"))
    assert newest(store, "a") is None
    assert newest(store, "a/b/c") is None
    assert newest(store, "a/b") is not None


@pytest.mark.parametrize("what", ["text", "part", "segment"])
@pytest.mark.parametrize("how", ["missing", "cut", "changed"])
def test_damaged_generations_are_passed_over(what: str, how: str) -> None:
    """A generation with a missing or damaged file is not served: its sibling is, else the one before."""
    store = MemoryStore()
    before = publish(store, make_manifest(store, 1))
    refs = {
        "text": put_blob(store, b"a brief"),
        "part": write_part(store, [entry_of("s")]),
        "segment": put_blob(store, b"an index segment"),
    }
    manifest = make_manifest(
        store,
        2,
        texts={"brief": refs["text"]},
        parts=(refs["part"],),
        segments=(Segment(blob=refs["segment"], first=2, last=2, documents=1),),
    )
    bad = publish(store, manifest)
    generation = newest(store, PROJECT)
    assert generation is not None
    assert generation.key == bad
    key = refs[what].key
    data = store.get(key)
    if how == "missing":
        store.delete(key)
    else:
        store.put(key, data[:-1] if how == "cut" else bytes([data[0] ^ 1]) + data[1:])
    generation = newest(store, PROJECT)
    assert generation is not None
    # A segment is checked by size only: reading it all would cost every reader too much.
    if (what, how) == ("segment", "changed"):
        assert generation.key == bad
    else:
        assert generation.key == before
        assert generation.damaged == (bad,)
        assert next_number(store, PROJECT) == 3
        sibling = publish(store, make_manifest(store, 2, "99999999"))
        assert [head.key for head in heads(store, PROJECT)] == [sibling]


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_manifest_is_never_believed(data: st.DataObject) -> None:
    """Cut it or flip a bit of it anywhere: the reader takes the generation before."""
    store = MemoryStore()
    before = publish(store, make_manifest(store, 1))
    key = publish(store, make_manifest(store, 2))
    sealed = store.get(key)
    place = data.draw(st.integers(0, len(sealed) - 1))
    if data.draw(st.booleans()):
        changed = sealed[:place]
    else:
        changed = (
            sealed[:place]
            + bytes([sealed[place] ^ (1 << data.draw(st.integers(0, 7)))])
            + sealed[place + 1 :]
        )
    store.put(key, changed)
    generation = newest(store, PROJECT)
    assert generation is not None
    if generation.key == key:  # only where the change means nothing to JSON
        assert generation.manifest == make_manifest(store, 2)
    else:
        assert generation.key == before
        assert history(store, PROJECT)[1] == [key]


def test_a_manifest_under_anothers_key_is_refused() -> None:
    """A sound manifest copied to another number, nonce or project is not that generation."""
    store = MemoryStore()
    key = publish(store, make_manifest(store, 1))
    for other in (key.replace("0000000001", "0000000007"), key.replace("rockets", "other")):
        store.put(other, store.get(key))
        with pytest.raises(DamagedError):
            read_manifest(store, other)
    generation = newest(store, PROJECT)
    assert generation is not None
    assert generation.key == key


def test_a_newer_format_is_refused_with_the_next_command() -> None:
    """A generation of a newer rlm-context is not skipped in silence."""
    store = MemoryStore()
    publish(store, make_manifest(store, 1))
    publish(store, make_manifest(store, 2, format=999))
    with pytest.raises(FormatTooNewError) as caught:
        newest(store, PROJECT)
    assert caught.value.next_command


def test_an_incomplete_generation_is_not_published() -> None:
    """Publishing without all files in the store fails, and publishes nothing."""
    store = MemoryStore()
    manifest = make_manifest(store, parts=(BlobRef("a" * 64, 5),))
    with pytest.raises(StoreError):
        publish(store, manifest)
    assert newest(store, PROJECT) is None


def test_catalogs_unite_by_the_newer_receipt() -> None:
    """In a generation the later entry of a session counts, between siblings the newer receipt."""
    store = MemoryStore()
    older = write_part(store, [entry_of("a", 1), entry_of("b", 5)])
    redone = write_part(store, [entry_of("b", 5, "redone"), entry_of("c", 1)])
    newer = write_part(store, [entry_of("a", 2), entry_of("b", 4)])
    first = make_manifest(store, 2, "00000001", parts=(older, redone))
    second = make_manifest(store, 2, "00000002", parts=(older, newer))
    alone = read_catalog(store, [first])
    assert alone["Ann", "b"].title == "redone"
    for siblings in ([first, second], [second, first]):
        catalog = read_catalog(store, siblings)
        assert {
            session: key_of(make_receipt(*state))
            for session, state in (("a", ("a", 2)), ("b", ("b", 5)), ("c", ("c", 1)))
        } == {session: entry.receipt for (_, session), entry in catalog.items()}


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 50)), max_size=40), max_size=30))
def test_compacting_changes_no_catalog(batches: list[list[tuple[int, int]]]) -> None:
    """However sessions come and come again, merged parts hold what the unmerged would."""
    store = MemoryStore()
    plain: tuple[BlobRef, ...] = ()
    compacted: tuple[BlobRef, ...] = ()
    for batch in batches:
        part = write_part(store, [entry_of(f"s{session}", event_ms) for session, event_ms in batch])
        plain = (*plain, part)
        compacted = compact_parts(store, (*compacted, part))
        assert read_catalog(store, [make_manifest(store, 1, parts=plain)]) == read_catalog(
            store, [make_manifest(store, 1, parts=compacted)]
        )


@given(st.lists(st.integers(0, 10**7), max_size=60))
def test_merging_ends_with_few_parts_in_order(sizes: list[int]) -> None:
    """From parts of any sizes: neighbours are merged until sizes fall, in tiers of few parts."""
    parts = [(size, [index]) for index, size in enumerate(sizes)]
    while (run := run_to_merge([size for size, _ in parts])) is not None:
        merged = parts[run]
        assert len(merged) > 1
        parts[run] = [(sum(size for size, _ in merged), [i for _, indices in merged for i in indices])]
    assert [index for _, indices in parts for index in indices] == list(range(len(sizes)))
    tiers = [next(tier for tier in range(20) if size < 4096 * FAN_IN**tier) for size, _ in parts]
    assert tiers == sorted(tiers, reverse=True)
    assert all(tiers.count(tier) < FAN_IN for tier in tiers)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("first", [0, 5000])
def test_parts_stay_few_and_cheap(seed: int, first: int) -> None:
    """Hundreds of additions, mostly of one session: few parts, and few bytes rewritten per addition."""
    chance = random.Random(seed)
    store = FaultyStore(MemoryStore())
    parts: tuple[BlobRef, ...] = ()
    if first:
        parts = (write_part(store, [entry_of(f"first{chance.random()}") for _ in range(first)]),)
    written, added = store.written, 0
    for _ in range(600):
        count = 1 if chance.random() < 0.95 else chance.randrange(1, 30)
        entries = [entry_of(f"{chance.random()}") for _ in range(count)]
        added += count
        parts = compact_parts(store, (*parts, write_part(store, entries)))
        assert len(parts) <= 3 * (FAN_IN - 1)
    assert (store.written - written) / added < 2500
    assert len(read_catalog(store, [make_manifest(store, parts=parts)])) == first + added


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200))
def test_a_damaged_part_is_an_error_of_ours(data: bytes) -> None:
    """Bytes that are no part, under a hash that fits, give DamagedError and nothing else."""
    store = MemoryStore()
    manifest = make_manifest(store, parts=(put_blob(store, data),))
    with suppress(DamagedError):
        assert read_catalog(store, [manifest]) == {}


def test_a_planted_number_does_not_count() -> None:
    """Something under the highest number there can be ends no project; what rotted keeps its number to itself."""
    store = MemoryStore()
    for number in (1, 2, 3):
        publish(store, make_manifest(store, number=number))
    rotten = [key for key in store.keys("gen") if "0000000001-" not in key]
    for key in rotten:
        store.put(key, b"rotten")
    store.put(f"{generation_prefix(PROJECT)}/9999999999-00000000.json", b"planted")
    assert next_number(store, PROJECT) == next_number(store, PROJECT, read=1) == 4


@pytest.mark.parametrize("name", ["", "map", "map/..", "../../etc", "Map/00000000", "map/0000000/0"])
def test_an_entry_that_names_an_impossible_result(name: str) -> None:
    """A sound part whose entry would lead out of memo is damaged."""
    entry = msgspec.structs.replace(entry_of("s"), memo=(name,))
    store = MemoryStore()
    manifest = make_manifest(store, parts=(write_part(store, [entry]),))
    with pytest.raises(DamagedError, match="impossible result"):
        read_catalog(store, [manifest])


def test_blobs_are_verified_and_written_once() -> None:
    """A blob is stored once, and is never given out damaged."""
    store = FaultyStore(MemoryStore())
    first, again, other = put_blobs(store, [b"same", b"same", b"other"])
    assert first == again != other
    assert store.written == len(b"same") + len(b"other")
    assert put_blob(store, b"same") == first
    assert store.written == len(b"same") + len(b"other")
    for damaged in (b"sam", b"sams"):
        store.inner.put(first.key, damaged)
        with pytest.raises(DamagedError):
            get_blob(store, first)
    with pytest.raises(DamagedError):
        get_blob(store, BlobRef("../../etc/passwd", 1))
    assert put_blob(store, encode(make_receipt("s"))).size == len(encode(make_receipt("s")))


def test_writing_a_damaged_blob_again_mends_it(tmp_path: Path) -> None:
    """On this machine a blob that rotted is replaced when its bytes are stored again."""
    store = LocalStore(tmp_path / "store")
    ref = put_blob(store, b"brief")
    store.put(ref.key, b"BRIEF")
    with pytest.raises(DamagedError):
        publish(store, make_manifest(store, texts={"brief": ref}))
    assert newest(store, PROJECT) is None
    assert put_blob(store, b"brief") == ref
    assert get_blob(store, ref) == b"brief"
