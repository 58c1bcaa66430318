"""Values that cross between host and sandbox: JSON and nothing else, whatever model-written code hands over."""

import json
from collections.abc import Mapping
from typing import Any

_DEPTH = 50


def plain(value: Any, limit: int) -> Any:
    """The value as JSON has it.

    Tuples and sets become lists, keys become strings, everything else its `str`; lone surrogates are replaced.

    Args:
        value: anything, cycles and endlessly shared parts included.
        limit: how large it may be, in characters; each item counts 8 more.

    Raises:
        ValueError: larger than that, or nested deeper than 50.
    """
    if not _fits(value, limit):
        raise ValueError(f"a value is larger than {limit:,} characters")
    return _plain(value, 0)


def _fits(value: Any, limit: int) -> bool:
    total, waiting = 0, [value]
    while waiting and total <= limit:
        item = waiting.pop()
        total += 8
        if isinstance(item, str | bytes):
            total += len(item)
        elif isinstance(item, Mapping):
            waiting += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple | set | frozenset):
            waiting += item
    return total <= limit


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if depth >= _DEPTH:
        raise ValueError(f"a value is nested deeper than {_DEPTH}")
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else str(_plain(key, depth + 1)): _plain(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return str(value)[:1000]


def as_text(value: Any) -> str:
    """A plain value as an answer: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
