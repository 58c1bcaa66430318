"""What stands in a text where a secret stood: `<redacted-KIND-SUFFIX>`.

The suffix is a keyed hash (HMAC-SHA-256, RFC 2104, its first 24 bits), so the same secret reads the same
everywhere in a store, and nobody without the key can test a guess. No colon: URL and `curl -u` rules would
take `<redacted:…>` for a user and a password.
"""

import hmac
import re

from transcripts.redaction.spans import PLACED, Rule, Span

PREFIX = "<redacted-"
_PATTERN = re.compile(r"<redacted-[a-z0-9-]{1,40}-[0-9a-f]{6}>")


def make(key: bytes, kind: str, secret: str) -> str:
    """The placeholder of `secret`, whose kind is lower-case letters, digits and hyphens."""
    digest = hmac.digest(key, secret.encode("utf-8", "surrogatepass"), "sha256")
    return f"{PREFIX}{kind}-{digest[:3].hex()}>"


def find(text: str, start: int, end: int) -> Span | None:
    """A placeholder that stands in the text already: nothing in it is a secret."""
    match = _PATTERN.match(text, start)
    return Span(start, match.end(), "", PLACED) if match else None


RULE = Rule((PREFIX,), find)
