"""How the root model came to a generation's compiled context, as pages in the home's cache.

<home>/cache/trajectories/<project>/<generation>.html     0600: they hold what the transcripts hold, redacted
"""

from pathlib import Path

from compiler.local_copy import generation_id
from compiler.runtime import Runtime
from data_models.errors import DamagedError
from data_models.records import Manifest
from store.blobs import get_blob
from store.keys import encode_name

_KEPT = 20


def write_page(runtime: Runtime, manifest: Manifest) -> Path | None:
    """Write the page of a generation; None where no recursive run made it. Only the newest pages are kept.

    Raises:
        DamagedError: the record cannot be shown.
        StoreError: it cannot be read.
    """
    blob = manifest.texts.get("trajectory")
    if blob is None:
        return None
    from rlm.trajectory import parse_records
    from rlm.view import write_view

    records = parse_records(get_blob(runtime.store, blob).decode("utf-8", "replace"))
    folder = runtime.home / "cache" / "trajectories"
    page = folder / encode_name(manifest.project) / f"{generation_id(manifest)}.html"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    page.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        write_view(records, page)
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:  # whoever wrote it wrote something else
        page.unlink(missing_ok=True)
        raise DamagedError(blob.key, "it is no record of a run") from error
    _remove_old(folder)
    return page


def _remove_old(folder: Path) -> None:
    pages = sorted(folder.glob("*/*.html"), key=lambda path: path.stat().st_mtime_ns)
    for page in pages[:-_KEPT]:
        page.unlink(missing_ok=True)  # another process may be faster
