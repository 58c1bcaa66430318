"""What functions are made of: images, files sent along (mounts), secrets.

Like the real service (from the client's source): an image that is the same is not built again; files are sent by
hash, missing ones only. Build steps are accepted and not run: functions run in the interpreter that runs the
emulator, with the image's `ENV` lines. Of the files, those below /root are given to functions, where the client puts
Python sources; others are kept and not given.
"""

import hashlib
import json
import shlex
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_emulator.account import IMAGE_BUILDER
from tests.modal_emulator.contents import Contents
from tests.modal_emulator.shelf import Messages, Record, Shelf, new_id, write_atomically

SOURCES = Path("/root")


class Parts:
    """All images, mounts and secrets of one emulator."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self._images = Messages(folder / "images", api_pb2.Image)
        self._mounts = Messages(folder / "mounts", api_pb2.MountGetOrCreateRequest)
        self._secrets = Shelf(folder / "secrets", "Secret", "st")
        self._contents = contents

    def environment(self, image_id: str, secret_ids: Iterable[str]) -> dict[str, str]:
        """Variables that the image, then the secrets, give to a container."""
        variables = self._image_variables(image_id) if image_id else {}
        for secret_id in secret_ids:
            variables |= json.loads((self._secrets.folder(secret_id) / "env.json").read_bytes())
        return variables

    def write_sources(self, mount_ids: Iterable[str], folder: Path) -> None:
        """Put the files of these mounts that belong below /root below `folder`."""
        for mount_id in mount_ids:
            for file in self._mounts.get(mount_id).files:
                path = Path(file.filename)
                if path.is_relative_to(SOURCES) and ".." not in path.parts:
                    target = folder / path.relative_to(SOURCES)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    self._contents.copy(target, file.sha256_hex, 0o600)

    def _image_variables(self, image_id: str) -> dict[str, str]:
        # The client builds its default image once a process, and then names it to every emulator the process meets.
        if not self._images.has(image_id):
            return {}
        image = self._images.get(image_id)
        variables: dict[str, str] = {}
        for base in image.base_images:
            variables |= self._image_variables(base.image_id)
        for command in image.dockerfile_commands:
            if command.startswith("ENV "):
                variables |= dict(word.split("=", 1) for word in shlex.split(command[4:]))
        return variables

    async def image_get_or_create(
        self, request: api_pb2.ImageGetOrCreateRequest
    ) -> api_pb2.ImageGetOrCreateResponse:
        content = request.image.SerializeToString(deterministic=True)
        image_id = f"im-{hashlib.sha256(content).hexdigest()[:22]}"
        self._images.put(image_id, request.image)
        return api_pb2.ImageGetOrCreateResponse(
            image_id=image_id,
            result=api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS),
            metadata=api_pb2.ImageMetadata(image_builder_version=IMAGE_BUILDER, workdir=str(SOURCES)),
        )

    async def mount_get_or_create(
        self, request: api_pb2.MountGetOrCreateRequest
    ) -> api_pb2.MountGetOrCreateResponse:
        # The service has the mounts that the client asks for by name, such as its own sources.
        mount_id = new_id("mo")
        self._mounts.put(mount_id, request)
        return api_pb2.MountGetOrCreateResponse(mount_id=mount_id)

    async def mount_batched_check_existence(
        self, request: api_pb2.MountBatchedCheckExistenceRequest
    ) -> api_pb2.MountBatchedCheckExistenceResponse:
        missing = [sha256 for sha256 in request.sha256_hex_hashes if not self._contents.has(sha256)]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    async def secret_get_or_create(
        self, request: api_pb2.SecretGetOrCreateRequest
    ) -> api_pb2.SecretGetOrCreateResponse:
        looked_up = request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED
        record = self._secrets.get_or_create(request)
        path = self._secrets.folder(record.id) / "env.json"
        if not looked_up and not path.exists():
            write_atomically(path, json.dumps(dict(request.env_dict)).encode())
        keys = sorted(json.loads(path.read_bytes()))
        if missing := sorted(set(request.required_keys) - set(keys)):
            message = f"Secret '{record.name}' is missing key(s): {', '.join(missing)}"
            raise GRPCError(Status.FAILED_PRECONDITION, message)
        return api_pb2.SecretGetOrCreateResponse(secret_id=record.id, metadata=secret_metadata(record, keys))

    async def secret_list(self, request: api_pb2.SecretListRequest) -> api_pb2.SecretListResponse:
        items = [
            api_pb2.SecretListItem(
                label=record.name,
                secret_id=record.id,
                created_at=record.created,
                metadata=secret_metadata(record, []),
            )
            for record in self._secrets.page(request.environment_name, request.pagination)
        ]
        return api_pb2.SecretListResponse(items=items, environment_name=request.environment_name)

    async def secret_delete(self, request: api_pb2.SecretDeleteRequest) -> Empty:
        self._secrets.delete(request.secret_id)
        return Empty()


def secret_metadata(record: Record, keys: list[str]) -> api_pb2.SecretMetadata:
    """A secret as the client knows it: names of variables, never values."""
    return api_pb2.SecretMetadata(name=record.name, creation_info=record.creation(), keys=keys)
