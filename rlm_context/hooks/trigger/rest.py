"""Prefect's REST API over plain HTTP, without Prefect: credentials, and what each bad answer means.

Importing Prefect takes a second, which a process that only asks need not pay. Credentials and certificates are those
that Prefect's own client would use. https://docs.prefect.io/v3/api-ref/rest-api
"""

import base64
import os
import ssl
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from flows.configured import prefect_setting, without_password
from flows.local_server import LocalServer
from rlm_context.hooks.trigger.remote import AwayError, NotDeployedError, RefusedError

DEPLOYMENT = "compile-context/on-session-end"
"""What compiles. A server that answers 404 is taken for one to which nothing was deployed, so not this either."""
_DEPLOY = "rlm-context up, or from a checkout python -m flows.deploy (docs/prefect.md)"
_SECONDS = 20.0
"""For an answer; a server on SQLite takes a second when it is busy."""
_LONGEST_WAIT = 60.0
_TOKEN = "Prefect-Csrf-Token"  # noqa: S105  a header's name
_CERTIFICATES = "PREFECT_API_SSL_CERT_FILE"
_LOOPBACK = ("127.0.0.1", "0.0.0.0", "::1", "localhost")  # noqa: S104  nothing is bound: people write it for this machine
T = TypeVar("T")


class _Token(msgspec.Struct):
    token: str


class PrefectRest:
    """The API of one server.

    Args:
        url: its URL.
        headers: what is sent with each request.
        verify: how its certificate is checked.

    Attributes:
        is_here: whether the server is on this machine.
        now: the server's time at its last answer.

    Raises:
        RefusedError: that is no URL.
    """

    def __init__(self, url: str, headers: Mapping[str, str], verify: ssl.SSLContext | bool = True) -> None:
        self._url = url.rstrip("/")
        self._host, self._shown = self._checked()
        self.is_here = self._host in _LOOPBACK
        self.now = datetime.now(UTC)
        # A proxy is for others; no redirect is followed, since that would hand the credentials to whoever it names.
        # Each answer ends its connection: two or three calls, seconds apart, need none that is kept.
        self._client = httpx.Client(
            headers=headers,
            verify=verify,
            timeout=_SECONDS,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=not self.is_here,
        )

    def get(self, path: str, kind: type[T]) -> T:
        """What is at a path; raises as `post` does."""
        return self._call("GET", path, kind)

    def post(self, path: str, body: Mapping[str, Any], kind: type[T]) -> T:
        """The answer to what is asked for at a path.

        Args:
            path: below the API's URL.
            body: what is asked for, as JSON.
            kind: what the answer is read as.

        Raises:
            AwayError: it may work later.
            NotDeployedError: there is no such thing.
            RefusedError: it will not work.
        """
        return self._call("POST", path, kind, body)

    def _checked(self) -> tuple[str, str]:
        """The host, and the URL as it may be shown: it can hold a password."""
        self._shown = "what is configured as PREFECT_API_URL"
        try:
            address = urlsplit(self._url)
        except ValueError as error:
            raise self._no_api("it is no URL") from error
        if address.scheme not in ("http", "https") or not address.hostname:
            raise self._no_api("it is no URL")
        return address.hostname, without_password(self._url)

    def _call(self, method: str, path: str, kind: type[T], body: Mapping[str, Any] | None = None) -> T:
        try:
            response = self._client.request(method, self._url + path, json=body)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise self._no_api("it is no URL") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._unanswered(error) from error
        if response.status_code == 403 and method == "POST" and self._take_token():
            return self._call(method, path, kind, body)
        if not response.is_success:
            raise self._refused(response)
        self.now = _date(response)
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.MsgspecError as error:
            raise self._no_api("its answer is none of Prefect's") from error

    def _take_token(self) -> bool:
        """Get what a server with `PREFECT_SERVER_CSRF_PROTECTION_ENABLED` asks for; False where that is not it."""
        if _TOKEN in self._client.headers:
            return False
        client = str(uuid.uuid4())
        try:
            token = self._call("GET", f"/csrf-token?client={client}", _Token).token
        except RefusedError:
            return False
        self._client.headers.update({_TOKEN: token, "Prefect-Csrf-Client": client})
        return True

    def _unanswered(self, error: Exception) -> AwayError | RefusedError:
        causes = tuple(type(cause) for cause in _causes(error))
        if ssl.SSLCertVerificationError in causes:
            return RefusedError(
                f"the certificate of {self._shown} is not trusted",
                next_command=f"prefect config set {_CERTIFICATES}=FILE",
            )
        return AwayError(
            f"{self._shown} gives no answer ({type(error).__name__})",
            nobody_listens=ConnectionRefusedError in causes,
        )

    def _refused(self, response: httpx.Response) -> AwayError | RefusedError:
        status = response.status_code
        if status in (408, 425, 429) or status >= 500:
            return AwayError(f"{self._shown} answers HTTP {status}", retry_after=_retry_after(response))
        if status in (401, 403):
            return RefusedError(
                f"{self._shown} does not accept the credentials (HTTP {status})", next_command=self._login()
            )
        if status == 404:
            return NotDeployedError(f"{self._shown} has no deployment {DEPLOYMENT}", next_command=_DEPLOY)
        if status < 400:
            return self._no_api(f"it answers HTTP {status}")
        return RefusedError(
            f"{self._shown} does not accept the trigger (HTTP {status}): its deployment is of another version",
            next_command=_DEPLOY,
        )

    def _no_api(self, reason: str) -> RefusedError:
        return RefusedError(
            f"{self._shown} is not the API of a Prefect server: {reason}",
            next_command="prefect config set PREFECT_API_URL=http://HOST:4200/api",
        )

    def _login(self) -> str:
        if self._host.endswith(".prefect.cloud"):
            return "prefect cloud login"
        return "prefect config set PREFECT_API_AUTH_STRING=USER:PASSWORD"


