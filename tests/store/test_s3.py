"""The store in S3: its contracts, and what it says on bad days."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import pytest

from data_models.errors import KeyMissingError, SettingsError, StoreError, StoreFullError
from store.protocol import Store
from store.registry import canonical_url, open_store
from store.s3 import Deadlines, S3Store
from tests.store.conformance import StoreConformance
from tests.store.s3_service import BUCKET, Fault, Proxy, new_prefix

QUICK = Deadlines(connect=1, idle=0.3, request=2, retrying=3, retries=2)
"""For what is never answered."""

LASTING = Deadlines(idle=0.5, retries=9)
"""For what is answered late once: a busy machine may be late several times."""


@pytest.mark.usefixtures("plain_s3")
class TestS3(StoreConformance):
    """The contracts, over an S3 service on loopback."""

    examples = 8

    def make_store(self, folder: Path) -> Store:
        return S3Store(BUCKET, new_prefix())


@pytest.fixture
def store(s3: Proxy, fault: Fault) -> S3Store:
    return S3Store(BUCKET, new_prefix(), LASTING if fault == "slow" else Deadlines(retries=2))


@pytest.mark.parametrize("fault", ["refused", "answer lost", "dropped", "slow"])
def test_a_write_outlives_a_fault(s3: Proxy, store: S3Store, fault: Fault) -> None:
    """A put whose first attempt is refused, unanswered, cut off or too slow is done by the next."""
    s3.plan = iter([fault])
    store.put("a/b", b"one")
    assert store.get("a/b") == b"one"
    s3.plan = iter([fault, None, fault])
    store.put_many((f"c/{index}", b"x") for index in range(5))
    assert len(list(store.keys("c"))) == 5


@pytest.mark.parametrize("fault", ["refused", "answer lost", "dropped", "slow", "cut"])
def test_a_read_outlives_a_fault(s3: Proxy, store: S3Store, fault: Fault) -> None:
    """A get or listing that fails once, or whose body is cut off, gives the whole answer in the end."""
    data = bytes(range(256)) * 4000
    store.put("a/b", data)
    s3.methods = frozenset({"GET", "HEAD"})
    for read, expected in (
        (lambda: store.get("a/b"), data),
        (lambda: store.size("a/b"), len(data)),
        (lambda: list(store.keys()), ["a/b"]),
    ):
        s3.plan = iter([fault])
        assert read() == expected


@pytest.mark.parametrize("fault", ["refused", "answer lost", "dropped", "slow"])
def test_retries_are_bounded(s3: Proxy, fault: Fault) -> None:
    """A service that never answers costs a bounded time, and the error says what to do."""
    store = S3Store(BUCKET, new_prefix(), QUICK)
    s3.methods = frozenset({"GET", "HEAD", "PUT"})
    s3.plan = repeat(fault)
    for call in (lambda: store.put("a", b"1"), lambda: store.get("a"), lambda: list(store.keys())):
        began = time.monotonic()
        with pytest.raises(StoreError) as caught:
            call()
        assert not isinstance(caught.value, KeyMissingError)
        assert caught.value.next_command
        assert time.monotonic() - began < 30


@pytest.mark.parametrize(("fault", "kind"), [("denied", StoreFullError), ("full", StoreFullError)])
def test_what_the_service_refuses(s3: Proxy, store: S3Store, fault: Fault, kind: type[StoreError]) -> None:
    """A wrong key and a full service are told apart, in one line that says neither key nor body."""
    s3.plan = repeat(fault)
    with pytest.raises(kind) as caught:
        store.put("a", b"content")
    assert {"denied": "InvalidAccessKeyId", "full": "QuotaExceeded"}[fault] in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.next_command


@pytest.mark.usefixtures("plain_s3")
@pytest.mark.parametrize("make", [True, False])
def test_a_missing_bucket(make: bool) -> None:
    """It is an error that names the bucket, also for readers: never an empty store."""
    with pytest.raises(StoreError) as caught:
        open_store("s3://absent/team", make=make)
    assert "absent" in caught.value.message
    assert "aws s3 mb s3://absent" in str(caught.value.next_command)


def test_no_network(s3: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: an error within the deadline, without the password that the address holds."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:hush@127.0.0.1:9")
    with pytest.raises(StoreError) as caught:
        S3Store(BUCKET, "", QUICK).get("a")
    assert "127.0.0.1:9" in caught.value.message
    assert "hush" not in caught.value.message


def test_no_credentials(s3: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, on a machine that has none of its own, the error says which to set."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError) as caught:
        S3Store(BUCKET, "", QUICK).get("a")
    assert "AWS_ACCESS_KEY_ID" in str(caught.value.next_command)


def put_raw(s3: Proxy, keys: Iterable[str]) -> None:
    for key in keys:
        url = f"http://127.0.0.1:{s3.upstream}/{BUCKET}/{key}"
        request = urllib.request.Request(url, data=b"planted", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()


def test_planted_keys_are_not_there(s3: Proxy) -> None:
    """Objects whose keys no store writes are not listed; one whose key is no path is an error that says so."""
    prefix = new_prefix().replace(" store", "")
    store = S3Store(BUCKET, prefix)
    store.put("a/real", b"x")
    put_raw(s3, [f"{prefix}/a/.hidden", f"{prefix}/a/sub/", f"{prefix}/.dot/x", f"{prefix}/a/a:b"])
    assert list(store.keys()) == ["a/real"]
    assert list(store.folders()) == ["a"]
    put_raw(s3, [f"{prefix}/a//b"])
    with pytest.raises(StoreError) as caught:
        list(store.keys("a"))
    assert "aws s3 ls" in str(caught.value.next_command)
    assert store.get("a/real") == b"x"


@pytest.mark.usefixtures("plain_s3")
def test_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new prefix becomes a store; one that lost its description or holds other things is refused."""
    prefix = new_prefix()
    url = f"s3://{BUCKET}/{prefix}"
    assert canonical_url(f"S3://{BUCKET}//{prefix}/") == url
    assert list(open_store(url, make=False).keys()) == []
    store = open_store(url)
    assert store.url == url
    assert list(store.keys()) == ["store.json"]
    store.put("blobs/x", b"1")
    store.put("inbox/x", b"1")
    store.delete("store.json")
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "store.json" in str(caught.value.next_command)
    store.delete("inbox/x")
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "/rlm-context" in str(caught.value.next_command)


