"""What an upload would do; nothing is written."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from compiler.runtime import Runtime
from compiler.uploading.destinations import Destinations
from compiler.uploading.seen import Seen
from data_models.events import Reject
from transcripts.agent import SessionFiles
from transcripts.sources import find_all_sessions


class Preview(msgspec.Struct, kw_only=True):
    """What an upload would do: sessions found, how many are new or have grown, bytes on disk, what is skipped."""

    sessions: int
    new: int
    raw_bytes: int
    skipped: list[Reject]


def preview(
    runtime: Runtime, sources: Sequence[Path], *, project: str = "", again: bool = False
) -> tuple[Preview, list[SessionFiles]]:
    """What `compiler.uploading.upload.upload` would do with the same arguments, and the sessions that it would read.

    Raises as it does.
    """
    holding = find_all_sessions(sources)
    found = list(holding.sessions)
    seen = Seen(runtime, found, project)
    new = [files for files in found if not seen.known(files)]
    told = Preview(
        sessions=len(found),
        new=len(new),
        raw_bytes=sum(path.stat().st_size for files in found for path in files.paths),
        skipped=list(holding.skipped),
    )
    return told, found if again else new


def unsent(runtime: Runtime, found: Sequence[SessionFiles]) -> list[SessionFiles]:
    """Those of these sessions that an upload would read: new, grown, or meant for another store now."""
    seen = Seen(runtime, found)
    destinations = Destinations(runtime)
    return [
        files
        for files in found
        if (known := seen.known(files)) is None or not destinations.holds(files.session_id, known)
    ]
