"""Functions for model-written code, run inside the sandbox.

The text of this file is given to every sandbox, so it uses only what each of them understands: no classes, no
generators, no imports but those of the default sandbox. Each docstring goes into the prompt; each example is run by a
test in each sandbox. `_names` is the host's: it lists the names that the code so far has used.
"""

import json
import re
from typing import Any

_names: Any


def as_lines(data: Any) -> list[str]:
    r"""The lines of a text, or the items of a list as one string each.

    >>> as_lines("a\nb")
    ['a', 'b']
    """
    if isinstance(data, str):
        return data.split("\n")
    return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in data]


def grep(pattern: str, data: Any, limit: int = 100, around: int = 0, case: bool = False) -> list[Any]:
    r"""What matches a regular expression in a text or list: [(line or item number from 1, its text), ...].

    >>> grep("err", "ok\nError 5\nfine")
    [(2, 'Error 5')]
    """
    compiled = re.compile(pattern) if case else re.compile(pattern, re.IGNORECASE)
    items = as_lines(data)
    found = []
    for number, line in enumerate(items, 1):
        if compiled.search(line):
            first = max(number - 1 - around, 0)
            found.append((number, "\n".join(items[first : number + around]) if around else line))
            if len(found) >= limit:
                break
    return found


def show(data: Any, first: int = 1, last: int = 20, width: int = 200) -> str:
    r"""Lines or items `first` to `last`, numbered, each cut to `width` characters.

    >>> print(show("a\nb\nc", 2, 3))
    2: b
    3: c
    """
    items = as_lines(data)
    part = items[max(first - 1, 0) : last]
    return "\n".join([f"{number}: {line[:width]}" for number, line in enumerate(part, max(first, 1))])


def chunks(data: Any, size: int, overlap: int = 0) -> list[Any]:
    r"""Pieces of at most `size` characters, cut between lines or items where that is possible.

    >>> chunks("aa\nbb\ncc\n", 6)
    ['aa\nbb\n', 'cc\n']
    >>> chunks(["aaaa", "bb", "c"], 4)
    [['aaaa'], ['bb', 'c']]
    """
    if size < 1 or overlap >= size:
        raise ValueError("size must be positive and larger than overlap")
    if not isinstance(data, str):
        return _chunks_of_items(data, size)
    pieces = []
    start = 0
    while start < len(data):
        end = min(start + size, len(data))
        if end < len(data):
            cut = data.rfind("\n", start, end) + 1
            end = cut if cut > start + overlap else end
        pieces.append(data[start:end])
        start = end - overlap if end < len(data) else end
    return pieces


def _chunks_of_items(items: Any, size: int) -> list[Any]:
    pieces: list[Any] = []
    room = 0
    for item, line in zip(items, as_lines(items), strict=True):
        if not pieces or len(line) > room:
            pieces.append([])
            room = size
        pieces[-1].append(item)
        room -= len(line)
    return pieces


def count(pattern: str, data: Any, case: bool = False) -> int:
    """How often a regular expression matches.

    >>> count("a+", "aa b A")
    2
    """
    text = data if isinstance(data, str) else "\n".join(as_lines(data))
    return len(re.findall(pattern, text) if case else re.findall(pattern, text, re.IGNORECASE))


def tally(items: Any) -> list[Any]:
    """Each distinct item with how often it comes, most frequent first: [(item, count), ...].

    >>> tally(["x", "y", "x"])
    [('x', 2), ('y', 1)]
    """
    counts: dict[Any, int] = {}
    for item in items:
        counts[item] = counts.get(item, 0) + 1
    return sorted(counts.items(), key=lambda pair: -pair[1])


def top(items: Any, number: int, key: Any = None) -> list[Any]:
    """The `number` largest items, largest first; `key` is a function of an item.

    >>> top(["a", "ccc", "bb"], 2, key=lambda item: len(item))
    ['ccc', 'bb']
    """
    if key is None:
        return sorted(items, reverse=True)[:number]
    return sorted(items, key=key, reverse=True)[:number]


def unique(items: Any) -> list[Any]:
    """The items without repetitions, in the order they first come.

    >>> unique([2, 1, 2])
    [2, 1]
    """
    return list(dict.fromkeys(items))


def mean(numbers: Any) -> float:
    """The arithmetic mean.

    >>> mean([1, 2, 6])
    3.0
    """
    return float(sum(numbers) / len(numbers))


def median(numbers: Any) -> float:
    """The middle value.

    >>> median([5, 1, 2])
    2.0
    """
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def dedent(text: str) -> str:
    r"""The text without the white space that all its lines begin with.

    >>> dedent("  a\n    b")
    'a\n  b'
    """
    lines = text.split("\n")
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    margin = min(margins, default=0)
    return "\n".join([line[margin:] if line.strip() else "" for line in lines])


def SHOW_VARS() -> dict[str, str]:  # noqa: N802  (the name that models know)
    """The variables you have made, with what each holds.

    >>> x = 5; SHOW_VARS()["x"]
    'int: 5'
    """
    held = {}
    for name in _names():  # noqa: F821  (the host defines it)
        try:
            value = eval(name)  # noqa: S307  (one identifier, inside the sandbox)
        except NameError:
            continue
        kind = type(value).__name__
        if kind in ("function", "module", "type", "builtin_function_or_method"):
            continue
        size = f"[{len(value)}]" if kind in ("str", "bytes", "list", "dict", "tuple", "set") else ""
        held[name] = (
            f"{kind}{size}: {repr(value[:200] if kind in ('str', 'bytes', 'list', 'tuple') else value)[:80]}"
        )
    return held
