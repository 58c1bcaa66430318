"""Every string that is kept passes here: terminal codes go, embedded bytes go, secrets are replaced."""

import re
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from data_models.events import LATEST_MS

# ECMA-48 control sequences: CSI, OSC (title, hyperlink; ended by BEL or ST), and two-character escapes.
# Each alternative stops at the next ESC, so the pattern is linear.
_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\^_=>]?")
_DATA_URI = re.compile(r"(data:[\w.+-]{1,40}/[\w.+-]{1,80};base64,)([A-Za-z0-9+/=]{64,})")
# The shapes of ids that hosts and model services make. They look random, so a rule for secrets could take
# them for one and break the links between records; anything that does not have such a shape is redacted.
_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?:msg|toolu|srvtoolu|mcptoolu|req|call|fc|fco|ctc|ctco|rs|resp)_[0-9A-Za-z-]{1,80}"
    r"|[0-9a-f]{7,20}"
)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")
_NAME = re.compile(r"[\w./: -]{0,80}")
_REMEMBERED_LENGTH = 160
_REMEMBERED = 1 << 16


class Redact(Protocol):
    """Replaces secrets in a text and counts them by kind; returns the same object when it finds none."""

    def __call__(self, text: str, counts: dict[str, int], /) -> str:
        """The text without secrets."""
        ...


@runtime_checkable
class RedactFields(Redact, Protocol):
    """A redactor that also judges a string by the key it stands under: `{"api_key": "…"}`."""

    def field(self, name: str, value: str, counts: dict[str, int], /) -> str:
        """The value without secrets."""
        ...


def parse_time(value: object) -> int | None:
    """Unix milliseconds of an ISO 8601 time (UTC where it names no zone), or None; also where it is before 1970."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        milliseconds = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return milliseconds if 0 <= milliseconds <= LATEST_MS else None


class Cleaner:
    """Cleans the strings of one session and counts what was redacted.

    Short strings without a finding are remembered, because paths, branches and names come back on every
    record; `counts` still holds every replacement.
    """

    def __init__(self, redact: Redact) -> None:
        self.counts: dict[str, int] = {}
        self._redact = redact
        self._field = redact.field if isinstance(redact, RedactFields) else None
        self._harmless: set[str] = set()
        self._ids: set[str] = set()

    def text(self, text: str) -> str:
        """The text without terminal codes, embedded base64 data and secrets."""
        short = len(text) <= _REMEMBERED_LENGTH
        if short and text in self._harmless:
            return text
        clean = self._redact(_plain(text), self.counts)
        if short and clean is text and len(self._harmless) < _REMEMBERED:
            self._harmless.add(text)
        return clean

    def value(self, value: Any) -> Any:
        """The same for every string of a JSON value, keys included; base64 payloads become their size."""
        if isinstance(value, str):
            return value if value in self._harmless else self.text(value)
        if isinstance(value, dict):
            if isinstance(value.get("base64"), str) or (value.get("type") == "base64" and "data" in value):
                value = without_payload(value)
            return {self.text(key): self.member(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def member(self, key: str, value: Any) -> Any:
        """The same for a value under a key, which may tell that it is a secret."""
        if self._field is not None and isinstance(value, str):
            return self._field(key, _plain(value), self.counts)
        if isinstance(value, list):
            return [self.member(key, item) for item in value]
        return self.value(value)

    def identifier(self, value: Any) -> Any:
        """An id as it is if it has the shape of one, else cleaned like any other value."""
        if not isinstance(value, str):
            return self.value(value)
        if value in self._ids:
            return value
        if not _ID.fullmatch(value):
            return self.text(value)
        if len(self._ids) < _REMEMBERED:
            self._ids.add(value)
        return value

    def time(self, value: Any) -> Any:
        """A time as it is if it has the hosts' form, else cleaned like any other value."""
        return value if isinstance(value, str) and _TIME.fullmatch(value) else self.value(value)


def safe_name(name: object) -> str:
    """A host's word (a type, a field, a version) fit to be shown: transcripts may hold anything there."""
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "without a usable name"


def without_payload(source: dict[str, Any]) -> dict[str, Any]:
    """An image or document source with the size in bytes in place of its base64 data."""
    kept = {key: item for key, item in source.items() if key not in ("base64", "data")}
    payload = source.get("base64", source.get("data"))
    if isinstance(payload, str):
        kept["size"] = len(payload) * 3 // 4
    return kept


def _plain(text: str) -> str:
    """The text without terminal codes and embedded base64 data; the same object if it has none."""
    if "\x1b" in text or "\x9b" in text:
        text = _ANSI.sub("", text)
    return _DATA_URI.sub(_without_data, text) if ";base64," in text else text


def _without_data(match: re.Match[str]) -> str:
    return f"{match[1]}[{len(match[2]) * 3 // 4} bytes]"
