"""The bytes of one index segment: tantivy's files behind a deterministic frame.

Frame: the magic line, an 8-byte big-endian length, a JSON header {"schema": n, "meta": tantivy's meta.json,
"files": [[name, size], …]} in sorted order, then the files one after the other. tantivy names its files by
a random id that the files do not hold; they are renamed by their content, so equal documents give equal
bytes and segments of many builds never collide.
"""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from data_models.errors import DamagedError
from search.schema import SCHEMA

_MAGIC = b"rlm-context segment 1\n"


def pack(folder: Path) -> bytes:
    """The archive of a committed tantivy folder."""
    meta = json.loads((folder / "meta.json").read_bytes())
    files: dict[str, bytes] = {}
    for segment in meta["segments"]:
        old = segment["segment_id"].replace("-", "")
        mine = {path.suffix: path.read_bytes() for path in folder.glob(f"{old}.*")}
        new = _content_id(mine)
        segment["segment_id"] = str(new)
        files |= {new.hex + suffix: data for suffix, data in mine.items()}
    meta["segments"].sort(key=lambda segment: str(segment["segment_id"]))
    meta["opstamp"] = 0
    names = sorted(files)
    header = {"schema": SCHEMA, "meta": meta, "files": [[name, len(files[name])] for name in names]}
    encoded = json.dumps(header, sort_keys=True).encode()
    return b"".join((_MAGIC, len(encoded).to_bytes(8, "big"), encoded, *(files[name] for name in names)))


def unpack(archive: bytes, folder: Path) -> dict[str, Any]:
    """Write the archive's files into `folder` and return tantivy's meta for them.

    Raises:
        DamagedError: the bytes are no archive of this version, or are cut short.
    """
    header, start = _header(archive)
    for name, size in header["files"]:
        if not _is_segment_file(name) or start + size > len(archive):
            raise DamagedError("search segment", "a file in it is misnamed or cut short")
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(archive[start : start + size])
        start += size
    meta: dict[str, Any] = header["meta"]
    return meta


def _header(archive: bytes) -> tuple[dict[str, Any], int]:
    if not archive.startswith(_MAGIC):
        raise DamagedError("search segment", "not a segment of this version")
    start = len(_MAGIC) + 8
    end = start + int.from_bytes(archive[len(_MAGIC) : start], "big")
    try:
        header = json.loads(archive[start:end])
        if header["schema"] != SCHEMA or not isinstance(header["meta"]["segments"], list):
            raise DamagedError("search segment", "made for another schema")
        return {"meta": header["meta"], "files": [(str(n), int(s)) for n, s in header["files"]]}, end
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError("search segment", "its header cannot be read") from error


def _is_segment_file(name: str) -> bool:
    stem, _, suffix = name.partition(".")
    return len(stem) == 32 and stem.isalnum() and suffix.replace(".", "").isalnum()


def _content_id(files: dict[str, bytes]) -> uuid.UUID:
    digest = hashlib.sha256()
    for suffix in sorted(files):
        digest.update(f"{suffix}\0{len(files[suffix])}\0".encode() + files[suffix])
    return uuid.UUID(bytes=digest.digest()[:16])
