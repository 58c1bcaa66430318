"""RPCs of volumes, version 1 and 2.

Like the real service (from the client's source): the order of calls of an upload, blocks of 8 MiB by hash of which
only missing ones are put, existing files refused unless overwritten, a batch registered by one last call, files read
block by block, paths listed without a leading slash.
Assumed: a batch is checked as a whole before any file of it is written (though a kill of the emulator can leave the
first files of a batch); a volume made without a version has version
1; `commit` and `reload` may be called outside a container; which error answers a folder where a file was expected.
"""

import functools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_emulator.contents import Contents
from tests.modal_emulator.presented import Point
from tests.modal_emulator.shelf import Record, Shelf
from tests.modal_emulator.tree import Tree

ENTRIES_A_MESSAGE = 256


class Volumes:
    """All volumes of one emulator."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self.shelf = Shelf(folder, "Volume", "vo")
        self._contents = contents
        self._tree_of = functools.cache(lambda folder: Tree(folder / "files"))

    def tree(self, volume_id: str) -> Tree:
        """The files of one volume."""
        tree: Tree = self._tree_of(self.shelf.folder(volume_id))
        return tree

    def point(self, mount: api_pb2.VolumeMount) -> Point:
        """Where a process shall see a volume, or a folder of it, which is made if it is not there."""
        folder = self.tree(mount.volume_id).at(mount.sub_path)
        folder.mkdir(parents=True, exist_ok=True)
        return Point(Path(mount.mount_path), folder, mount.read_only)

    async def volume_get_or_create(
        self, request: api_pb2.VolumeGetOrCreateRequest
    ) -> api_pb2.VolumeGetOrCreateResponse:
        record = self.shelf.get_or_create(request, request.version or api_pb2.VOLUME_FS_VERSION_V1)
        described = metadata(record)
        return api_pb2.VolumeGetOrCreateResponse(
            volume_id=record.id, version=described.version, metadata=described
        )

    async def volume_get_by_id(self, request: api_pb2.VolumeGetByIdRequest) -> api_pb2.VolumeGetByIdResponse:
        record = self.shelf.get(request.volume_id)
        return api_pb2.VolumeGetByIdResponse(volume_id=record.id, metadata=metadata(record))

    async def volume_list(self, request: api_pb2.VolumeListRequest) -> api_pb2.VolumeListResponse:
        items = [
            api_pb2.VolumeListItem(
                label=record.name,
                volume_id=record.id,
                created_at=record.created,
                metadata=metadata(record),
            )
            for record in self.shelf.page(request.environment_name, request.pagination)
        ]
        return api_pb2.VolumeListResponse(items=items, environment_name=request.environment_name)

    async def volume_rename(self, request: api_pb2.VolumeRenameRequest) -> Empty:
        self.shelf.rename(request.volume_id, request.name)
        return Empty()

    async def volume_delete(self, request: api_pb2.VolumeDeleteRequest) -> Empty:
        self.shelf.delete(request.volume_id)
        return Empty()

    async def volume_heartbeat(self, request: api_pb2.VolumeHeartbeatRequest) -> Empty:
        self.shelf.get(request.volume_id)
        return Empty()

    async def volume_commit(self, request: api_pb2.VolumeCommitRequest) -> api_pb2.VolumeCommitResponse:
        self.shelf.get(request.volume_id)
        return api_pb2.VolumeCommitResponse(skip_reload=False)

    async def volume_reload(self, request: api_pb2.VolumeReloadRequest) -> Empty:
        self.shelf.get(request.volume_id)
        return Empty()

    async def volume_put_files2(
        self, request: api_pb2.VolumePutFiles2Request
    ) -> api_pb2.VolumePutFiles2Response:
        missing = list(self._missing_blocks(request))
        if missing:
            return api_pb2.VolumePutFiles2Response(missing_blocks=missing)
        places = self._places(
            request.volume_id,
            [file.path for file in request.files],
            overwrite=not request.disallow_overwrite_existing_files,
        )
        for file, place in zip(request.files, places, strict=True):
            blocks = [block.contents_sha256.hex() for block in file.blocks]
            self._contents.write(place, blocks, file.size, file.mode or 0o644)
        return api_pb2.VolumePutFiles2Response()

    def _missing_blocks(
        self, request: api_pb2.VolumePutFiles2Request
    ) -> Iterator[api_pb2.VolumePutFiles2Response.MissingBlock]:
        asked = set()
        for file_index, file in enumerate(request.files):
            for block_index, block in enumerate(file.blocks):
                sha256 = block.contents_sha256.hex()
                if sha256 not in asked and not self._contents.has(sha256):
                    asked.add(sha256)
                    yield api_pb2.VolumePutFiles2Response.MissingBlock(
                        file_index=file_index,
                        block_index=block_index,
                        put_url=self._contents.block_url(sha256),
                    )

    async def volume_put_files(self, request: api_pb2.VolumePutFilesRequest) -> Empty:
        for file in request.files:
            if not self._contents.has(file.sha256_hex):
                raise GRPCError(Status.FAILED_PRECONDITION, f"{file.filename} was never put")
        places = self._places(
            request.volume_id,
            [file.filename for file in request.files],
            overwrite=not request.disallow_overwrite_existing_files,
        )
        for file, place in zip(request.files, places, strict=True):
            self._contents.copy(place, file.sha256_hex, file.mode or 0o644)
        return Empty()

    def _places(self, volume_id: str, paths: list[str], *, overwrite: bool) -> list[Path]:
        tree = self.tree(volume_id)
        return [tree.room_for(path, overwrite=overwrite) for path in paths]

    async def mount_put_file(self, request: api_pb2.MountPutFileRequest) -> api_pb2.MountPutFileResponse:
        if request.WhichOneof("data_oneof") == "data":
            sha256 = self._contents.put(request.data)
            if sha256 != request.sha256_hex:
                raise GRPCError(Status.INVALID_ARGUMENT, "the bytes do not have the hash they came with")
        return api_pb2.MountPutFileResponse(exists=self._contents.has(request.sha256_hex))

    async def volume_get_file2(
        self, request: api_pb2.VolumeGetFile2Request
    ) -> api_pb2.VolumeGetFile2Response:
        if request.start or request.len:
            raise GRPCError(Status.UNIMPLEMENTED, "the emulator reads whole files only")
        path = self.tree(request.volume_id).file(request.path)
        size = path.stat().st_size
        urls = [self._contents.block_url(sha256) for sha256 in self._contents.blocks(path)]
        return api_pb2.VolumeGetFile2Response(get_urls=urls, size=size, start=0, len=size)

    async def volume_list_files(
        self, request: api_pb2.VolumeListFilesRequest
    ) -> AsyncIterator[api_pb2.VolumeListFilesResponse]:
        for entries in self._batches(request):
            yield api_pb2.VolumeListFilesResponse(entries=entries)

    async def volume_list_files2(
        self, request: api_pb2.VolumeListFiles2Request
    ) -> AsyncIterator[api_pb2.VolumeListFiles2Response]:
        for entries in self._batches(request):
            yield api_pb2.VolumeListFiles2Response(entries=entries)

    def _batches(
        self, request: api_pb2.VolumeListFilesRequest | api_pb2.VolumeListFiles2Request
    ) -> Iterator[list[api_pb2.FileEntry]]:
        entries = list(self.tree(request.volume_id).entries(request.path, recursive=request.recursive))
        for start in range(0, len(entries), ENTRIES_A_MESSAGE):
            yield entries[start : start + ENTRIES_A_MESSAGE]

    async def volume_remove_file(self, request: api_pb2.VolumeRemoveFileRequest) -> Empty:
        self.tree(request.volume_id).remove(request.path, recursive=request.recursive)
        return Empty()

    async def volume_remove_file2(self, request: api_pb2.VolumeRemoveFile2Request) -> Empty:
        self.tree(request.volume_id).remove(request.path, recursive=request.recursive)
        return Empty()

    async def volume_copy_files(self, request: api_pb2.VolumeCopyFilesRequest) -> Empty:
        self.tree(request.volume_id).copy(list(request.src_paths), request.dst_path, recursive=False)
        return Empty()

    async def volume_copy_files2(self, request: api_pb2.VolumeCopyFiles2Request) -> Empty:
        tree = self.tree(request.volume_id)
        tree.copy(list(request.src_paths), request.dst_path, recursive=request.recursive)
        return Empty()


def metadata(record: Record) -> api_pb2.VolumeMetadata:
    """A volume as the client knows it."""
    version = api_pb2.VolumeFsVersion.Name(record.version)
    return api_pb2.VolumeMetadata(
        version=api_pb2.VolumeFsVersion.Value(version), name=record.name, creation_info=record.creation()
    )
