"""Asking a Prefect server for a compile: one run however often, and every bad answer told apart."""

import base64
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_context.hooks.trigger import rest
from rlm_context.hooks.trigger.prefect import PrefectServer
from rlm_context.hooks.trigger.record import Trigger
from rlm_context.hooks.trigger.remote import AwayError, NotDeployedError, RefusedError
from rlm_context.hooks.trigger.rest import PrefectRest, configured_rest
from tests.hooks.trigger.prefect_stub import (
    DEPLOYMENT_PATH,
    Answer,
    Handler,
    Stub,
    accept_and_drop,
    drop,
    nobody,
    prefect_stub,
)
from tests.waiting import PATIENCE

PROJECT = "git.example.com/acme/tide"
DEPLOY = "python -m flows.deploy"
"""Works also on a server without a work pool, where `prefect deploy` ends."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server that has the deployment."""
    with prefect_stub() as server:
        yield server


def record(state: str, **more: object) -> Trigger:
    fields = {"store": "s", "project": PROJECT, "place": "Prefect", "state": state, "since": 1, "asked": 1}
    return Trigger(**fields | more)  # type: ignore[arg-type]  # what a test gives is what it means


def test_one_run_for_all_who_ask(stub: Stub) -> None:
    """The deployment is looked up by name; the run has the key, the project as its parameter, and the tags."""
    first = PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None)
    second = PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None)
    assert first == second == ("waiting", "r-0", 0, "")
    assert [path for _, path, _, _ in stub.requests[:2]] == [
        DEPLOYMENT_PATH,
        "/api/deployments/d-1/create_flow_run",
    ]
    body = stub.requests[1][3]
    assert body["idempotency_key"] == f"compile:{PROJECT}:none:0"
    assert body["parameters"] == {"project": PROJECT}
    assert body["tags"] == ["rlm-context", PROJECT]


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
def test_a_run_that_ended_makes_room_for_the_next(stub: Stub, end: str) -> None:
    """However it ended; what this machine remembers saves the requests in between."""
    server = PrefectServer(PrefectRest(stub.url, {}))
    for attempt in range(3):
        assert server.ask(PROJECT, "g", None).attempt == attempt
        stub.end(end)
    stub.requests.clear()
    asked = server.ask(PROJECT, "g", record("waiting", generation="g", attempt=2, run="r-9"))
    assert asked.attempt == 3
    assert stub.keys == [f"compile:{PROJECT}:g:2", f"compile:{PROJECT}:g:3"]
    assert server.ask(PROJECT, "next", record("waiting", generation="g", attempt=2)).attempt == 0


@pytest.mark.parametrize(
    ("state", "told"),
    [("SCHEDULED", "waiting"), ("PENDING", "waiting"), ("RUNNING", "running"), ("CANCELLING", "running"),
     ("PAUSED", "running")],
)  # fmt: skip
def test_only_a_run_that_has_not_begun_sees_everything(stub: Stub, state: str, told: str) -> None:
    """One that runs may have looked before, and is said to; it has ended when its state says so, or it is gone."""
    stub.state = state
    server = PrefectServer(PrefectRest(stub.url, {}))
    asked = server.ask(PROJECT, "none", None)
    assert asked.state == told
    assert not server.has_ended(PROJECT, asked.run)
    stub.end()
    assert server.has_ended(PROJECT, asked.run)
    assert server.has_ended(PROJECT, "deleted/../x")


def test_a_run_that_completes_without_our_sessions_is_doubted(stub: Stub) -> None:
    """It had not begun when it was asked for, so it should have found them; one that failed says so itself."""
    server = PrefectServer(PrefectRest(stub.url, {}))
    before = record("waiting", generation="g", run=server.ask(PROJECT, "g", None).run)
    stub.end("FAILED")
    assert server.ask(PROJECT, "g", before).doubt == ""
    stub.runs.popitem()
    stub.end()
    assert "the same store" in server.ask(PROJECT, "g", before).doubt
    assert server.ask(PROJECT, "g", record("running", generation="g", run=before.run)).doubt == ""


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass(stub: Stub, status: int) -> None:
    """A busy server is away, for as long as it says."""
    stub.answers = [lambda handler: handler.send(status, {}, retry_after="7")]
    with pytest.raises(AwayError, match=str(status)) as caught:
        PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None)
    assert caught.value.retry_after == 7
    stub.answers = [(200, {"id": "d-1"}), (status, b"<html>")]
    with pytest.raises(AwayError) as caught:
        PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None)
    assert caught.value.retry_after == 0


@pytest.mark.parametrize(
    ("status", "command"),
    [(401, "PREFECT_API_AUTH_STRING"), (403, "PREFECT_API_AUTH_STRING"), (400, DEPLOY), (404, DEPLOY),
     (409, DEPLOY), (422, DEPLOY), (301, "PREFECT_API_URL"), (200, "PREFECT_API_URL")],
)  # fmt: skip
def test_what_does_not_pass_names_what_mends_it(stub: Stub, status: int, command: str) -> None:
    """Credentials, the deployment, or the address; one request, and no other."""
    stub.answers = [lambda handler: handler.send(status, b"<html>", location="http://127.0.0.1:1/stolen")]
    with pytest.raises(RefusedError) as caught:
        PrefectServer(PrefectRest(stub.url, {"Authorization": "Basic eA=="})).ask(PROJECT, "none", None)
    assert command in (caught.value.next_command or "")
    assert isinstance(caught.value, NotDeployedError) is (status == 404)
    assert len(stub.requests) == 1


