"""A store in a bucket of Amazon S3 or of a service that speaks its protocol (extra `s3`; obstore).

Credentials, region and endpoint come from AWS's usual environment variables (`AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`), else from the metadata service of
the container or machine; `~/.aws` is not read. A put replaces an object whole, and whatever begins after it sees
it: Amazon documents this ("Amazon S3 data consistency model"), other services mostly do. The request's signature
covers the SHA-256 of its body, so bytes damaged on the way up are refused by the service.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    InvalidPathError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import S3Store as Service

from data_models.errors import KeyMissingError, StoreError, StoreFullError
from store.protocol import check_key, check_prefix, is_segment

if TYPE_CHECKING:
    from obstore.store import ClientConfig

_T = TypeVar("_T")

_AT_ONCE = 16
"""Puts of one `put_many` under way at once."""

_BATCH = 64
"""Objects of one `put_many` held in memory at once."""

_BROKEN_LISTINGS = 2
"""Listings that broke off in the middle after which one more is made."""

_FULL = frozenset(
    {"QuotaExceeded", "StorageFull", "XMinioStorageFull", "EntityTooLarge", "InsufficientStorage"}
)
_METADATA = re.compile(r"/latest/(api/token|meta-data)")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_CREDENTIALS = (
    'eval "$(aws configure export-credentials --format env)", or set AWS_ACCESS_KEY_ID and its secret'
)


class Deadlines(NamedTuple):
    """Seconds that a request may take: to connect, without a byte arriving, and in all; and for its retries.

    A call makes at most `1 + retries` requests and begins none after `retrying` seconds.
    """

    connect: float = 5
    idle: float = 30
    request: float = 600
    retrying: float = 45
    retries: int = 4


class S3Store:
    """`store.protocol.Store` over the objects of a bucket below a prefix.

    Args:
        bucket: the bucket; it must exist.
        prefix: where the store is in it, without "/" at either end; "" for the whole bucket.
        deadlines: what each call may take.
    """

    def __init__(self, bucket: str, prefix: str = "", deadlines: Deadlines | None = None) -> None:
        deadlines = deadlines or Deadlines()
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        with self._errors():
            self._service = Service(
                bucket,
                prefix=prefix or None,
                config={
                    "disable_bulk_delete": True
                },  # one object at a time anyway, and some services lack it
                client_options=_client_options(deadlines),
                retry_config={
                    "max_retries": deadlines.retries,
                    "retry_timeout": timedelta(seconds=deadlines.retrying),
                    "backoff": {"max_backoff": timedelta(seconds=deadlines.connect)},
                },
            )

    def get(self, key: str) -> bytes:
        """See `Store.get`."""
        with self._errors(key):
            return obstore.get(self._service, check_key(key)).bytes().to_bytes()

    def put(self, key: str, data: bytes) -> None:
        """See `Store.put`."""
        with self._errors(partial=True):
            obstore.put(self._service, check_key(key), data, max_concurrency=4)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.put_many`."""
        iterator = iter(items)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while batch := list(islice(iterator, _BATCH)):
                for put in [pool.submit(self.put, key, data) for key, data in batch]:
                    put.result()

    def size(self, key: str) -> int | None:
        """See `Store.size`."""
        try:
            with self._errors(key):
                return obstore.head(self._service, check_key(key))["size"]
        except KeyMissingError:
            return None

    def keys(self, prefix: str = "") -> Iterator[str]:
        """See `Store.keys`."""
        folder = check_prefix(prefix) or None
        found = self._listed(lambda: [meta for page in obstore.list(self._service, folder) for meta in page])
        # Not every service that speaks the protocol lists in order (S3's own directory buckets do not).
        for key, size in sorted({meta["path"]: meta["size"] for meta in found}.items()):
            # An empty object may be the mark of a folder, "a/", of which the library shows "a".
            if all(map(is_segment, key.split("/"))) and (size or self.size(key) is not None):
                yield key

    def folders(self, prefix: str = "") -> Iterator[str]:
        """See `Store.folders`."""
        folder = check_prefix(prefix) or None
        listed = self._listed(lambda: obstore.list_with_delimiter(self._service, folder)["common_prefixes"])
        yield from sorted(name for path in listed if is_segment(name := path.rstrip("/").rpartition("/")[2]))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        try:
            with self._errors(key):
                obstore.delete(self._service, check_key(key))
        except KeyMissingError:  # Amazon does not say so, other services do
            return

    def local_path(self, key: str) -> Path | None:
        """See `Store.local_path`: never here."""
        check_key(key)
        return None

    def _listed(self, listing: Callable[[], _T]) -> _T:
        """The library repeats what gets no answer, but not a listing that breaks off in the middle."""
        with self._errors():
            for _ in range(_BROKEN_LISTINGS):
                try:
                    return listing()
                except GenericError as error:
                    if "response body" not in str(error):
                        raise
            return listing()

    @contextmanager
    def _errors(self, key: str = "", *, partial: bool = False) -> Iterator[None]:
        """Turn the library's errors into ours; `key` is what was asked for, where that may be missing.

        `partial`: whether something may have been written.
        """
        try:
            yield
        except FileNotFoundError as error:
            if key and _code(error) != "NoSuchBucket":
                raise KeyMissingError(key) from error
            raise StoreError(
                f"there is no bucket {self._bucket} at {_endpoint()}",
                next_command=f"aws s3 mb s3://{self._bucket}, or mend RLM_CONTEXT_STORE",
            ) from error
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise StoreFullError(
                f"{_endpoint()} does not allow this to the credentials given ({_code(error) or 'no reason said'})",
                next_command=_CREDENTIALS,
                partial=partial,
            ) from error
        except InvalidPathError as error:
            raise StoreError(
                f"{self.url} holds an object whose key is no path ('.', '..' or an empty name in it)",
                next_command=f"find it with aws s3 ls --recursive {self.url}/ and remove it",
            ) from error
        except (BaseError, OSError, ValueError) as error:
            raise self._other(error, partial) from error

    def _other(self, error: Exception, partial: bool) -> StoreError:
        code = _code(error)
        if code in _FULL:
            return StoreFullError(
                f"no space left in {self.url} ({code})", next_command="free space there", partial=partial
            )
        if _METADATA.search(str(error)):
            return StoreError("there are no credentials for S3", next_command=_CREDENTIALS)
        if code:
            return StoreError(
                f"{self.url} cannot be used: {code}", next_command="rlm-context doctor", partial=partial
            )
        return StoreError(
            f"{_endpoint()} gives no answer",
            next_command="check the network and AWS_ENDPOINT_URL, then run the same command again",
            partial=partial,
        )


def _client_options(deadlines: Deadlines) -> "ClientConfig":
    return {
        "allow_http": _endpoint().startswith("http://"),
        "connect_timeout": timedelta(seconds=deadlines.connect),
        "read_timeout": timedelta(seconds=deadlines.idle),
        "timeout": timedelta(seconds=deadlines.request),
    }


def _endpoint() -> str:
    """The service's address as the environment gives it (the library's order), without user and password."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    address = next((value for name in names if (value := os.environ.get(name))), "Amazon S3")
    return re.sub(r"//[^/@]*@", "//", address)


def _code(error: Exception) -> str:
    """The reason that the service gave, as its word for it; "" if it gave none."""
    match = _CODE.search(str(error))
    return match[1] if match else ""
