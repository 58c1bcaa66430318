"""Memo: what was paid for is found again; what is damaged is a miss."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from store.keys import memo_key
from store.memo import Memo
from store.memory import MemoryStore

DIGEST = hashlib.sha256(b"input").hexdigest()


@given(st.binary(max_size=300))
def test_results_come_back(data: bytes) -> None:
    """Any bytes, in this process or the next; another stage or hash is a miss."""
    store = MemoryStore()
    assert Memo(store).get("map", DIGEST) is None
    Memo(store).put("map", DIGEST, data)
    memo = Memo(store)
    assert memo.get("map", DIGEST) == data
    assert memo.get("tree", DIGEST) is None
    assert memo.damaged == 0


@given(data=st.binary(max_size=60), place=st.integers(0, 91), bit=st.integers(0, 7))
def test_a_damaged_result_is_a_miss_and_counted(data: bytes, place: int, bit: int) -> None:
    """One flipped bit or a cut anywhere: a miss, counted, and a new put mends it."""
    store = MemoryStore()
    memo = Memo(store)
    memo.put("map", DIGEST, data)
    key = memo_key("map", DIGEST)
    stored = bytearray(store.get(key))
    place = min(place, len(stored) - 1)
    stored[place] ^= 1 << bit
    for damaged in (bytes(stored), bytes(stored[:place])):
        store.put(key, damaged)
        before = memo.damaged
        assert memo.get("map", DIGEST) is None
        assert memo.damaged == before + 1
    memo.put("map", DIGEST, data)
    assert memo.get("map", DIGEST) == data


def test_a_result_under_anothers_key_is_a_miss() -> None:
    """A sound value copied to another hash is not that hash's result."""
    store = MemoryStore()
    memo = Memo(store)
    memo.put_many("map", [(DIGEST, b"result")])
    other = hashlib.sha256(b"other").hexdigest()
    store.put(memo_key("map", other), store.get(memo_key("map", DIGEST)))
    assert memo.get("map", other) is None
    assert memo.damaged == 1