def test_a_server_that_asks_for_a_token_gets_it(stub: Stub) -> None:
    """With protection against forged requests a POST is repeated with a token; without, 403 is what it says."""
    stub.answers = [(200, {"id": "d-1"}), (403, {"detail": "Missing CSRF token."}), (200, {"token": "t-1"})]
    assert PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None).run == "r-0"
    _, asked, _, _ = stub.requests[-2]
    sent = {name.lower(): value for name, value in stub.requests[-1][2].items()}
    assert asked == f"/api/csrf-token?client={sent['prefect-csrf-client']}"
    assert sent["prefect-csrf-token"] == "t-1"
    no_tokens: Answer = (422, {"detail": "CSRF protection is disabled."})
    ends: list[list[Answer]] = [[no_tokens], [(404, {})], [(200, {"token": "wrong"}), (403, {})]]
    for last in ends:
        stub.answers = [(200, {"id": "d-1"}), (403, {}), *last]
        with pytest.raises(RefusedError, match="HTTP 403"):
            PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None)


def test_lost_answers_make_no_second_run(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropped, cut short, or late: that is away; asked again, the run is the same."""
    release = threading.Event()

    def hang(handler: Handler) -> None:
        release.wait(PATIENCE)

    deployment = (200, {"id": "d-1"})
    for answer, seconds in ((drop, PATIENCE), (accept_and_drop, PATIENCE), (hang, 0.3)):
        with monkeypatch.context() as patch:
            patch.setattr(rest, "_SECONDS", seconds)
            server = PrefectServer(PrefectRest(stub.url, {}))
        stub.answers = [deployment, answer]
        with pytest.raises(AwayError) as caught:
            server.ask(PROJECT, "none", None)
        assert not caught.value.nobody_listens
    release.set()
    stub.answers = []  # on a busy machine the last one was late with the first answer already
    assert PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None).run == "r-0"
    assert len(stub.runs) == 1


def test_nobody_listens() -> None:
    """That is told apart; an address that is none, and one without TLS on the other side, too."""
    with nobody() as url, pytest.raises(AwayError) as caught:
        PrefectServer(PrefectRest(url, {})).ask(PROJECT, "none", None)
    assert caught.value.nobody_listens
    for address in ("nonsense", "ftp://x/api", "http://[::1/api", "http://127.0.0.1:x/api"):
        with pytest.raises(RefusedError, match="not the API"):
            PrefectServer(PrefectRest(address, {})).ask(PROJECT, "none", None)


@pytest.mark.parametrize("scheme", ["http", "ftp"])
def test_a_password_in_the_address_is_not_shown(scheme: str) -> None:
    """Messages go to a log and to `status`."""
    with nobody() as gone:
        url = gone.replace("http://", f"{scheme}://ann:secret@")
        with pytest.raises((AwayError, RefusedError)) as caught:
            PrefectServer(PrefectRest(url, {})).ask(PROJECT, "none", None)
    assert "secret" not in str(caught.value)


def authorization(stub: Stub) -> str | None:
    configured_rest(stub.url).get(DEPLOYMENT_PATH.removeprefix("/api"), dict)
    return stub.requests[-1][2].get("Authorization")


def test_credentials_are_those_of_prefects_client(
    stub: Stub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Basic before bearer, from the environment before the profile; a team's own headers go along."""
    assert authorization(stub) is None
    monkeypatch.setenv("PREFECT_API_KEY", "pnu_1")
    assert authorization(stub) == "Bearer pnu_1"
    (home / ".prefect").mkdir()
    (home / ".prefect" / "profiles.toml").write_text(
        'active = "team"\n[profiles.team]\nPREFECT_API_AUTH_STRING = "ann:pässword"\n'
        'PREFECT_CLIENT_CUSTOM_HEADERS = \'{"X-Team": "tide"}\'\n'
    )
    assert authorization(stub) == "Basic " + base64.b64encode("ann:pässword".encode()).decode()
    assert stub.requests[-1][2]["X-Team"] == "tide"
    monkeypatch.setenv("PREFECT_CLIENT_CUSTOM_HEADERS", "[1]")
    with pytest.raises(RefusedError, match="CUSTOM_HEADERS"):
        configured_rest(stub.url)


def test_certificates_are_those_of_prefects_client(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One's own, or none where the user says so; a file that holds none is named."""
    made: list[object] = []
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile: f"context of {cafile}")
    monkeypatch.setattr(PrefectRest, "__init__", lambda self, *arguments: made.append(arguments[-1]))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    configured_rest("https://x/api")
    monkeypatch.setenv("PREFECT_API_SSL_CERT_FILE", "/team.pem")
    configured_rest("https://x/api")
    monkeypatch.setenv("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "true")
    configured_rest("https://x/api")
    assert made == [True, "context of /team.pem", False]
    monkeypatch.undo()
    monkeypatch.setenv("PREFECT_API_SSL_CERT_FILE", str(home / "none.pem"))
    with pytest.raises(RefusedError, match=r"none\.pem"):
        configured_rest("https://x/api")


def test_a_certificate_that_nobody_vouches_for(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays so until somebody mends it: that is no server that is away."""
    error = ssl.SSLCertVerificationError("self-signed certificate")

    def connect(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("socket.create_connection", connect)
    with pytest.raises(RefusedError, match="not trusted") as caught:
        PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None)
    assert "PREFECT_API_SSL_CERT_FILE" in (caught.value.next_command or "")


def test_a_proxy_is_for_others(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of this machine is asked directly."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert PrefectServer(PrefectRest(stub.url, {})).ask(PROJECT, "none", None).run == "r-0"
