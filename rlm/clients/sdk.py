"""Errors of the providers' Python packages, as ours.

The packages `anthropic` and `openai` come from one generator: they name their exceptions alike and both stand on
httpx2. So one function reads both.
"""

from types import ModuleType
from typing import Any

from rlm.clients.errors import TransientError
from rlm.clients.statuses import error_of
from rlm.errors import ClientError

# Error types of Anthropic that come in the middle of a stream, where the HTTP status says 200 already.
_STATUS_OF_TYPE = {"overloaded_error": 529, "rate_limit_error": 429, "invalid_request_error": 400}


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
    return error_of(status, headers, said=_said(error), code=code, request_id=error.request_id)


def _said(error: Any) -> str:
    """The provider's own words."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error", body)
    return str(inner.get("message") or "") if isinstance(inner, dict) else ""
