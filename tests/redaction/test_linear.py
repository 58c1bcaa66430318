"""No text makes redaction slow: four times the text takes about four times as long."""

import time

import pytest

from transcripts.redaction.engine import Redactor

PIECES = {
    "token": "token ",
    "token=": "token=",
    "password=": "password=",
    'password="': 'password="',
    "password: quoted": 'password: "a',
    "escaped quotes": '\\\\\\"password\\\\\\": \\\\\\"',
    "api_key names": "api_key_api_key_",
    "one long name": "a" * 64 + "token",
    "spaces": "secret" + " " * 200,
    "e-mail characters": "abc.def-ghi+",
    "at signs": "a@",
    "domains": "@a.a.a.a.a.",
    "begin": "-----BEGIN ",
    "begin key": "-----BEGIN RSA PRIVATE KEY-----\n",
    "key body": "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEabc+/1" * 30 + "\n",
    "key gaps": "-----BEGIN PRIVATE KEY-----" + "\\n" * 100,
    "urls": "://",
    "url users": "://aaaaaaaaaaaaaaaaaaaaaaaa:",
    "url passwords": "://a:bbbbbbbbbbbbbbbbbb",
    "jwt": "eyJ",
    "jwt parts": "eyJhbGciOiJIUzI1NiJ9.",
    "sk": "sk-",
    "sk-ant": "sk-ant-a-",
    "azure": "aaa8Q~",
    "base64": "QUJD" * 40 + "JQQJ99",
    "hex": "0123456789abcdef",
    "cookie": "Cookie: a=b; ",
    "curl": "curl -u ",
    "headers": "Authorization: Bearer ",
    "private": "<private>",
    "private pairs": "<private></private>",
    "private mentions": "`<private>`",
    "placeholders": "<redacted-token-0a1b2c>",
    "placeholder starts": "<redacted-",
    "colours": "\x1b[32m",
    "written colours": "\\u001b[",
    "backslashes": "\\",
    "half colours": "[1;2;",
    "surrogates": "\ud83d",
    "docker": '"auth": "',
    "own": "xxxxxxxx",
    "newlines": "\n",
}
BASE = 50_000
REDACT = Redactor(b"k", emails=True, rules={"own": r"(x+x+)+y", "free": r"[\w.+-]+@[\w-]+\.com"})


def _seconds(text: str) -> float:
    start = time.thread_time()
    REDACT(text, {})
    return time.thread_time() - start


def _text(piece: str, size: int) -> str:
    return (piece * (size // len(piece) + 1))[:size]


@pytest.mark.parametrize("name", PIECES)
def test_time_is_linear_in_the_text(name: str) -> None:
    """Four times the text takes no more than eight times as long (quadratic would be sixteen)."""
    small, large = (_text(PIECES[name], size) for size in (BASE, 4 * BASE))
    times = []
    for _ in range(5):  # a busy machine only adds to a measurement: the least of each counts
        times.append((_seconds(small), _seconds(large)))
        least, most = (min(of) for of in zip(*times, strict=True))
        ratio = most / max(least, 2e-3)
        if ratio < 8:
            return
    pytest.fail(f"{name}: {ratio:.1f} times as long for four times the text")
