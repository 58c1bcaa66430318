"""The JSON shapes of docs/cli.md, and whether a document has one: strict about missing and extra keys."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.cli.helpers import ROOT

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SHAPES: dict[str, Any] = {
    name: json.loads(body) for name, body in re.findall(r"```json shape=(\S+)\n(.*?)```", PAGE, re.S)
}
HELP: dict[str, str] = dict(re.findall(r"```text help=(\S+)\n(.*?)\n```", PAGE, re.S))
_TYPES: dict[str, Any] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def misfits(value: Any, shape: Any, place: str = "$") -> Iterator[str]:
    """Where a document differs from its documented shape."""
    if isinstance(shape, str):
        kinds = shape.partition(":")[0].split(" or ")
        if not any(_is(value, kind, place) for kind in kinds):
            yield f"{place}: {value!r} is no {' or '.join(kinds)}"
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{place}: no array"
            return
        for index, item in enumerate(value):
            yield from misfits(item, shape[0], f"{place}[{index}]")
    elif not isinstance(value, dict):
        yield f"{place}: no object"
    else:
        yield from _object(value, shape, place)


def _is(value: Any, kind: str, place: str) -> bool:
    if kind in _TYPES:
        return bool(_TYPES[kind](value))
    return not list(misfits(value, SHAPES[kind], place))


def _object(value: dict[str, Any], shape: dict[str, Any], place: str) -> Iterator[str]:
    wild = next((kind for key, kind in shape.items() if key.startswith("<")), None)
    if wild is not None:
        shape = dict.fromkeys(value, wild)
    if value.keys() != shape.keys():
        yield f"{place}: keys {sorted(value.keys() ^ shape.keys())} are missing or not documented"
    for key in value.keys() & shape.keys():
        yield from misfits(value[key], shape[key], f"{place}.{key}")