def configured_rest(url: str) -> PrefectRest:
    """The API that the user configured, with the credentials and certificates that Prefect's client would use.

    Raises:
        RefusedError: what is configured cannot be used.
    """
    auth, key = prefect_setting("PREFECT_API_AUTH_STRING"), prefect_setting("PREFECT_API_KEY")
    headers = _custom_headers()
    if auth or key:
        headers["Authorization"] = _basic(auth) if auth else f"Bearer {key}"
    return PrefectRest(url, headers, _verify())


def homes_rest(server: LocalServer) -> PrefectRest:
    """The API of `rlm-context up`."""
    return PrefectRest(server.url, {"Authorization": _basic(server.auth)})


def _basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def _custom_headers() -> dict[str, str]:
    """What a team's proxy in front of the server may ask for."""
    name = "PREFECT_CLIENT_CUSTOM_HEADERS"
    try:
        return msgspec.json.decode(prefect_setting(name) or "{}", type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise RefusedError(
            f"{name} is no JSON object", next_command=f"prefect config unset {name}"
        ) from error


def _verify() -> ssl.SSLContext | bool:
    if prefect_setting("PREFECT_API_TLS_INSECURE_SKIP_VERIFY").lower() in ("1", "true", "yes", "on"):
        return False
    file = prefect_setting(_CERTIFICATES) or os.environ.get("SSL_CERT_FILE")
    try:
        return ssl.create_default_context(cafile=file) if file else True
    except OSError as error:  # ssl.SSLError is one
        raise RefusedError(
            f"{file} holds no certificates that can be read",
            next_command=f"prefect config set {_CERTIFICATES}=FILE",
        ) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _date(response: httpx.Response) -> datetime:
    """The server's time (RFC 9110, 6.6.1), else ours."""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


def _retry_after(response: httpx.Response) -> float:
    """The seconds of a Retry-After header (RFC 9110, 10.2.3), as far as we wait; a date counts as none."""
    text = response.headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() else 0.0
