"""Garbage under every kind of key: readers stand, and what is sound is still found."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.generations import heads, history, newest, next_number
from store.keys import encode_name, generation_prefix, inbox_prefix
from store.leases import acquire
from store.memo import Memo
from store.memory import MemoryStore
from store.protocol import Store
from store.receipts import newest_per_session, projects, receipt_keys, write_receipt
from store.spool import Spool
from tests.store.samples import PROJECT, compile_like, make_receipt, slim_of

CONTENTS = [
    b"",
    b"{}",
    b"null",
    b"[" * 5000,
    b"\xff\xfe\0",
    b'{"manifest":{},"sha256":""}',
    b'{"format":1,"unknown":' + b"[" * 9000,
]
_FOLDERS = [
    f"{inbox_prefix(PROJECT)}/ann/s",
    inbox_prefix(PROJECT),
    generation_prefix(PROJECT),
    "inbox/" + "x" * 150 + "=" + "0" * 40,
    "gen/%zz",
    "memo/map/ab",
    "leases/compile",
    "runs/p",
    "notes",
    "blobs/sha256/ab",
    "compiled/p",
    "sessions/ann/s",
]
NAMES = [
    "0000000000001-aaaaaaaaaaaa.json",
    "0000000009-abcdef01.json",
    "9999999999-abcdef01.json",
    "ab" * 32,
    "a b",
    "transcript.txt",
]
_content = st.binary(max_size=60) | st.sampled_from(CONTENTS)
_folders = st.sampled_from(_FOLDERS)
_names = st.text("abc019-_.=%", min_size=1, max_size=20).filter(
    lambda name: name[0] != "."
) | st.sampled_from(NAMES)
_garbage = st.lists(st.tuples(_folders, _names, _content), max_size=12)


@settings(deadline=None)
@given(_garbage)
def test_readers_stand(
    tmp_path_factory: pytest.TempPathFactory, garbage: list[tuple[str, str, bytes]]
) -> None:
    """Whatever lies under whatever keys, every reader answers, and what is sound is found."""
    check_readers(MemoryStore(), Spool(tmp_path_factory.mktemp("garbage") / "spool"), garbage)


def garbage(seed: int) -> list[tuple[str, str, bytes]]:
    """Garbage for stores too slow for many examples: something under every kind of key."""
    order = random.Random(seed)
    return [(folder, name, order.choice(CONTENTS)) for folder in _FOLDERS for name in order.sample(NAMES, 3)]


def check_readers(store: Store, spool: Spool, garbage: list[tuple[str, str, bytes]]) -> None:
    """Every reader answers over the garbage, and what is sound is found."""
    spool.add(make_receipt("sound"), slim_of("sound"), store.url)
    (sound,) = spool.flush(store)
    published = compile_like(store)
    store.put_many((f"{folder}/{name}", content) for folder, name, content in garbage)
    assert PROJECT in projects(store)
    assert sound in receipt_keys(store, PROJECT)
    assert sound in newest_per_session(receipt_keys(store, PROJECT))
    generation = newest(store, PROJECT)
    assert generation is not None
    assert generation.key == published
    assert [head.key for head in heads(store, PROJECT)] == [published]
    assert [item.key for item in history(store, PROJECT)[0]] == [published]
    assert next_number(store, PROJECT) >= 2
    assert Memo(store).get("map", "ab" * 32) is None
    acquire(store, "compile", 1)
    assert spool.acknowledge(store) == 1
    write_receipt(store, make_receipt("later"))
    assert encode_name(PROJECT) in set(store.folders("inbox"))
