"""Records of questions: the trajectory of each run of `ask`, as JSON lines and as a page, in the home.

    <home>/asked/<Unix milliseconds>-<digits>.jsonl, .html

They hold what the transcripts hold, redacted: files are 0600, the folder 0700, and only the newest are kept.
"""

import secrets
import time
from pathlib import Path

_KEPT = 20
"""Questions whose records are kept."""


def new_record(home: Path) -> Path:
    """The file for the record of one more question; it does not exist yet. The oldest records are removed.

    Args:
        home: the user's home of rlm-context.
    """
    folder = home / "asked"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = sorted({path.stem for path in folder.iterdir()})
    for stem in known[: -(_KEPT - 1)]:
        for path in folder.glob(f"{stem}.*"):
            path.unlink(missing_ok=True)  # another process may be faster
    return folder / f"{int(time.time() * 1000):013d}-{secrets.token_hex(4)}.jsonl"


def page_of(record: Path) -> Path:
    """The page that shows a record."""
    return record.with_suffix(".html")
