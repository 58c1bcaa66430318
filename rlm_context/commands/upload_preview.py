"""What `upload --dry-run` prints: all that would leave this machine, as it would leave it."""

from collections.abc import Iterator
from typing import Any

import click
import zstandard

from compiler.runtime import Runtime
from compiler.uploading.destinations import Destinations
from compiler.uploading.preview import unsent
from compiler.uploading.readable import readable
from compiler.uploading.reading import SessionReader
from data_models.events import Reject
from data_models.records import Receipt
from rlm_context.output import plural, print_json
from rlm_context.shown import harmless
from rlm_context.summary import reject_lines
from transcripts.agent import Found


def show_preview(runtime: Runtime, found: Found, as_json: bool) -> None:
    """Print every session that would be uploaded, session by session; nothing is sent."""
    destinations = Destinations(runtime)
    skipped = list(found.skipped)
    drafts = _drafts(runtime, found, skipped)
    if as_json:
        sessions = [_described(destinations, receipt, blob) for receipt, blob in drafts]
        print_json({"store": runtime.store.url, "sessions": sessions, "skipped": skipped})
        return
    for receipt, blob in drafts:
        reason = destinations.stays(receipt.session_id, receipt.cwd)
        where = f"stays on this machine: {reason}" if reason else f"would go to {runtime.store.url}"
        click.echo(f"===== {receipt.session_id} {where} ({receipt.slim.size:,} bytes)")
        if not reason:
            click.echo(harmless(readable(receipt, blob)))
    if skipped:
        click.echo("Would be left out:\n" + "\n".join(reject_lines(skipped)))
    looked_at = plural(len(found.sessions), "session")
    click.echo(f"{looked_at} looked at; what is there already is not shown, and nothing was sent.")


def _drafts(runtime: Runtime, found: Found, skipped: list[Reject]) -> Iterator[tuple[Receipt, bytes]]:
    reader = SessionReader(runtime.settings, runtime.redactor)
    for files in unsent(runtime, found.sessions):
        read = reader.read(files)
        if isinstance(read, Reject):
            skipped.append(read)
        else:
            yield read


def _described(destinations: Destinations, receipt: Receipt, blob: bytes) -> dict[str, Any]:
    reason = destinations.stays(receipt.session_id, receipt.cwd)
    data = b"" if reason else zstandard.ZstdDecompressor().decompressobj().decompress(blob)
    return {
        "session_id": receipt.session_id,
        "author": receipt.author,
        "project": receipt.project,
        "leaves": not reason,
        "reason": reason,
        "bytes": receipt.slim.size,
        "redactions": receipt.redactions,
        "records": [line.decode() for line in data.split(b"\n") if line],
    }
