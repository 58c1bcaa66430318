"""Names as segments of keys, and the keys of everything that a store holds (standard library only).

A name becomes a readable segment, and no two names the same one, also where the file system ignores case or
normalises Unicode. "/" is written "~", a capital as "!" and its small letter, and every other byte outside
`a-z 0-9 - _ . @ + ,` as "%" and two hex digits; "=" stands for the empty name. A name too long for a segment
keeps its beginning and ends in "=" and 40 hex digits of its SHA-256: it cannot be decoded, only recognised.
"""

import hashlib
import re
from typing import NamedTuple

STORE_INFO = "store.json"
"""The key of the store's own description."""

TOMBSTONES = "tombstones"
"""Where it stands what was forgotten."""

_WRITTEN_ONCE = ("blobs/", "inbox/", "gen/", "runs/", "leases/", "tombstones/")
_MAX_NAME = 200  # of a segment's 255 bytes: the rest is left for temporary names and other file systems
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.@+,")
_UNIT = re.compile(r"%([0-9a-f]{2})|!([a-z])|([a-z0-9\-_.@+,~])")
_HEX = re.compile(r"[0-9a-f]+")
_STAGE = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{2})/(\1[0-9a-f]{62})")
_RECEIPT = re.compile(r"inbox/([^/]+)/([^/]+)/([^/]+)/(\d{13,20})-([0-9a-f]{12})\.json")
_MEMO = re.compile(r"memo/([a-z][a-z0-9_-]{0,40})/([0-9a-f]{2})/(\2[0-9a-f]{6,126})")
_NOTE = re.compile(r"notes/([^/]+)/([^/]+)/([^/]+)/(\d{13})-([0-9a-f]{8})\.json")
_MANIFEST = re.compile(r"gen/([^/]+)/(\d{10})-([0-9a-f]{8})\.json")
_RUN = re.compile(r"runs/(?!\.)[a-z0-9\-_.@+,~%!=]{1,255}/(\d{13})-[0-9a-f]{8}\.json")
_FORGOTTEN = re.compile(r"tombstones/sessions/([^/]+)/\d{13}-[0-9a-f]{8}\.json")
_WITHDRAWN = "tombstones/receipts/"


class ReceiptKey(NamedTuple):
    """A receipt's key in its parts; project, author and session are segments (see `decode_name`)."""

    project: str
    author: str
    session: str
    event_ms: int
    sha12: str


class NoteKey(NamedTuple):
    """A note's key in its parts; project, author and session are segments (see `decode_name`)."""

    project: str
    author: str
    session: str
    last: int
    nonce: str


class ManifestKey(NamedTuple):
    """A manifest's key in its parts; project is a segment (see `decode_name`)."""

    project: str
    number: int
    nonce: str


def encode_name(name: str) -> str:
    """The segment that stands for a name; different names give different segments."""
    encoded = "".join(map(_encode_character, name)) or "="
    if encoded.startswith("."):
        encoded = "%2e" + encoded[1:]
    if len(encoded) <= _MAX_NAME:
        return encoded
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    # An escape cut in two would do no harm (nothing decodes it) but reads badly.
    return re.sub(r"(%.?|!)$", "", encoded[: _MAX_NAME - 41]) + "=" + digest


def _encode_character(character: str) -> str:
    if character in _PLAIN:
        return character
    if character == "/":
        return "~"
    if "A" <= character <= "Z":
        return "!" + character.lower()
    return "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))


def decode_name(segment: str) -> str | None:
    """The name that a segment stands for, or None if it was too long to keep or is no such segment."""
    if segment == "=":
        return ""
    decoded = bytearray()
    position = 0
    while position < len(segment):
        match = _UNIT.match(segment, position)
        if match is None:
            return None
        escaped, capital, plain = match.groups()
        if escaped:
            decoded += bytes.fromhex(escaped)
        else:
            decoded += (capital.upper() if capital else plain.replace("~", "/")).encode()
        position = match.end()
    try:
        name = decoded.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    # Only what we would write ourselves: one name, one segment.
    return name if encode_name(name) == segment else None


def parse_blob_key(key: str) -> str | None:
    """The SHA-256 that a blob's key names, in hex, or None if it is no blob's key."""
    match = _BLOB.fullmatch(key)
    return match[2] if match else None


def inbox_prefix(project: str) -> str:
    """Where a project's receipts are."""
    return f"inbox/{encode_name(project)}"


def receipt_key(project: str, author: str, session_id: str, event_ms: int, content: bytes) -> str:
    """The key of a receipt whose bytes are `content`; `event_ms` (Unix ms) before 1970 counts as 0."""
    sha12 = hashlib.sha256(content).hexdigest()[:12]
    folder = f"{inbox_prefix(project)}/{encode_name(author)}/{encode_name(session_id)}"
    return f"{folder}/{max(event_ms, 0):013d}-{sha12}.json"


