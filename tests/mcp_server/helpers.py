"""The server as an agent starts it, and the SDK's own client."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, TextContent

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "sessions"
PROJECT = "git.example.com/acme/tidewatch"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
"""A client's first message."""
T = TypeVar("T")


def with_client(cwd: Path, work: Callable[[Client], Awaitable[T]]) -> T:
    """Start the server in a folder, do something with it through the SDK's client, and stop it."""

    async def run() -> T:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "rlm_context", "mcp"],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            cwd=cwd,
        )
        async with Client(stdio_client(server)) as client:
            return await work(client)

    return asyncio.run(run())


def call(cwd: Path, *calls: tuple[str, dict[str, Any]]) -> list[CallToolResult]:
    """Call tools one after the other in one server."""

    async def work(client: Client) -> list[CallToolResult]:
        return [await client.call_tool(name, arguments) for name, arguments in calls]

    return with_client(cwd, work)


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def document_of(result: CallToolResult) -> dict[str, Any]:
    """The structured content of a result that is no error."""
    assert not result.is_error, text_of(result)
    assert result.structured_content is not None
    return result.structured_content
