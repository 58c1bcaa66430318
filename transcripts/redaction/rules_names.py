"""Values of names that say "secret": `DB_PASSWORD=…`, `"apiKey": "…"`, `token := "…"`, `--password …`.

The name alone says little ("token" is everywhere), so the value must look like a secret too: see `values`.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from transcripts.redaction import values
from transcripts.redaction.spans import LONGEST_VALUE, NAMED, Rule, Span

KindOf = Callable[[str, str, bool, str], str]
"""(full name in lower case, value, whether quoted, the character after it) -> the kind of secret, or ""."""

_KINDS = (("api", "api-key"), ("token", "token"))
_PASSWORDS = ("password", "passwd", "passphrase", "pwd", "passwort")
_TOKENS = (
    "token", "secret", "api key", "app key", "application key", "access key", "private key", "account key",
    "auth key", "signing key", "encryption key", "master key", "service key", "license key", "deploy key",
    "storage key", "admin key", "webhook key", "jwt key", "hmac key", "credential", "dsn",
)  # fmt: skip

_TO_VALUE = re.compile(
    r"(?P<suffix>[A-Za-z0-9_-]{0,30}+)"
    r"""(?:\\{0,7}["'`])?\]?[ \t]{0,8}+"""
    r"(?::[ \t]{0,4}[A-Za-z][\w.\[\]| ]{0,30}=|(?P<separator>:=|=>|==?|:|>|[,(](?=[ \t]*\\*[\"'])|(?<=[ \t])))"
    r"""[ \t]{0,16}+(?:(?:Some|String|SecretStr|Secret)\()?(?:(?:[rbf]|base64:)?(?P<quote>\\{0,7}["'`]))?"""
)
_NAME = re.compile(r"[A-Za-z0-9_.$-]{0,60}\Z")
_TIMES = rf"{{1,{LONGEST_VALUE}}}+"
_QUOTED = {quote: re.compile(rf"(?:[^{quote}\\\n]|\\[^\n])" + _TIMES) for quote in "\"'`"}
_ESCAPED = {quote: re.compile(rf"(?:[^{quote}\\\n]|\\(?!\\*+{quote}))" + _TIMES) for quote in "\"'`"}
_BARE = re.compile(r"""(?:[^\s\\"'`,;&<>(){}\[\]|\x1b]|\\(?![nrtu"'\\x0e]))""" + _TIMES)
_LINE = re.compile(r"""(?:[^\s\\\x1b<"'`]|\\(?![nrtu"'\\x0e])|(?<=.)["'`](?=[^\s,;)\]}]))""" + _TIMES)
_LINE_START = re.compile(
    r"(?:\A|[\r\n]|\\[nr]|[\t+|→>m-]|(?:export|ENV|ARG|set|env|-e|-x|--env|declare)?[ ])\Z"
)
_SHORTEST_VALUE = 6
_LONGEST_NAME = 80
_SAMPLE = 100  # so much of a value is looked at
_TRAILING = ".,;:)]}\"'`"

_NOT_SECRET_SUFFIX = re.compile(
    r"(?:\A|[_-])(?:ur[il]s?|endpoint|paths?|files?|filename|dir|names?|ids?|types?|counts?|limits?|len|length|size|"
    r"usage|used|expir\w*|budget|ttl|iz\w*|fields?|label|prompt|hints?|polic(?:y|ies)|reset|arn|refs?|version|"
    r"manager|store|provider|class|scopes?|env|var|vars|header|index|pattern|regex|prefix|hash|format|source|"
    r"input|output|mode|per|rate|cost|price|estimat\w*|method|error|err|valid\w*|require\w*|change\w*|stream|"
    r"kind|status|state|role|s|stats?|window|at|in|on|info|data|list|set|map|body|response|request)\Z",
    re.IGNORECASE,
)
_NOT_SECRET_PREFIX = re.compile(
    r"(?:\A|[_.$-]|(?-i:(?<=[a-z])(?=[A-Z])))(?:next|page|continuation|cancel|"
    r"cancellation|input|output|max|min|total|num|cache|cached|prompt|completion|"
    r"public|eos|bos|pad|unk|mask|sep|cls|sync|resume|start|end|first|last|stop|special|per|design|color|"
    r"change|idempotency|no|is|has|show|hide|forgot|reset|confirm)(?:page)?[_.-]?\Z",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    rf"(?P<password>{'|'.join(_PASSWORDS)}|[_-]pass\Z)|{'|'.join(_TOKENS).replace(' ', '[ _-]?')}",
    re.IGNORECASE,
)
_AWS_SECRET = re.compile(r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")


def _spellings(name: str) -> Iterator[str]:
    """How a name of one or more words is written: api_key, API-KEY, apiKey, ApiKey, apikey, API key."""
    words = name.split()
    camel = "".join(word.capitalize() for word in words)
    yield from (camel, camel[0].lower() + camel[1:])
    for joint in ("_", "-", " ", ""):
        joined = joint.join(words)
        yield from (
            joined,
            joined.upper(),
            joint.join(word.capitalize() for word in words),
            joined.capitalize(),
        )
        if len(words) > 1:
            yield joint.join((words[0].upper(), *words[1:]))
            yield joint.join((words[0].upper(), *(word.capitalize() for word in words[1:])))


def _find_token(text: str, start: int, end: int) -> Span | None:
    """The value of a name that ends in "token", "secret", "api_key" and the like."""
    return _find(text, start, end, _token_kind)


def _find_password(text: str, start: int, end: int) -> Span | None:
    """The value of a name that holds "password"."""
    return _find(text, start, end, _password_kind)


def _find_short_password(text: str, start: int, end: int) -> Span | None:
    """The value of `DB_PASS`, `smtp_pass_2` and the like."""
    return None if text[end : end + 1].isalpha() else _find_password(text, start, end)


def _find_auth(text: str, start: int, end: int) -> Span | None:
    """Docker's and npm's `auth`: `user:password` in base64."""
    return _find(text, start, end, _auth_kind)


def _find_signature(text: str, start: int, end: int) -> Span | None:
    """The signature in a URL that somebody signed in advance: whoever has the URL may use it."""
    return _find(text, start, end, _signature_kind)


def _find(text: str, start: int, end: int, kind_of: KindOf) -> Span | None:
    match = _TO_VALUE.match(text, end)
    if match is None or _NOT_SECRET_SUFFIX.search(match["suffix"]):
        return None
    before = _NAME.search(text, max(0, start - 60), start)
    name = before[0] if before else ""
    if _NOT_SECRET_PREFIX.search(name):
        return None
    place = start - len(name)
    full = name + text[start:end] + match["suffix"]
    if not _fits(text, place, full, match):
        return None
    first, last, quoted = _value(text, place, match)
    if last - first < _SHORTEST_VALUE or (match["separator"] == ">" and text[last : last + 1] != "<"):
        return None
    sample = text[first : min(last, first + _SAMPLE)]
    kind = kind_of(full.lower(), sample, quoted, text[last : last + 1])
    return Span(first, last, kind, NAMED) if kind else None


def _fits(text: str, place: int, full: str, match: re.Match[str]) -> bool:
    """Whether name and separator are of a pair that stands somewhere: an assignment, a call, XML."""
    before = text[max(0, place - 2) : place]
    if before == "//":
        return False  # the user of a URL
    match match["separator"]:
        case ">":
            return before.endswith("<")
        case ",":
            return full.isupper()  # os.Setenv("NAME", "value")
        case "" | None:
            return match[0].rstrip("\"'`\\ ").endswith("=") or _may_lack_separator(
                text, place, full, match["quote"]
            )
    return True


def _may_lack_separator(text: str, place: int, full: str, quote: str | None) -> bool:
    """`--password x`, `aws configure set`, SQL's `PASSWORD 'x'` and .netrc's `password x` have only a space."""
    if full.startswith("--"):
        return True
    before = text[max(0, place - 200) : place]
    if full.lower() not in _PASSWORDS:
        return "aws configure set" in before[-30:]
    return "login " in before or (
        quote == "'" and any(word in before for word in ("USER", "ROLE", "user", "role"))
    )


def _value(text: str, place: int, match: re.Match[str]) -> tuple[int, int, bool]:
    """Where the value begins and ends, and whether it is quoted."""
    first = match.end()
    if quote := match["quote"]:
        value = (_QUOTED if len(quote) == 1 else _ESCAPED)[quote[-1]].match(text, first)
        return first, value.end() if value else first, True
    line = match[0].endswith("=") and _LINE_START.search(text, max(0, place - 8), place) is not None
    value = (_LINE if line else _BARE).match(text, first)
    if value is None:
        return first, first, False
    kept = value[0].rstrip(",;\"'`" if line and "(" in value[0] else _TRAILING)
    return first, first + len(kept), False


def _token_kind(name: str, value: str, quoted: bool, after: str) -> str:
    if "secret" in name and _AWS_SECRET.fullmatch(value) and values.entropy(value) > 3.5:
        return "aws-secret-key" if "aws" in name or "access" in name else "secret"
    if not quoted and (after == "(" or values.is_expression(value) or _is_attribute(value)):
        return ""
    if not values.is_token(value):
        return ""
    return next((kind for word, kind in _KINDS if word in name), "secret")


def _is_attribute(value: str) -> bool:
    """Whether `value` is code like `ed25519.PrivateKey`; tokens too may be runs with dots between."""
    first = value.partition(".")[0]
    return values.is_identifier(value) and len(first) > 1 and not values.is_random(first)


def _auth_kind(name: str, value: str, quoted: bool, after: str) -> str:
    return "basic-auth" if len(value) >= 12 and values.is_credentials(value) else ""


def _signature_kind(name: str, value: str, quoted: bool, after: str) -> str:
    return "signature" if len(value) >= 32 and values.is_random(value) else ""


def _password_kind(name: str, value: str, quoted: bool, after: str) -> str:
    if " " in value:
        return ""
    if not quoted and (after == "(" or values.is_expression(value) or values.is_identifier(value)):
        return ""
    if name.endswith("pwd") and values.is_path(value):
        return ""
    return "password" if values.is_password(value) else ""


def kind_of_field(name: str, value: str) -> str:
    """The kind of secret that `value` is if `name` is its key in a parsed object, or ""."""
    kind_of = _kind_of_name(name) if len(value) >= _SHORTEST_VALUE and len(name) <= _LONGEST_NAME else None
    return kind_of(name.lower(), value[:_SAMPLE], True, "") if kind_of else ""


@lru_cache(maxsize=4096)
def _kind_of_name(name: str) -> KindOf | None:
    """What tells a secret under this name from other values; None: the name says nothing."""
    found = _SECRET_NAME.search(name)
    if (
        found is None
        or _NOT_SECRET_SUFFIX.search(name[found.end() :])
        or _NOT_SECRET_PREFIX.search(name[: found.start()])
    ):
        return None
    return _password_kind if found["password"] else _token_kind


RULES = (
    Rule(tuple({s for name in _PASSWORDS for s in _spellings(name)}), _find_password),
    Rule(("_PASS", "_pass", "-pass", "PASS=", "pass="), _find_short_password),
    Rule(('"auth', '\\"auth', "'auth", "_auth"), _find_auth),
    Rule(("?sig", "&sig", "-Amz-Signature", "-Goog-Signature"), _find_signature),
    Rule(tuple({s for name in _TOKENS for s in _spellings(name)}), _find_token),
)
