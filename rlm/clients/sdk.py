"""Errors of the providers' Python packages, as ours.

The packages `anthropic` and `openai` come from one generator: they name their exceptions alike and both stand on
httpx2. So one function reads both.
"""

import re
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from rlm.clients.errors import CredentialsError, ProviderError, RequestError, TooLongError, TransientError
from rlm.clients.headers import retry_after
from rlm.errors import ClientError

# Error types of Anthropic that come in the middle of a stream, where the HTTP status says 200 already.
_STATUS_OF_TYPE = {"overloaded_error": 529, "rate_limit_error": 429, "invalid_request_error": 400}
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


def translated(error: Exception, sdk: ModuleType) -> ClientError:
    """The error of ours that says what `error`, raised by a call through `sdk`, means for the caller.

    Raises:
        Exception: `error` itself, if it is neither the package's nor the network's: a fault of our own.
    """
    import httpx2

    if isinstance(error, ClientError):
        return error
    if isinstance(error, sdk.APIStatusError):
        return _of_status(error)
    if isinstance(error, sdk.APIConnectionError):
        return _of_connection(error, (httpx2.ConnectError, httpx2.ConnectTimeout))
    if isinstance(error, httpx2.TransportError):
        return TransientError(f"the answer broke off: {type(error).__name__}", lost=True)
    if isinstance(error, sdk.APIError | ValueError):  # ValueError: not the JSON it should be
        return TransientError("the answer cannot be read", lost=True)
    raise error


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


def _of_connection(error: Any, unreached: tuple[type[Exception], ...]) -> TransientError:
    """What a connection that failed means. `error` is an APIConnectionError of one of the packages."""
    cause = error.__cause__
    server, why = error.request.url.host, type(cause or error).__name__
    if isinstance(cause, unreached):
        return TransientError(f"{server} cannot be reached ({why})")
    return TransientError(f"no answer from {server} ({why})", lost=True)


def _of_status(error: Any) -> ClientError:
    """What an HTTP status means. `error` is an APIStatusError of one of the packages."""
    kind = str(getattr(error, "type", None) or "error")
    code = str(getattr(error, "code", None) or kind)
    status = error.status_code if error.status_code >= 400 else _STATUS_OF_TYPE.get(kind, 500)
    headers = error.response.headers
    where: dict[str, Any] = {"status": status, "request_id": error.request_id or headers.get("x-request-id")}
    what = f"the provider answered {status} ({code})"
    if status in (401, 403):
        return CredentialsError(f"{what}: {_said(error)}", next_command="set the provider's API key", **where)
    if status == 413 or code in _TOO_LONG or (status == 400 and _TOO_LONG_SAID.search(_said(error))):
        return TooLongError(what, **where)
    if status in (402, 404) or code in _NEVER_AGAIN:
        return ProviderError(f"{what}: {_said(error)}", next_command="rlm-context doctor", **where)
    if _worth_retrying(status, headers.get("x-should-retry")):
        lost = status not in _NOT_DONE
        return TransientError(what, retry_after=retry_after(headers), lost=lost, **where)
    return RequestError(what, **where)


def _worth_retrying(status: int, wish: str | None) -> bool:
    if wish in ("true", "false"):
        return wish == "true"
    return status in _NOT_DONE or status >= 500


def _said(error: Any) -> str:
    """The provider's own words, for errors that cannot quote a prompt."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error", body)
    text = inner.get("message") if isinstance(inner, dict) else None
    return str(text or "no reason given").splitlines()[0][:200]
