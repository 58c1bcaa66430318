"""What a Claude Code record holds that this version does not know, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from transcripts.agent import Unknown


def unknown(record: Mapping[str, Any]) -> Iterator[Unknown]:
    """Unknown record types, block types and fields of one raw record."""
    yield from ()
