"""A store in a Modal volume: `modal://VOLUME[/PREFIX]`.

A volume is a file system that is reached over the network: a key is the path below the prefix. It has neither
compare-and-swap nor rename, which the store's rule (no two writers share a key) does not need. Written against
modal 1.6.4 and an emulator of it; what only the real service can tell is listed in docs/store.md. Therefore nothing
is taken on trust: what was written is read back and compared before a put returns.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import modal
from grpclib.exceptions import GRPCError, StreamTerminatedError
from modal.types import FileEntry, FileEntryType

from data_models.errors import KeyMissingError, SettingsError, StoreError, StoreFullError
from store.deadline import Arrived, DeadlineError, run
from store.keys import is_written_once
from store.protocol import check_key, check_prefix, is_segment

_T = TypeVar("_T")

PATIENCE = 30.0
"""Seconds without an answer after which a call fails. The client by itself goes on for nearly a minute."""

_SLOWEST = 100_000
"""Bytes per second that an upload is given time for."""

_BATCH = 64
"""Files of one upload; every upload costs two calls, however many files it has."""

_AT_ONCE = 16
_NOT_FOUND = modal.exception.NotFoundError
_INVALID = modal.exception.InvalidError
_NO_FILE = (FileNotFoundError, _INVALID)  # invalid: it is a folder
_PAUSES = (0.1, 0.5, 2.0)  # seconds
_BROKEN = (
    modal.exception.ServiceError,
    modal.exception.InternalError,
    StreamTerminatedError,
    ConnectionError,
)
# Besides its own errors the client lets through those of the libraries that it brings.
_FAILURES = (
    modal.exception.Error,
    GRPCError,
    StreamTerminatedError,
    aiohttp.ClientError,
    OSError,
    RuntimeError,
)


class ModalStore:
    """`store.protocol.Store` over the files of a Modal volume below a prefix.

    An existing volume is used in whatever version it has; a new one has version 2 (any number of writers at once).

    Args:
        volume: the volume's name in the environment that modal is configured for.
        prefix: the folder in it that holds the store; "" for the whole volume.
        make: whether the volume may be made if there is none.
        patience: seconds, see `PATIENCE`.

    Raises:
        SettingsError: this cannot be a volume's name.
        StoreError: there is no such volume, or Modal cannot be reached.
        StoreFullError: Modal does not accept the token.
    """

    def __init__(
        self, volume: str, prefix: str = "", *, make: bool = True, patience: float = PATIENCE
    ) -> None:
        self.url = f"modal://{volume}/{prefix}".rstrip("/")
        self._name = volume
        self._prefix = f"{prefix}/" if prefix else ""
        self._patience = patience
        try:
            self._volume = self._call(lambda _: _open(volume, make=make), passing=(_INVALID, _NOT_FOUND))
        except _INVALID as error:
            raise SettingsError(
                f"{volume!r} is no name of a Modal volume",
                next_command="set RLM_CONTEXT_STORE to modal://NAME",
            ) from error
        except _NOT_FOUND as error:
            raise StoreError(
                f"there is no Modal volume {volume}", next_command=f"modal volume create {volume} --version 2"
            ) from error

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        path = self._path(key)
        try:
            return self._call(partial(self._read, path), passing=_NO_FILE)
        except _NO_FILE as error:
            raise KeyMissingError(key) from error

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        self.put_many([(key, data)])

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        iterator = iter(items)
        while batch := dict(islice(iterator, _BATCH)):
            files = {self._path(key): data for key, data in batch.items()}
            self._call(partial(self._write, files), writing=sum(map(len, files.values())))

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        path = self._path(key)
        entries = self._list(path, recursive=False)
        return next((entry.size for at, entry in entries if at == path and _is_file(entry)), None)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See `Store.keys`."""
        folder = self._folder(prefix)
        files = (at for at, entry in self._list(folder, recursive=True) if _is_file(entry) and at != folder)
        found = (path.removeprefix(self._prefix) for path in files)
        yield from sorted(key for key in found if all(map(is_segment, key.split("/"))))

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        entries = self._list(self._folder(prefix), recursive=False)
        names = (at.rpartition("/")[2] for at, entry in entries if entry.type == FileEntryType.DIRECTORY)
        yield from sorted(filter(is_segment, names))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self._path(key)
        try:
            self._call(lambda _: self._volume.remove_file.aio(path), passing=_NO_FILE)
        except _NO_FILE:
            return

    def local_path(self, key: str) -> Path | None:
        """See `Store.local_path`: never here."""
        check_key(key)
        return None

    def _path(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _folder(self, prefix: str) -> str:
        return (self._prefix + check_prefix(prefix)).rstrip("/") or "/"

    async def _read(self, path: str, arrived: Arrived) -> bytes:
        data = bytearray()
        async for block in self._volume.read_file.aio(path):
            arrived()
            data += block
        return bytes(data)

    async def _write(self, files: dict[str, bytes], arrived: Arrived) -> None:
        """Upload files in one go and read them back; those that come back wrong are written once more.

        What lies there already may be ours, from an attempt whose answer was lost: so it is always replaced.
        """
        for _ in range(2):
            async with self._volume.batch_upload.aio(force=True) as upload:
                for path, data in files.items():
                    upload.put_file(BytesIO(data), path)
            arrived()
            files = await self._wrong(files, arrived)
            if not files:
                return
        raise StoreError(
            f"{self.url} gave back other bytes than were written, {len(files)} times",
            next_command="run the same command again",
            partial=True,
        )

    async def _wrong(self, files: dict[str, bytes], arrived: Arrived) -> dict[str, bytes]:
        """Those of the files that do not come back as they should."""
        permits = asyncio.Semaphore(_AT_ONCE)

        async def came_back(path: str) -> bytes | None:
            async with permits:
                try:
                    return await self._read(path, arrived)
                except FileNotFoundError:
                    return None

        read = await asyncio.gather(*map(came_back, files))
        return {
            path: data
            for (path, data), back in zip(files.items(), read, strict=True)
            # What may be overwritten may have been, by now, by someone else.
            if back is None or (back != data and is_written_once(path.removeprefix(self._prefix)))
        }

    def _list(self, path: str, *, recursive: bool) -> list[tuple[str, FileEntry]]:
        """(path without "/" at either end, entry) of what is in a folder, or of one file; nothing there: nothing."""

        try:
            return self._call(partial(self._entries, path, recursive), passing=(_NOT_FOUND,))
        except _NOT_FOUND:
            return []

    async def _entries(self, path: str, recursive: bool, arrived: Arrived) -> list[tuple[str, FileEntry]]:
        """A listing, begun again when it breaks off: the client repeats other calls, but no streams."""
        for pause in _PAUSES:
            try:
                return await self._entries_once(path, recursive, arrived)
            except _BROKEN:
                await asyncio.sleep(pause)
        return await self._entries_once(path, recursive, arrived)

    async def _entries_once(
        self, path: str, recursive: bool, arrived: Arrived
    ) -> list[tuple[str, FileEntry]]:
        found = []
        async for entry in self._volume.iterdir.aio(path, recursive=recursive):
            arrived()
            found.append((entry.path.strip("/"), entry))
        return found

    def _call(
        self,
        work: Callable[[Arrived], Coroutine[Any, Any, _T]],
        *,
        passing: tuple[type[Exception], ...] = (),
        writing: int | None = None,
    ) -> _T:
        """The result of some calls of the client, within our deadline and with our errors.

        Args:
            work: makes the calls.
            passing: errors of the client that the caller has a meaning for.
            writing: bytes that go up, for which there is more time; None if nothing does.
        """
        try:
            return run(work, self._patience + (writing or 0) / _SLOWEST)
        except passing:
            raise
        except (DeadlineError, *_FAILURES) as error:
            raise self._failure(error, some_done=writing is not None) from error

    def _failure(self, error: Exception, *, some_done: bool) -> StoreError:
        """What an error of the client means here, and what to do about it."""
        if isinstance(error, (modal.exception.AuthError, modal.exception.PermissionDeniedError)):
            return StoreFullError(
                f"Modal does not accept the token for {self.url}",
                next_command="modal token new",
                partial=some_done,
            )
        if isinstance(error, modal.exception.ResourceExhaustedError):
            return StoreFullError(
                f"Modal takes no more for {self.url}: a limit or a quota is reached",
                next_command=f"modal volume ls {self._name}",
                partial=some_done,
            )
        if isinstance(error, (DeadlineError, *_BROKEN)):
            return StoreError(
                f"Modal gives no answer for {self.url} ({type(error).__name__})",
                next_command="check the network and status.modal.com, then run the same command again",
                partial=some_done,
            )
        return StoreError(
            f"Modal cannot do this in {self.url} ({type(error).__name__})",
            next_command=f"modal volume ls {self._name} {self._prefix}",
            partial=some_done,
        )


async def _open(name: str, *, make: bool) -> modal.Volume:
    try:
        return await modal.Volume.from_name(name).hydrate.aio()
    except modal.exception.NotFoundError:
        if not make:
            raise
    try:
        return await modal.Volume.from_name(name, create_if_missing=True, version=2).hydrate.aio()
    except modal.exception.InvalidError:  # someone else made it at this moment, with another version
        return await modal.Volume.from_name(name).hydrate.aio()


def _is_file(entry: FileEntry) -> bool:
    return entry.type == FileEntryType.FILE
