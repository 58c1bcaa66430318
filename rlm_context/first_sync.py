"""The sync that `install` ends with: the sessions that are there already, as many as take seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.runtime import Runtime
from compiler.uploading.latest import own_sessions
from compiler.uploading.upload import upload_sessions
from compiler.uploading.uploaded import Uploaded
from rlm_context.progress import reading_shown
from transcripts.agent import SessionFiles

_MOST_BYTES = 1_000_000_000
"""Of transcripts: ten seconds of reading. The hooks' own sweep takes up the rest, in the background."""


@dataclass(frozen=True)
class FirstSync:
    """What was uploaded, and how many older sessions are left."""

    uploaded: Uploaded
    left: int


def first_sync(runtime: Runtime) -> FirstSync | None:
    """Upload this machine's sessions, the newest first; None where there are none. Ctrl-C loses nothing.

    Raises:
        StoreError: the store failed; what was read so far waits in the spool.
    """
    found = own_sessions()
    if not found:
        return None
    chosen = _newest(found)
    with reading_shown("sync") as progress:
        uploaded = upload_sessions(runtime, chosen, progress=progress)
    return FirstSync(uploaded, len(found) - len(chosen))


def _newest(found: Sequence[SessionFiles]) -> list[SessionFiles]:
    """As many of these sessions as fit into what one sync reads; at least one."""
    chosen: list[SessionFiles] = []
    room = _MOST_BYTES
    for files in found:
        room -= _size(files)
        if room < 0 and chosen:
            break
        chosen.append(files)
    return chosen


def _size(files: SessionFiles) -> int:
    try:
        return files.main.stat().st_size
    except OSError:
        return 0  # removed meanwhile