@pytest.mark.usefixtures("plain_s3")
@pytest.mark.parametrize("key", ["weights.bin", "weights/1.bin"])
def test_a_place_in_use_is_left_alone(key: str) -> None:
    """What lies there, in a folder or not, is somebody's: no store is made beside it."""
    place = S3Store(BUCKET, new_prefix())
    place.put(key, b"1")
    for make in (False, True):
        with pytest.raises(StoreError, match="is not a store"):
            open_store(place.url, make=make)
    assert list(place.keys()) == [key]


@pytest.mark.parametrize("url", ["s3://", "s3:///", "s3://bucket/../x", "s3://bucket/.hidden"])
def test_addresses_that_are_none(url: str) -> None:
    """An address without a bucket, or with dots in it, is refused before anything is asked."""
    with pytest.raises(SettingsError):
        open_store(url)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where obstore is not installed, the error says what to install."""
    monkeypatch.delitem(sys.modules, "store.s3", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(SettingsError) as caught:
        open_store("s3://bucket/x")
    assert caught.value.next_command == "pip install 'rlm-context[s3]'"


def test_a_local_store_imports_no_service(tmp_path: Path) -> None:
    """Opening a folder imports neither obstore nor modal."""
    code = (
        "import sys; from store.registry import open_store; open_store(sys.argv[1]);"
        "print(sorted({'obstore', 'modal', 'boto3'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "store")], cwd=root, capture_output=True, check=True
    )
    assert done.stdout.strip() == b"[]"
