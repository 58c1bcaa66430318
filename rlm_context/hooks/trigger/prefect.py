"""Asks a Prefect server for a compile: an idempotent `create_flow_run` over plain HTTP, without Prefect.

Importing Prefect takes a second, which a worker that only asks need not pay. The calls are those of Prefect's REST
API (https://docs.prefect.io/v3/api-ref/rest-api): the deployment by its name, the runs that are under way, and a flow
run of it. The server lets one run exist for each idempotency key, however often and by whomever it is asked for; so
those that are dead are closed before (`dead`).
"""

import base64
import os
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from compiler.runs import RunRecord
from flows.configured import prefect_setting, without_password
from flows.local_server import LocalServer
from rlm_context.hooks.trigger.dead import CRASHED, PATIENCE, UNDER_WAY, Evidence, Run, is_dead, is_stale
from rlm_context.hooks.trigger.record import Trigger
from rlm_context.hooks.trigger.remote import Asked, AwayError, NotDeployedError, RefusedError

DEPLOYMENT = "compile-context/on-session-end"
_DEPLOY = "rlm-context up, or prefect deploy --all (docs/prefect.md)"
_ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
_NOT_BEGUN = frozenset({None, "SCHEDULED", "PENDING"})
_MOST_ATTEMPTS = 500
"""Runs of one generation that failed, one for each time that somebody asked."""
_SECONDS = 20.0
"""For an answer; a server on SQLite takes a second when it is busy."""
_LONGEST_WAIT = 60.0
_CLOCKS_AHEAD = timedelta(days=1)
_TOKEN = "Prefect-Csrf-Token"  # noqa: S105  a header's name
_CERTIFICATES = "PREFECT_API_SSL_CERT_FILE"
_LOOPBACK = ("127.0.0.1", "0.0.0.0", "::1", "localhost")  # noqa: S104  nothing is bound: people write it for this machine
T = TypeVar("T")


class _Deployment(msgspec.Struct):
    id: str
    flow_id: str = ""


class _Event(msgspec.Struct):
    received: datetime


class _Events(msgspec.Struct):
    events: list[_Event]


class _Changed(msgspec.Struct):
    status: str


class _Token(msgspec.Struct):
    token: str