def parse_receipt_key(key: str) -> ReceiptKey | None:
    """The parts of a receipt's key, or None if it is none."""
    match = _RECEIPT.fullmatch(key)
    return ReceiptKey(match[1], match[2], match[3], int(match[4]), match[5]) if match else None


def session_of_receipt(key: str) -> tuple[str, ...]:
    """Project, author and session of a receipt's key, as they stand in it; what is no such key is of its own."""
    parts = parse_receipt_key(key)
    return parts[:3] if parts else (key,)


def generation_prefix(project: str) -> str:
    """Where a project's manifests are."""
    return f"gen/{encode_name(project)}"


def manifest_key(project: str, number: int, nonce: str) -> str:
    """The key of generation `number` (1 to 9,999,999,999) with a nonce of 8 hex digits.

    Raises:
        ValueError: number or nonce is out of range.
    """
    key = f"{generation_prefix(project)}/{number:010d}-{nonce}.json"
    if number < 1 or parse_manifest_key(key) is None:
        raise ValueError("a generation has a number from 1 and a nonce of 8 hex digits")
    return key


def parse_manifest_key(key: str) -> ManifestKey | None:
    """The parts of a manifest's key, or None if it is none."""
    match = _MANIFEST.fullmatch(key)
    return ManifestKey(match[1], int(match[2]), match[3]) if match else None


def memo_key(stage: str, digest: str) -> str:
    """The key of a memoised result: `stage` is a short lower-case word, `digest` hex digits.

    Raises:
        ValueError: stage or digest is malformed.
    """
    if not _STAGE.fullmatch(stage) or not _HEX.fullmatch(digest) or not 8 <= len(digest) <= 128:
        raise ValueError("a memo has a short lower-case stage and 8 to 128 hex digits")
    return f"memo/{stage}/{digest[:2]}/{digest}"


def parse_memo_key(key: str) -> tuple[str, str] | None:
    """Stage and digest of a memo's key, or None if it is none."""
    match = _MEMO.fullmatch(key)
    return (match[1], match[3]) if match else None


def is_memo_name(name: str) -> bool:
    """Whether this is a result's stage and digest, as catalogs name it: "stage/digest"."""
    stage, _, digest = name.partition("/")
    return parse_memo_key(f"memo/{stage}/{digest[:2]}/{digest}") is not None


def run_key(project: str, run_id: str) -> str:
    """The key of a run's record."""
    return f"runs/{encode_name(project)}/{encode_name(run_id)}.json"


def run_started(key: str) -> int | None:
    """When a run began (Unix ms), by its record's key; None if that is no such key."""
    match = _RUN.fullmatch(key)
    return int(match[1]) if match else None


def notes_prefix(project: str) -> str:
    """Where the notes of a project's running sessions are."""
    return f"notes/{encode_name(project)}"


def note_key(project: str, author: str, session_id: str, last: int, nonce: str) -> str:
    """The key of a note: `last` is when the session was last active (Unix ms), `nonce` 8 hex digits."""
    folder = f"{notes_prefix(project)}/{encode_name(author)}/{encode_name(session_id)}"
    return f"{folder}/{last:013d}-{nonce}.json"


def parse_note_key(key: str) -> NoteKey | None:
    """The parts of a note's key, or None if it is none."""
    match = _NOTE.fullmatch(key)
    return NoteKey(match[1], match[2], match[3], int(match[4]), match[5]) if match else None


def forgotten_key(session_id: str, since: int, nonce: str) -> str:
    """The key of a forgotten session's tombstone: `since` is Unix ms, `nonce` 8 hex digits."""
    return f"{TOMBSTONES}/sessions/{encode_name(session_id)}/{since:013d}-{nonce}.json"


def parse_forgotten_key(key: str) -> str | None:
    """The segment of the session that a tombstone's key names, or None if it is no such key."""
    match = _FORGOTTEN.fullmatch(key)
    return match[1] if match else None


def withdrawn_key(receipt: str) -> str:
    """The key of the tombstone of one receipt."""
    return _WITHDRAWN + receipt.removeprefix("inbox/")


def receipt_of_tombstone(key: str) -> str | None:
    """The key of the receipt that a tombstone's key names, or None if it is no such key."""
    receipt = "inbox/" + key.removeprefix(_WITHDRAWN)
    return receipt if key.startswith(_WITHDRAWN) and parse_receipt_key(receipt) else None


def lease_prefix(name: str) -> str:
    """Where the claims of one lease are."""
    return f"leases/{encode_name(name)}"


def compiled_text_key(project: str) -> str:
    """The key of the readable copy of a project's compiled context."""
    return f"compiled/{encode_name(project)}/compiled_context.txt"


def is_written_once(key: str) -> bool:
    """Whether nobody writes other bytes under this key, ever; copies for people and paid results may be replaced."""
    return key.startswith(_WRITTEN_ONCE)
