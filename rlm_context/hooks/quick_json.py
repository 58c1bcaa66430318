"""JSON for hooks: the standard library's own accelerator without the rest of `json`.

Importing `json` compiles regular expressions, which takes as long as all of Python's start. CPython's `_json` holds
what matters; where it is missing, `json` itself is used.
"""

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t\r\n"


class _Context:
    """What `_json.make_scanner` asks of a decoder; the defaults of `json.JSONDecoder`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: "dict[str, str]" = {}  # noqa: RUF012  read by C only


def loads(data: bytes) -> "Any":
    """The value of one JSON document in UTF-8.

    Raises:
        ValueError: it is none.
    """
    text = data.decode("utf-8").strip(_SPACE)
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(text)
    try:
        value, end = make_scanner(_Context)(text, 0)  # type: ignore[arg-type]  # any object with these will do
    # SystemError: it looks for json's own error, and finds no module `json`.
    except (StopIteration, RecursionError, SystemError) as error:
        raise ValueError("not JSON") from error
    if end != len(text):
        raise ValueError("more than one JSON value")
    return value


def quoted(text: str) -> str:
    """A text as a JSON string, other than ASCII as it is."""
    try:
        from _json import encode_basestring
    except ImportError:
        import json

        return json.dumps(text, ensure_ascii=False)
    found: str = encode_basestring(text)
    return found
