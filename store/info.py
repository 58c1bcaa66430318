"""`store.json`: what a store says of itself."""

import shlex
from typing import Any

import msgspec

from data_models.errors import DamagedError, KeyMissingError
from data_models.records import FORMAT_VERSION
from store.codec import decode, encode
from store.keys import STORE_INFO
from store.protocol import Store


class StoreInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The store's format version, and the settings that its team fixed: they beat everyone's own."""

    format: int
    settings: dict[str, Any] = {}


def read_info(store: Store) -> StoreInfo:
    """What the store says of itself.

    Raises:
        KeyMissingError: it is no store.
        DamagedError: `store.json` is unreadable.
        FormatTooNewError: a newer rlm-context made the store.
    """
    try:
        return parse_info(store.get(STORE_INFO))
    except DamagedError as error:
        error.next_command = remaking(store.url)
        raise


def parse_info(data: bytes) -> StoreInfo:
    """What these bytes of a `store.json` say; raises as `read_info` does."""
    return decode(data, StoreInfo, STORE_INFO)


def remaking(url: str) -> str:
    """What to run where `store.json` is lost or damaged. Not done unasked: it may have held what a team fixed."""
    path = f"{url}/{STORE_INFO}"
    if "://" in url:
        return f'restore {path}, or if no team fixed anything: put {{"format":{FORMAT_VERSION}}} there'
    return f"restore {path}, or if no team fixed anything: echo '{{\"format\":{FORMAT_VERSION}}}' > {shlex.quote(path)}"


def ensure_info(store: Store) -> StoreInfo:
    """What the store says of itself; a store that says nothing yet becomes one of our format."""
    try:
        return read_info(store)
    except KeyMissingError:
        # Two processes may do this at once, so nothing in it is random: both write the same bytes.
        info = StoreInfo(format=FORMAT_VERSION)
        store.put(STORE_INFO, encode(info))
        return info
