"""RPCs of Dicts.

Like the real service (documented): `put` with `skip_if_exists` is put-if-absent, `pop` reads and removes, there is no
compare-and-swap, `len` stops at 100,000. Entries expire when a test says so, not after seven days.
Assumed: `created` is true whenever something was written.
"""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import msgspec
from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from tests.modal_emulator.shelf import Record, Shelf, write_atomically

LEN_LIMIT = 100_000


class Dicts:
    """All Dicts of one emulator: entries in memory, each also in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.shelf = Shelf(folder, "Dict", "di")
        self._entries: dict[str, dict[bytes, bytes]] = {}
        self.shelf.each(self._load)

    def expire(self, name: str, key: bytes | None = None, environment: str = "") -> None:
        """Forget one entry, or all, of a Dict, as seven days without use would."""
        record = self.shelf.find(name, environment)
        assert record is not None, f"no Dict {name}"
        for each in [key] if key is not None else list(self._entries[record.id]):
            self._remove(record.id, each)

    async def dict_get_or_create(
        self, request: api_pb2.DictGetOrCreateRequest
    ) -> api_pb2.DictGetOrCreateResponse:
        record = self.shelf.get_or_create(request)
        if record.id not in self._entries:
            self._load(record)
        return api_pb2.DictGetOrCreateResponse(dict_id=record.id, metadata=metadata(record))

    async def dict_get_by_id(self, request: api_pb2.DictGetByIdRequest) -> api_pb2.DictGetByIdResponse:
        record = self.shelf.get(request.dict_id)
        return api_pb2.DictGetByIdResponse(dict_id=record.id, metadata=metadata(record))

    async def dict_list(self, request: api_pb2.DictListRequest) -> api_pb2.DictListResponse:
        dicts = [
            api_pb2.DictListResponse.DictInfo(
                name=record.name, created_at=record.created, dict_id=record.id, metadata=metadata(record)
            )
            for record in self.shelf.page(request.environment_name, request.pagination)
        ]
        return api_pb2.DictListResponse(dicts=dicts, environment_name=request.environment_name)

    async def dict_delete(self, request: api_pb2.DictDeleteRequest) -> Empty:
        self.shelf.delete(request.dict_id)
        del self._entries[request.dict_id]
        return Empty()

    async def dict_heartbeat(self, request: api_pb2.DictHeartbeatRequest) -> Empty:
        self.shelf.get(request.dict_id)
        return Empty()

    async def dict_update(self, request: api_pb2.DictUpdateRequest) -> api_pb2.DictUpdateResponse:
        entries = self._of(request.dict_id)
        folder = self._folder(request.dict_id)
        created = False
        for entry in request.updates:
            if request.if_not_exists and entry.key in entries:
                continue
            write_atomically(folder / file_name(entry.key), msgspec.msgpack.encode((entry.key, entry.value)))
            entries[entry.key] = entry.value
            created = True
        return api_pb2.DictUpdateResponse(created=created)

    async def dict_get(self, request: api_pb2.DictGetRequest) -> api_pb2.DictGetResponse:
        value = self._of(request.dict_id).get(request.key)
        return api_pb2.DictGetResponse(found=value is not None, value=value)

    async def dict_contains(self, request: api_pb2.DictContainsRequest) -> api_pb2.DictContainsResponse:
        return api_pb2.DictContainsResponse(found=request.key in self._of(request.dict_id))

    async def dict_pop(self, request: api_pb2.DictPopRequest) -> api_pb2.DictPopResponse:
        value = self._of(request.dict_id).get(request.key)
        self._remove(request.dict_id, request.key)
        return api_pb2.DictPopResponse(found=value is not None, value=value)

    async def dict_clear(self, request: api_pb2.DictClearRequest) -> Empty:
        for key in list(self._of(request.dict_id)):
            self._remove(request.dict_id, key)
        return Empty()

    async def dict_len(self, request: api_pb2.DictLenRequest) -> api_pb2.DictLenResponse:
        return api_pb2.DictLenResponse(len=min(len(self._of(request.dict_id)), LEN_LIMIT))

    async def dict_contents(self, request: api_pb2.DictContentsRequest) -> AsyncIterator[api_pb2.DictEntry]:
        for key, value in list(self._of(request.dict_id).items()):
            yield api_pb2.DictEntry(key=key, value=value if request.values else b"")

    def _of(self, dict_id: str) -> dict[bytes, bytes]:
        return self._entries[self.shelf.get(dict_id).id]

    def _folder(self, dict_id: str) -> Path:
        return self.shelf.folder(dict_id) / "entries"

    def _load(self, record: Record) -> None:
        folder = self._folder(record.id)
        folder.mkdir(exist_ok=True)
        files = [path for path in folder.iterdir() if not path.name.startswith(".")]
        pairs = [msgspec.msgpack.decode(path.read_bytes(), type=tuple[bytes, bytes]) for path in files]
        self._entries[record.id] = dict(pairs)

    def _remove(self, dict_id: str, key: bytes) -> None:
        if self._of(dict_id).pop(key, None) is not None:
            (self._folder(dict_id) / file_name(key)).unlink()


def file_name(key: bytes) -> str:
    """Where an entry is: keys are pickles, of any length."""
    return sha256(key).hexdigest()


def metadata(record: Record) -> api_pb2.DictMetadata:
    """A Dict as the client knows it."""
    return api_pb2.DictMetadata(name=record.name, creation_info=record.creation())
