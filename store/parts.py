"""Catalog parts: sessions of a generation as JSON lines in zstd, and when to merge them.

One new session writes one small part; merging keeps the number of parts in O(log n) while each session's line
is rewritten O(log n) times in all (the logarithmic method: Bentley and Saxe 1980, "Decomposable searching
problems I"; size-tiered, as in log-structured merge trees).
"""

from collections.abc import Iterable, Sequence

import msgspec
import zstandard

from data_models.errors import DamagedError
from data_models.records import CatalogEntry
from store.codec import MALFORMED, check_ref, encode
from store.keys import is_memo_name, parse_receipt_key

FAN_IN = 8
"""How many parts of one tier are merged into one."""

_DECODER = msgspec.json.Decoder(CatalogEntry)
_FIRST_TIER = 4096  # bytes; smaller parts are all of tier 0
_MOST = 1 << 30  # bytes; a part that claims to unpack to more is refused


def pack(entries: Iterable[CatalogEntry]) -> bytes:
    """The part that holds these sessions, in this order."""
    lines = b"".join(encode(entry) + b"\n" for entry in entries)
    return zstandard.ZstdCompressor(level=6).compress(lines)


def unpack(data: bytes, key: str) -> list[CatalogEntry]:
    """The sessions of a part; `key` names it in errors.

    Raises:
        DamagedError: it is no part.
    """
    try:
        if not 0 <= zstandard.frame_content_size(data) <= _MOST:
            raise DamagedError(key, "a catalog part of impossible size")
        lines = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise DamagedError(key, "not a catalog part") from error
    try:
        entries = _DECODER.decode_lines(lines)
    except MALFORMED as error:
        raise DamagedError(key, "not a catalog part") from error
    for entry in entries:
        check_ref(entry.slim, key)
        check_ref(entry.parquet, key)
        if parse_receipt_key(entry.receipt) is None:
            raise DamagedError(key, "an entry names no receipt")
        if not all(is_memo_name(name) for name in entry.memo):
            raise DamagedError(key, "an entry names an impossible result")
    return entries


def latest(entries: Iterable[CatalogEntry]) -> dict[tuple[str, str], CatalogEntry]:
    """The last entry of each (author, session id)."""
    return {(entry.author, entry.session_id): entry for entry in entries}


def run_to_merge(sizes: Sequence[int]) -> slice | None:
    """Which neighbouring parts to merge next, given all sizes in bytes, oldest first; None if none.

    Tiers are powers of `FAN_IN`. Afterwards no part follows one of a lower tier and no tier holds `FAN_IN`
    parts, so there are at most `(FAN_IN - 1) * tiers` parts. Only neighbours are merged: their order says
    which entry of a session is the latest.
    """
    tiers = [_tier(size) for size in sizes]
    for index in range(1, len(tiers)):
        if tiers[index - 1] < tiers[index]:
            start = next(i for i in range(index) if tiers[i] < tiers[index])
            return slice(start, index + 1)
    for tier in sorted(set(tiers)):
        if tiers.count(tier) >= FAN_IN:
            start = tiers.index(tier)
            return slice(start, start + tiers.count(tier))
    return None


def _tier(size: int) -> int:
    tier, limit = 0, _FIRST_TIER
    while size >= limit:
        tier, limit = tier + 1, limit * FAN_IN
    return tier
