"""A slim blob through redaction once more, for rules that were not there when it was made.

Knows the blob's lines as `transcripts.slim` writes them; knows nothing of agents: what they keep was chosen before.
"""

import io
import re
from typing import Any

import msgspec
import zstandard

from data_models.errors import DamagedError
from transcripts.clean import Cleaner, Redact
from transcripts.slim import ZSTD_LEVEL

_LINK = re.compile(r"(?:.*[a-z_])?(?:id|Id|ID|[Uu]uid)")
"""Keys whose values tie records together; what has the shape of an id there is none of the rules' business."""


def redact_slim(blob: bytes, redact: Redact) -> tuple[bytes, dict[str, int]]:
    """The blob with every secret replaced that these rules find, and how many that were by kind.

    The very same bytes where they find nothing. What was replaced before stays as it is.

    Raises:
        DamagedError: it is no slim blob.
    """
    again = _Again(redact)
    packer = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
    packed: list[bytes] = []
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(blob)) as reader:
            for line in io.BufferedReader(reader, 1 << 20):
                packed.append(packer.compress(again.line(line)))
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedError("slim blob", "it cannot be decoded") from error
    packed.append(packer.flush())
    return (b"".join(packed), again.counts) if again.counts else (blob, {})


class _Again:
    """Redacts one blob's lines."""

    def __init__(self, redact: Redact) -> None:
        self._clean = Cleaner(redact)

    @property
    def counts(self) -> dict[str, int]:
        """Secrets replaced so far, by kind."""
        return self._clean.counts

    def line(self, line: bytes) -> bytes:
        """One line of the blob."""
        return msgspec.json.encode(self._value(msgspec.json.decode(line))) + b"\n"

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._clean.text(key): self._member(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item) for item in value]
        return self._clean.value(value)

    def _member(self, key: str, value: Any) -> Any:
        if key == "timestamp":
            return self._clean.time(value)
        if isinstance(value, str):
            return self._clean.identifier(value) if _LINK.fullmatch(key) else self._clean.member(key, value)
        if isinstance(value, list):
            return [self._member(key, item) for item in value]
        return self._value(value)
