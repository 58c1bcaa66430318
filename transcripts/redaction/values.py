"""Does a value look like a secret? Asked where only a name or a place says that it might be one."""

import base64
import math
import re
from collections import Counter
from itertools import pairwise

_PLACEHOLDER = re.compile(
    r"\A(?:\$|%[a-z]\Z|%[(%{]|[\[{<]|@\w+\Z|&lt;|\\u003c|\.\.\.|…|#\{|your|my[-_]|our[-_]|the[-_]|insert|replace|enter)"
    r"|<redacted|redacted|example|placeholder|change[-_]?me|dummy|\$\{|\{\{|\$\(|\.\.\.|…|\*{3}|(.)\1{6}"
    r"|abcdefgh|(?:\A|[-_])(?:fake|sample|mock|todo|fixme)(?:\Z|[-_])",
    re.IGNORECASE | re.DOTALL,
)
_EXPRESSION = re.compile(
    r"\A[A-Za-z_][\w.]*[(\[{]|\A[([{]|\A[!&*]\w+\Z|\(\)|=>"
    r"|\A(?:return|lambda|await|new|function|this|self|None|True|False|null)\b"
)
_IDENTIFIER = re.compile(r"\A&?[A-Za-z_]+\Z|\A(?:[A-Za-z_]\w*(?:\??\.|->|::))+[A-Za-z_]\w*\Z")
_PATH = re.compile(r"\A(?:~|\.{0,2})/|\A[A-Za-z]:[\\/]|://|\A[\w.-]+/[\w./-]*\.[a-z]{1,5}\Z")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=%:|!@$-]+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_WORD = re.compile(r"(?=[A-Za-z]*[aeiouy])[A-Z]?[a-z]{3,}")
_RUN = re.compile(r"[A-Za-z0-9]+")
_CLASSES = (
    re.compile(r"[a-z]"),
    re.compile(r"[A-Z]"),
    re.compile(r"[0-9]"),
    re.compile(r"[^A-Za-z0-9_./ -]"),
)
_DUMMY = frozenset(
    (
        "admin", "adminpass", "changeit", "default", "demo", "false", "guest", "letmein", "minio",
        "minioadmin", "mongo", "mysecretpassword", "mysql", "none", "null", "pass", "passwd", "password",
        "postgres", "postgresql", "qwerty", "rabbitmq", "redis", "root", "secret", "string",
        "test", "testing", "token", "true", "undefined", "user", "username",
    )
)  # fmt: skip


def entropy(value: str) -> float:
    """Shannon entropy of the characters of `value`, in bits per character."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values()) if size else 0.0


def is_placeholder(value: str) -> bool:
    """Whether `value` stands for a secret instead of being one: `$TOKEN`, `<token>`, `your-key`, `xxxxx`."""
    return _PLACEHOLDER.search(value) is not None


def is_dummy(value: str) -> bool:
    """Whether `value` is one of the words that everybody uses where a password must stand."""
    return value.lower().rstrip("0123456789!") in _DUMMY


def is_expression(value: str) -> bool:
    """Whether an unquoted `value` is code: `getpass(`, `lambda`, `{...}`."""
    return _EXPRESSION.search(value) is not None


def is_identifier(value: str) -> bool:
    """Whether an unquoted `value` is a word of code: `None`, `config.password`, `Config::token`."""
    return _IDENTIFIER.search(value) is not None


def is_path(value: str) -> bool:
    """Whether `value` reads as a path or a URL, and not as base64 that begins with a slash."""
    return _PATH.search(value) is not None and not value.endswith("=") and "+" not in value


def is_random(value: str) -> bool:
    """Whether `value` reads as drawn at random and not as words, an identifier or a version.

    Drawn from hex or base 36, digits stand all over it; drawn from base 62 or 64, it falls into pieces of one
    case or of digits that are 1.6 characters long on average, where those of camel case have 4 and more.
    """
    size = len(value)
    if size < 8 or entropy(value) < (3.0 if size >= 24 else 2.5):
        return False
    runs = _RUN.findall(value)
    if sum(len(run) for run in runs if _has_digits_inside(run)) * 2 >= size:
        return True
    pieces = _PIECE.findall(value)
    words = sum(len(piece) for piece in pieces if _WORD.fullmatch(piece))
    letters = sum(map(len, pieces))
    return size >= 16 and letters <= 3 * len(pieces) and words * 2 <= letters


def is_token(value: str) -> bool:
    """Whether `value` may be a token: 16 characters or more of a token's alphabet, random, and no path."""
    if len(value) < 16 or _TOKEN.fullmatch(value) is None or is_placeholder(value):
        return False
    return _UUID.fullmatch(value) is not None or (is_random(value) and not is_path(value))


def is_password(value: str) -> bool:
    """Whether `value` may be a password: 6 characters or more of two classes, and no word for "password"."""
    if len(value) < 6 or is_dummy(value) or is_placeholder(value):
        return False
    classes = [kind.search(value) is not None for kind in _CLASSES]
    if not (classes[2] or classes[3]):
        return is_random(value)
    return sum(classes) >= 2


def is_credentials(value: str) -> bool:
    """Whether `value` is the base64 form of `user:password` (RFC 7617)."""
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except ValueError:
        return False
    _, colon, password = plain.partition(":")
    return bool(colon) and plain.isprintable() and len(password) >= 4


def _has_digits_inside(run: str) -> bool:
    """Whether digits stand all over a run, not only at one end of it."""
    digits, changes = sum(char.isdigit() for char in run), _digit_changes(run)
    return len(run) >= 6 and (
        (changes >= 3 and digits * 10 >= len(run)) or (changes == 2 and digits * 4 >= len(run))
    )


def _digit_changes(run: str) -> int:
    return sum(a.isdigit() != b.isdigit() for a, b in pairwise(run))
