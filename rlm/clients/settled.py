"""Many calls at once, for providers without batches."""

import asyncio
from collections.abc import Sequence

from rlm.clients.protocol import Client, Completion, Request
from rlm.errors import ClientError


async def all_settled(client: Client, requests: Sequence[Request]) -> list[Completion | ClientError]:
    """Send all, as far as the client takes them at once.

    Returns:
        One result a request, in their order; a call that failed is its error.
    """
    return list(await asyncio.gather(*(_settled(client, request) for request in requests)))


async def _settled(client: Client, request: Request) -> Completion | ClientError:
    try:
        return await client.complete(request)
    except ClientError as error:
        return error
