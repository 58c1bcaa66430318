"""What providers' answers say about waiting."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.clients.headers import exhausted_for, retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "nonsense"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_seconds_are_read(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds and milliseconds; what is neither is no wish."""
    assert retry_after(headers) == seconds


def test_a_date_is_read() -> None:
    """A date is the seconds until then, and never fewer than none."""
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)
    found = retry_after({"retry-after": format_datetime(moment)})
    assert (moment - datetime.now(UTC)).total_seconds() <= (found or 0) <= 90
    assert retry_after({"retry-after": format_datetime(moment - timedelta(days=1))}) == 0


def test_an_exhausted_limit_lasts_until_its_reset() -> None:
    """Anthropic's moments and OpenAI's durations; the longest counts, a minute at most."""
    reset = datetime.now(UTC) + timedelta(seconds=50)
    name = "anthropic-ratelimit-requests"
    claude = {f"{name}-remaining": "0", f"{name}-reset": reset.isoformat()}
    found = exhausted_for(claude)
    assert (reset - datetime.now(UTC)).total_seconds() <= found <= 50
    assert exhausted_for({**claude, "anthropic-ratelimit-requests-remaining": "5"}) == 0
    openai = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2.5s"}
    assert exhausted_for(openai) == 60
    assert exhausted_for({**openai, "x-ratelimit-reset-tokens": "120ms"}) == pytest.approx(0.12)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_header_is_too_strange(reset: str, after: str) -> None:
    """Whatever a server writes, the wait is bounded and nothing is raised."""
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": reset,
        "retry-after": after,
    }
    assert 0 <= exhausted_for(headers) <= 60
    assert (retry_after(headers) or 0) >= 0
