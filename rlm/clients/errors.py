"""The ways in which a call to a model fails for good.

    ClientError (rlm.errors)      usage, request_id
    ├── RequestError              status; this request will never be accepted, others may
    │   └── TooLongError          the request is larger than the provider takes; a part of it may fit
    ├── TransientError            status, retry_after, lost; the same request may succeed later
    ├── ReplyError                text; an answer arrived, was paid, and is not what was asked for
    └── ProviderError             status; every request to this provider will fail
        ├── CredentialsError      no key, or one that is not accepted
        ├── BlockedError          real providers are switched off
        └── MissingExtraError     the provider's package is not installed

Messages hold neither prompts, nor answers, nor keys.
"""

from rlm.clients.usage import Usage
from rlm.errors import ClientError


class RequestError(ClientError):
    """The provider will never accept this request.

    Args:
        message: what it said.
        status: HTTP status.
        request_id: the provider's id of the request.
    """

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.status = status


class TooLongError(RequestError):
    """The request is larger than the provider or the model takes."""


class TransientError(ClientError):
    """The request may succeed later.

    Args:
        message: what happened last.
        status: HTTP status, None where no answer came.
        retry_after: seconds that the provider asks to wait.
        lost: it may have been done and charged; only its answer never came.
        request_id: the provider's id of the last attempt.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        lost: bool = False,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status = status
        self.retry_after = retry_after
        self.lost = lost
        self.partial = lost

    @property
    def throttled(self) -> bool:
        """Whether the provider has more requests than it wants: HTTP 429, or Anthropic's 529."""
        return self.status in (429, 529)


class ReplyError(ClientError):
    """An answer arrived that does not follow the request's schema. It was paid, and is not asked for again.

    Args:
        message: where it departs from the schema.
        text: the answer.
        usage: what it used.
        request_id: the provider's id of the request.
    """

    def __init__(self, message: str, *, text: str, usage: Usage, request_id: str | None = None) -> None:
        super().__init__(message, usage=usage, request_id=request_id)
        self.text = text


class ProviderError(ClientError):
    """No request to this provider can succeed until somebody mends something.

    Args:
        message: what is wrong.
        next_command: how to mend it.
        status: HTTP status, None where nothing was sent.
        request_id: the provider's id of the request.
    """

    def __init__(
        self,
        message: str,
        *,
        next_command: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.next_command = next_command
        self.status = status


class CredentialsError(ProviderError):
    """No key was given, or it is not accepted."""


class BlockedError(ProviderError):
    """A client of a real provider was about to be opened where that is switched off."""


class MissingExtraError(ProviderError):
    """The provider's package is not installed.

    Args:
        extra: the extra of rlm-context that brings it.
    """

    def __init__(self, extra: str) -> None:
        super().__init__(
            f"models of the provider {extra} need a package that is not installed",
            next_command=f"pip install 'rlm-context[{extra}]'",
        )
        self.extra = extra
