"""Objects with names (volumes, Dicts, secrets …): one folder each, with a record that survives a kill."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar
from uuid import uuid4

import msgspec
from google.protobuf.message import Message
from grpclib import GRPCError, Status
from modal_proto import api_pb2

OWNER = "emulator"
MAIN = "main"
NAMELESS = (api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL, api_pb2.OBJECT_CREATION_TYPE_ANONYMOUS_OWNED_BY_APP)


class Record(msgspec.Struct, frozen=True):
    """What is known of one object. `created` is in seconds since 1970; without a name it belongs to one app or run."""

    id: str
    name: str
    environment: str
    created: float
    version: int = 0

    def creation(self) -> api_pb2.CreationInfo:
        """As the client is told."""
        return api_pb2.CreationInfo(created_at=self.created, created_by=OWNER)


class GetOrCreate(Protocol):
    """What the requests to get or create an object of any kind have in common."""

    deployment_name: str
    environment_name: str
    object_creation_type: api_pb2.ObjectCreationType.ValueType


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file such that a kill at any moment leaves the old or the new one."""
    partial = path.with_name(f".{path.name}.{uuid4().hex}")
    partial.write_bytes(data)
    partial.replace(path)


class Shelf:
    """All objects of one kind; `kind` as errors call it, `prefix` as ids begin."""

    def __init__(self, folder: Path, kind: str, prefix: str) -> None:
        self._folder = folder
        self._kind = kind
        self._prefix = prefix
        folder.mkdir(parents=True, exist_ok=True)
        found = [msgspec.json.decode(path.read_bytes(), type=Record) for path in folder.glob("*/record.json")]
        self._records = {record.id: record for record in found}

    def get_or_create(self, request: GetOrCreate, version: int = 0) -> Record:
        """The object named in the request, made if the request says so.

        Raises:
            GRPCError: NOT_FOUND or ALREADY_EXISTS, as the request asked.
        """
        how = request.object_creation_type
        if how in NAMELESS:
            return self._create("", request.environment_name, version)
        known = self.find(request.deployment_name, request.environment_name)
        if known and how == api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS:
            raise GRPCError(Status.ALREADY_EXISTS, f"{self._kind} '{known.name}' already exists")
        if known:
            return known
        if how == api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED:
            raise self._missing(request.deployment_name)
        return self._create(request.deployment_name, request.environment_name, version)

    def find(self, name: str, environment: str) -> Record | None:
        """The object of this name, if there is one."""
        same = (record for record in self._records.values() if record.name and record.name == name)
        return next((record for record in same if record.environment == (environment or MAIN)), None)

    def get(self, object_id: str) -> Record:
        """The object of this id.

        Raises:
            GRPCError: NOT_FOUND.
        """
        if object_id not in self._records:
            raise self._missing(object_id)
        return self._records[object_id]

    def folder(self, object_id: str) -> Path:
        """Where the object's own files are; NOT_FOUND if there is no such object."""
        return self._folder / self.get(object_id).id

    def page(self, environment: str, pagination: api_pb2.ListPagination) -> Iterator[Record]:
        """Named objects, newest first, made before the page's border."""
        newest_first = sorted(self._records.values(), key=lambda record: -record.created)
        before = pagination.created_before or float("inf")
        left = pagination.max_objects or len(newest_first)
        for record in newest_first:
            if (
                left
                and record.name
                and record.environment == (environment or MAIN)
                and record.created < before
            ):
                left -= 1
                yield record

    def rename(self, object_id: str, name: str) -> None:
        """Give the object another name; ALREADY_EXISTS if another has it."""
        record = self.get(object_id)
        if self.find(name, record.environment):
            raise GRPCError(Status.ALREADY_EXISTS, f"{self._kind} '{name}' already exists")
        self._keep(msgspec.structs.replace(record, name=name))

    def delete(self, object_id: str) -> None:
        """Remove the object and all it holds."""
        folder = self.folder(object_id)
        del self._records[object_id]
        (folder / "record.json").unlink()
        shutil.rmtree(folder)

    def each(self, visit: Callable[[Record], None]) -> None:
        """Call `visit` with every object."""
        for record in list(self._records.values()):
            visit(record)

    def _create(self, name: str, environment: str, version: int) -> Record:
        record = Record(new_id(self._prefix), name, environment or MAIN, time.time(), version)
        (self._folder / record.id).mkdir()
        self._keep(record)
        return record

    def _keep(self, record: Record) -> None:
        write_atomically(self._folder / record.id / "record.json", msgspec.json.encode(record))
        self._records[record.id] = record

    def _missing(self, what: str) -> GRPCError:
        return GRPCError(Status.NOT_FOUND, f"{self._kind} '{what}' not found")


M = TypeVar("M", bound=Message)


class Messages(Generic[M]):
    """Protobuf messages by id, each in a file: what the client sent, kept as it was sent."""

    def __init__(self, folder: Path, kind: type[M]) -> None:
        self._folder = folder
        self._kind = kind
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, message_id: str, message: M) -> None:
        """Keep a message, in place of what had its id."""
        write_atomically(self._path(message_id), message.SerializeToString())

    def has(self, message_id: str) -> bool:
        """Whether there is a message of this id."""
        return self._path(message_id).is_file()

    def get(self, message_id: str) -> M:
        """The message of this id.

        Raises:
            GRPCError: NOT_FOUND.
        """
        if not self.has(message_id):
            raise GRPCError(Status.NOT_FOUND, f"no object {message_id}")
        message: M = self._kind()
        message.ParseFromString(self._path(message_id).read_bytes())
        return message

    def _path(self, message_id: str) -> Path:
        return self._folder / Path(message_id).name


def new_id(prefix: str) -> str:
    """An id in the service's form."""
    return f"{prefix}-{uuid4().hex[:22]}"
