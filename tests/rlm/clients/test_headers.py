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
    now = datetime.now(UTC)
    assert retry_after({"retry-after": format_datetime(now + timedelta(seconds=90))}) == pytest.approx(
        90, abs=2
    )
    assert retry_after({"retry-after": format_datetime(now - timedelta(days=1))}) == 0


def test_an_exhausted_limit_lasts_until_its_reset() -> None:
    """Anthropic's moments and OpenAI's durations; the longest counts, a minute at most."""
    reset = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    claude = {"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": reset}
    assert exhausted_for(claude) == pytest.approx(20, abs=2)
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
