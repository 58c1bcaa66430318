"""Adoption of what an earlier upload script left: complete, idempotent, and finished after a stop."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from compiler.uploading.adopt import Adoption
from data_models.errors import StoreError
from data_models.records import Receipt
from store.blobs import get_blob
from store.earlier import earlier_transcripts
from store.memory import MemoryStore
from store.protocol import Store
from store.receipts import projects, read_receipt, receipt_keys
from store.registry import open_store
from transcripts.events import read_events
from transcripts.redaction.engine import Redactor

SECRET = "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5"
TEXTS = {
    "11111111-0000-4000-8000-000000000001": "author: mira\nproject: acme/kiln\nUser: Why is the kiln cold?\n",
    "22222222-0000-4000-8000-000000000002": f"The token is {SECRET} here.\n\nIt was the relay.\n",
    "a name with spaces é": "",
}


def fill(store: Store) -> None:
    for session, text in TEXTS.items():
        store.put(f"sessions/{session}/transcript.txt", text.encode())


def adopted(store: Store) -> dict[str, Receipt]:
    found = [read_receipt(store, key) for name in projects(store) for key in receipt_keys(store, name)]
    assert len({receipt.session_id for receipt in found}) == len(found)
    return {receipt.session_id: receipt for receipt in found}


def redactor() -> Redactor:
    return Redactor(b"k" * 32)


class Stopping(MemoryStore):
    """A store that fails at the n-th object written."""

    def __init__(self, writes: int) -> None:
        super().__init__("memory://stopping")
        self.left = writes

    def put(self, key: str, data: bytes) -> None:
        self.put_many([(key, data)])

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        for item in items:
            if self.left == 0:
                raise StoreError("stopped")
            self.left -= 1
            super().put(*item)


def objects(store: Store) -> list[tuple[str, bytes]]:
    keys = store.keys()
    return [(key, store.get(key)) for key in keys]


def test_what_becomes_of_each() -> None:
    """Author and project as the text says, else unknown; secrets replaced; marked; the old texts untouched."""
    store = MemoryStore("memory://x")
    fill(store)
    adoption = Adoption(redactor)
    adoption(store, earlier_transcripts(store))
    assert adoption.sessions == 3
    found = adopted(store)
    assert {session: (one.author, one.project, one.event_ms) for session, one in found.items()} == {
        "11111111-0000-4000-8000-000000000001": ("mira", "acme/kiln", 0),
        "22222222-0000-4000-8000-000000000002": ("unknown", "adopted", 0),
        "a name with spaces é": ("unknown", "adopted", 0),
    }
    assert {one.agent for one in found.values()} == {"text-only"}
    secret = found["22222222-0000-4000-8000-000000000002"]
    texts = [event.text for event in read_events(get_blob(store, secret.slim))[0]]
    assert not any(SECRET in text for text in texts)
    assert sum(secret.redactions.values()) == 1
    assert len(texts) == 2
    assert [store.get(f"sessions/{session}/transcript.txt").decode() for session in TEXTS] == [
        *TEXTS.values()
    ]


@pytest.mark.parametrize("writes", range(7))
def test_stopped_anywhere_it_goes_on(writes: int) -> None:
    """Stopped after any number of writes, the next attempt ends with the same objects as one that was not stopped."""
    whole, store = MemoryStore("memory://whole"), Stopping(len(TEXTS) + writes)
    fill(whole)
    fill(store)
    Adoption(redactor)(whole, earlier_transcripts(whole))
    try:
        Adoption(redactor)(store, earlier_transcripts(store))
    except StoreError:
        store.left = 99
        Adoption(redactor)(store, earlier_transcripts(store))
    assert objects(store) == objects(whole)
    again = Adoption(redactor)
    again(store, earlier_transcripts(store))
    assert again.sessions == 0


def test_a_folder_is_adopted_when_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening for reading changes nothing; who cannot import is refused; opening to write imports, once."""
    place = tmp_path / "old"
    for session, text in TEXTS.items():
        folder = place / "sessions" / session
        folder.mkdir(parents=True)
        (folder / "transcript.txt").write_text(text)
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(place))
    assert open_runtime(make_store=False).adopted == 0
    assert [path.name for path in place.iterdir()] == ["sessions"]
    with pytest.raises(StoreError) as caught:
        open_store(str(place))
    assert caught.value.next_command
    assert [path.name for path in place.iterdir()] == ["sessions"]
    assert open_runtime().adopted == 3
    assert open_runtime().adopted == 0
    assert set(adopted(open_runtime().store)) == set(TEXTS)


def test_a_store_that_lost_its_description_is_not_taken_for_one(tmp_path: Path) -> None:
    """Where a compile left something, a missing store.json is a loss, whatever else lies there."""
    store = open_store(str(tmp_path / "store"))
    fill(store)
    store.put("blobs/x", b"")
    store.put("inbox/x", b"")
    store.put("gen/x", b"")
    store.delete("store.json")
    with pytest.raises(StoreError) as caught:
        open_store(store.url, adopt=Adoption(redactor))
    assert "has lost its store.json" in caught.value.message