class PrefectServer:
    """A Prefect server, its deployment `compile-context/on-session-end`, and the credentials for it.

    Args:
        url: the URL of its API.
        headers: what is sent with each request.
        verify: how its certificate is checked.
        by: who asks, which the runs' tags say; "" leaves it out.
        record: reads the record of a run in our store (`compiler.runs.read_record`); None where there is no store to
            look at, and no run is called dead.
        patience: how long a run may be in one state before it can be called so.

    Raises:
        RefusedError: that is no URL.
    """

    name = "Prefect"

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        verify: ssl.SSLContext | bool = True,
        by: str = "",
        record: Callable[[str], RunRecord | None] | None = None,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._url, self._by = url.rstrip("/"), by
        self._record, self._patience = record, patience
        self._now = datetime.now(UTC)
        self._host, self._shown = self._checked()
        self.is_here = self._host in _LOOPBACK
        # A proxy is for others; no redirect is followed, since that would hand the credentials to whoever it names.
        # Each answer ends its connection: two or three calls, seconds apart, need none that is kept.
        self._client = httpx.Client(
            headers=headers,
            verify=verify,
            timeout=_SECONDS,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=not self.is_here,
        )

    def ask(self, project: str, generation: str, before: Trigger | None) -> Asked:
        """See `Remote.ask`. A run of this generation that has ended makes room for another attempt."""
        deployment = self.deployment()
        self._close_dead(deployment.flow_id)
        first = before.attempt if before and before.generation == generation else 0
        doubt = ""
        for attempt in range(first, first + _MOST_ATTEMPTS):
            run = self._create(deployment.id, project, f"compile:{project}:{generation}:{attempt}")
            if run.state_type not in _ENDED:
                begun = run.state_type not in _NOT_BEGUN
                return Asked("running" if begun else "waiting", run.id, attempt, doubt)
            doubt = _doubt(run, before)
        raise RefusedError(
            f"{_MOST_ATTEMPTS} runs ended without a generation", next_command="rlm-context status"
        )

    def has_ended(self, project: str, run: str) -> bool:
        """See `Remote.has_ended`; a run that was deleted has ended too, and one that is found dead does."""
        try:
            found = self._call("GET", f"/flow_runs/{quote(run, safe='')}", Run)
        except NotDeployedError:
            return True
        if found.state_type in _ENDED:
            return True
        return is_stale(found, self._now, self._patience) and run in self._close_dead(
            self.deployment().flow_id
        )

    def deployment(self) -> _Deployment:
        """The deployment's id and that of its flow.

        Raises:
            AwayError, NotDeployedError, RefusedError: see `Remote.ask`.
        """
        return self._call("GET", f"/deployments/name/{DEPLOYMENT}", _Deployment)

    def _close_dead(self, compiles: str) -> set[str]:
        """Tell the server which of our runs are dead, given the flow that compiles; the ids of those that it closed."""
        if self._record is None:
            return set()
        evidence = Evidence(compiles, self._record, self.heartbeat)
        runs = self._call("POST", "/flow_runs/filter", list[Run], UNDER_WAY)
        now = self._now
        dead = [run.id for run in runs if is_dead(run, now, evidence, self._patience)]
        closed = set()
        for run in dead:
            with suppress(NotDeployedError, RefusedError):  # gone, or not for us to close: we came to ask
                self._call("POST", f"/flow_runs/{quote(run, safe='')}/set_state", _Changed, CRASHED)
                closed.add(run)
        return closed

    def heartbeat(self, run: str) -> datetime | None:
        """When the server last received a heartbeat of a run; None where it has none on record, or shows none.

        Raises:
            AwayError: the server gives no answer now.
        """
        chosen = {
            # The sender's clock says when it occurred: it may be ahead.
            "occurred": {"until": (self._now + _CLOCKS_AHEAD).isoformat()},
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run}"]},
        }
        try:
            found = self._call("POST", "/events/filter", _Events, {"filter": chosen, "limit": 1}).events
        except RefusedError:
            return None
        return found[0].received if found else None

    def query(self, path: str, body: dict[str, Any], kind: type[T]) -> T:
        """What one of the API's `…/filter` calls finds.

        Raises:
            AwayError, NotDeployedError, RefusedError: see `Remote.ask`.
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

    def _create(self, deployment: str, project: str, key: str) -> Run:
        body = {
            "parameters": {"project": project},
            "idempotency_key": key,
            "name": f"compile {project}",
            "tags": ["rlm-context", project, *([f"by:{self._by}"] if self._by else [])],
        }
        return self._call("POST", f"/deployments/{quote(deployment, safe='')}/create_flow_run", Run, body)

    def _call(self, method: str, path: str, kind: type[T], body: dict[str, Any] | None = None) -> T:
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
        self._now = _date(response)
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


def configured_server(
    url: str, by: str = "", record: Callable[[str], RunRecord | None] | None = None
) -> PrefectServer:
    """The server that the user configured, with the credentials and certificates that Prefect's client would use.

    See `PrefectServer` for what is given.

    Raises:
        RefusedError: what is configured cannot be used.
    """
    auth, key = prefect_setting("PREFECT_API_AUTH_STRING"), prefect_setting("PREFECT_API_KEY")
    headers = _custom_headers()
    if auth or key:
        headers["Authorization"] = _basic(auth) if auth else f"Bearer {key}"
    return PrefectServer(url, headers, _verify(), by=by, record=record)


def homes_server(
    server: LocalServer, by: str = "", record: Callable[[str], RunRecord | None] | None = None
) -> PrefectServer:
    """The server of `rlm-context up`; see `PrefectServer` for what else is given."""
    return PrefectServer(server.url, {"Authorization": _basic(server.auth)}, by=by, record=record)


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


def _doubt(run: Run, before: Trigger | None) -> str:
    """Why a run that ended may compile another store: one that had not begun when it was asked for has done nothing."""
    is_ours = before is not None and before.state == "waiting" and before.run == run.id
    if not is_ours or run.state_type != "COMPLETED":
        return ""
    return f"a run of {DEPLOYMENT} ended without this machine's sessions: does it use the same store?"


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
