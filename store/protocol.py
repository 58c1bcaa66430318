"""What a store must do: few methods over immutable objects, so that every backend can be one.

Keys are "/"-separated and relative. There is no compare-and-swap, no rename and no lock, because not every
backend has them; correctness rests on one rule: no two writers ever share a key (a key holds the hash of its
content, or a nonce). `tests/store/conformance.py` tests the contracts below by their numbers.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from data_models.errors import StoreError

MAX_SEGMENT = 255
"""Longest segment of a key, in bytes: what file systems allow for one name (NAME_MAX of Linux and macOS)."""

_FORBIDDEN = frozenset('\\:*?"<>|') | {chr(code) for code in (*range(32), 127)}


class Store(Protocol):
    """Objects under keys.

    1. Every method refuses a malformed key with `StoreError` (see `check_key`) and touches nothing.
    2. What cannot be stored for want of space or permission raises `StoreFullError`; no object is harmed.
    """

    url: str
    """The store's address, in the one form that `registry.canonical_url` gives."""

    def get(self, key: str) -> bytes:
        """The object's bytes.

        3. The bytes are exactly those of one earlier put, never part of one or a mixture.
        4. Nothing under the key: `KeyMissingError`.
        """

    def put(self, key: str, data: bytes) -> None:
        """Store one object.

        5. When it returns, the object survives a crash of the machine, and every `get`, `size` and `keys`
           that begins afterwards sees it.
        6. A reader sees all of it or nothing of it, at any moment, also when the writer is killed.
        7. The same put again changes nothing; another value under the same key replaces the first whole.
        8. A put that raised may or may not have stored the object; it can be repeated.
        """

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store several objects, cheaper than one by one.

        9. When it returns, 5 to 7 hold for each. When it raises, any of them may be stored, each whole.
        """

    def size(self, key: str) -> int | None:
        """The object's size in bytes.

        10. None where `get` would raise `KeyMissingError`.
        """

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys below a folder.

        11. `prefix` is "" for everything, else whole segments ("gen/acme"; a final "/" is allowed); a key
            equal to the prefix is not below it. Nothing there: no keys.
        12. Sorted by code point, each key once; half-written objects never appear.
        """

    def folders(self, prefix: str = "") -> Iterator[str]:
        """The names of the folders right below a folder, without listing what they hold.

        13. Sorted; a folder that holds no key may be left out or listed.
        """

    def delete(self, key: str) -> None:
        """Remove the object.

        14. Nothing under the key: no error. Other keys are untouched.
        """

    def local_path(self, key: str) -> Path | None:
        """Where the object's bytes lie on this machine, so that they can be read in place.

        15. A path to exactly the bytes of `get`, to be read only; None if they are not here.
        """


def check_key(key: str) -> str:
    """The key itself, if it is well formed.

    A segment is 1 to 255 bytes of UTF-8, has no control character and none of the characters that file
    systems treat specially, and does not begin with "." (so no "..", no hidden names).

    Raises:
        StoreError: the key is malformed.
    """
    if not all(map(is_segment, key.split("/"))):
        raise StoreError(f"not a key of a store: {ascii(key)[:80]}")
    return key


def is_segment(name: str) -> bool:
    """Whether this may be one segment of a key (see `check_key`); what a listing shows may be anything."""
    return bool(name) and name[0] != "." and not _too_long(name) and _FORBIDDEN.isdisjoint(name)


def check_prefix(prefix: str) -> str:
    """The prefix without its final "/", if it is "" or well formed.

    Raises:
        StoreError: the prefix is malformed.
    """
    folder = prefix.removesuffix("/")
    return check_key(folder) if folder else ""


def _too_long(segment: str) -> bool:
    try:
        return len(segment.encode("utf-8")) > MAX_SEGMENT
    except UnicodeEncodeError:  # a lone surrogate: no file system and no service would take it
        return True
