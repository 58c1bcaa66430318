"""What a provider's answer says about waiting: `Retry-After`, and the rate limits of Anthropic and OpenAI."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Clocks differ and limits refill step by step: never stand still for longer because of a limit reached.
_LONGEST_PAUSE = 60.0

# Anthropic: (remaining, reset as RFC 3339). OpenAI: (remaining, reset as a duration, 6m0s).
_LIMITS = tuple(
    (f"anthropic-ratelimit-{kind}-remaining", f"anthropic-ratelimit-{kind}-reset")
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
) + tuple((f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}") for kind in ("requests", "tokens"))

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a refusal asks to wait (RFC 9110 §10.2.3, or `retry-after-ms`), or None."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        return max(parsedate_to_datetime(text or "").timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None


def exhausted_for(headers: Mapping[str, str]) -> float:
    """Seconds until a rate limit that this answer used up is renewed; 0 where none is, at most a minute."""
    waits = [_until(headers.get(reset, "")) for remaining, reset in _LIMITS if headers.get(remaining) == "0"]
    return min(max(waits, default=0.0), _LONGEST_PAUSE)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _until(reset: str) -> float:
    try:
        moment = datetime.fromisoformat(reset)
    except ValueError:
        return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(reset))
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0) if moment.tzinfo else 0.0
