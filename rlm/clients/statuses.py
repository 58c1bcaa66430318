"""What an HTTP status of a provider means for the caller: the same for every client."""

import re
from collections.abc import Mapping
from typing import Any

from rlm.clients.errors import CredentialsError, ProviderError, RequestError, TooLongError, TransientError
from rlm.clients.headers import retry_after
from rlm.errors import ClientError

# Answers after which nothing of the request was done, though it arrived.
_NOT_DONE = (408, 409, 429, 503, 529)
_TOO_LONG = ("context_length_exceeded", "request_too_large")
# Anthropic says it in words only ("prompt is too long: 210000 tokens > 200000 maximum"), as many compatible servers do.
_TOO_LONG_SAID = re.compile(
    r"prompt is too long|too many tokens|maximum context length|context (?:length|window|limit)"
    r"|exceeds? .{0,40}\bcontext\b|input length and `?max_tokens`? exceed",
    re.IGNORECASE,
)
_PAGES = ("text/html", "application/xhtml+xml")
_NEVER_AGAIN = ("insufficient_quota",)


def error_of(
    status: int,
    headers: Mapping[str, str],
    *,
    said: str = "",
    code: str = "error",
    request_id: str | None = None,
) -> ClientError:
    """The error of ours for an answer that is none.

    Args:
        status: its HTTP status.
        headers: its headers, by their names in lower case.
        said: the provider's own words; used only where they cannot quote a prompt.
        code: the provider's name for the error.
        request_id: its id of the request.
    """
    where: dict[str, Any] = {"status": status, "request_id": request_id or headers.get("x-request-id")}
    what = f"the provider answered {status} ({code})"
    words = (said or "no reason given").splitlines()[0][:200]
    if status in (401, 403):
        return CredentialsError(f"{what}: {words}", next_command="set the provider's API key", **where)
    if status == 413 or code in _TOO_LONG or (status == 400 and _TOO_LONG_SAID.search(words)):
        return TooLongError(what, **where)
    if status in (402, 404) or code in _NEVER_AGAIN:
        return ProviderError(f"{what}: {words}", next_command="rlm-context doctor", **where)
    if _worth_retrying(status, headers.get("x-should-retry")):
        lost = status not in _NOT_DONE
        return TransientError(what, retry_after=retry_after(headers), lost=lost, **where)
    return RequestError(what, **where)


def check_kind(host: str, headers: Mapping[str, str]) -> None:
    """Refuse an answer that no provider of models gives: a web page of whatever stands at a mistaken address.

    Args:
        host: who answered.
        headers: of an answer whose status is good.

    Raises:
        ProviderError: it is a page.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _PAGES:
        raise ProviderError(
            f"{host} answers with a page ({kind}), and is no provider of models",
            next_command="mend the base URL (ANTHROPIC_BASE_URL, OPENAI_BASE_URL), or unset it",
        )


def _worth_retrying(status: int, wish: str | None) -> bool:
    if wish in ("true", "false"):
        return wish == "true"
    return status in _NOT_DONE or status >= 500
