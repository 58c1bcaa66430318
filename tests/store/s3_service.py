"""An S3 service on loopback (moto), and a proxy before it that fails as networks and services do."""

import http.client
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Literal

import pytest
from moto.server import ThreadedMotoServer

BUCKET = "team"
Fault = Literal["refused", "answer lost", "dropped", "slow", "cut", "denied", "full"]

_numbers = count()
_WRITES = frozenset({"PUT", "POST", "DELETE"})
_BODY = "<Error><Code>{}</Code><Message>m</Message></Error>"


class Proxy(ThreadingHTTPServer):
    """Passes requests on to `port`; each request of the kinds in `methods` takes the next fault of the plan.

    refused: 503. answer lost: done, then hung up. dropped: hung up before it is done. slow: no answer before the
    client has given up. cut: half of the body comes. denied: 403 InvalidAccessKeyId. full: 507 QuotaExceeded.
    """

    daemon_threads = True
    request_queue_size = 128  # connections that come at once: of more than this, some wait a second

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = port
        self.plan: Iterator[Fault | None] = iter(())
        self.methods: frozenset[str] = _WRITES
        self.calls: Counter[str] = Counter()
        self.bytes_down = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_fault(self, method: str) -> Fault | None:
        with self.lock:
            self.calls[method] += 1
            return next(self.plan, None) if method in self.methods else None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: two cost 40 ms (Nagle's algorithm meets delayed ACK)
    disable_nagle_algorithm = True
    server: Proxy

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.next_fault(self.command)
        if fault == "slow":
            self.server.closing.wait(300)
        if fault in ("refused", "denied", "full"):
            status, code = {"refused": (503, "SlowDown"), "denied": (403, "InvalidAccessKeyId")}.get(
                fault, (507, "QuotaExceeded")
            )
            return self._answer(status, {}, _BODY.format(code).encode())
        if fault == "dropped" or fault == "slow":
            self.close_connection = True
            return None
        status, headers, data = self._forward(body)
        if fault == "answer lost":
            self.close_connection = True
            return None
        return self._answer(status, headers, data, cut=fault == "cut")

    # The names that http.server looks for.
    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _do  # noqa: N815

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=30)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], data: bytes, cut: bool = False) -> None:
        self.send_response(status)
        length = headers.pop("Content-Length", str(len(data))) if self.command == "HEAD" else str(len(data))
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
            self.server.bytes_down += len(data)
        if cut:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """An S3 service with one bucket, on this port of loopback."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")
    urllib.request.urlopen(request, timeout=30).close()
    yield port
    server.stop()


@pytest.fixture
def plain_s3(moto_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that leads to the service itself, with no proxy before it."""
    for name, value in environment(f"http://127.0.0.1:{moto_port}").items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3(moto_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The service behind a proxy without faults, and the environment that leads there."""
    proxy = Proxy(moto_port)
    for name, value in environment(proxy.url).items():
        monkeypatch.setenv(name, value)
    yield proxy
    proxy.closing.set()
    proxy.shutdown()
    proxy.server_close()


def environment(url: str) -> dict[str, str]:
    """The environment variables that lead to a service at this address."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }


def new_prefix() -> str:
    """A prefix that no other test uses."""
    return f"p{next(_numbers)}/team store"
