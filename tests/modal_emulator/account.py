"""RPCs of the account: the first greeting, environments, short-lived tokens, large payloads.

Like the real service (from the client's source): the environment must say which image builder is current; the auth
token has the shape of a JWT with `exp`.
"""

import base64

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from tests.modal_emulator.contents import Contents
from tests.modal_emulator.shelf import MAIN
from tests.modal_emulator.tokens import access_token

IMAGE_BUILDER = "2025.06"


class Account:
    """What belongs to no object."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    async def client_hello(self, request: Empty) -> api_pb2.ClientHelloResponse:
        return api_pb2.ClientHelloResponse(image_builder_version=IMAGE_BUILDER)

    async def auth_token_get(self, request: api_pb2.AuthTokenGetRequest) -> api_pb2.AuthTokenGetResponse:
        return api_pb2.AuthTokenGetResponse(token=access_token())

    async def workspace_name_lookup(self, request: Empty) -> api_pb2.WorkspaceNameLookupResponse:
        return api_pb2.WorkspaceNameLookupResponse(username="emulator", workspace_name="emulator")

    async def environment_get_or_create(
        self, request: api_pb2.EnvironmentGetOrCreateRequest
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        name = request.deployment_name or MAIN
        settings = api_pb2.EnvironmentSettings(image_builder_version=IMAGE_BUILDER)
        return api_pb2.EnvironmentGetOrCreateResponse(
            environment_id=f"en-{name}", metadata=api_pb2.EnvironmentMetadata(name=name, settings=settings)
        )

    async def blob_create(self, request: api_pb2.BlobCreateRequest) -> api_pb2.BlobCreateResponse:
        sha256 = base64.b64decode(request.content_sha256_base64).hex()
        url = self._contents.block_url(sha256)
        return api_pb2.BlobCreateResponse(
            blob_id=sha256, blob_ids=[sha256], upload_urls=api_pb2.UploadUrlList(items=[url])
        )

    async def blob_get(self, request: api_pb2.BlobGetRequest) -> api_pb2.BlobGetResponse:
        return api_pb2.BlobGetResponse(download_url=self._contents.block_url(request.blob_id))
