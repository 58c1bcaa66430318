"""Every kind of store there is, by URL scheme: the one place to add another."""

import os
import re
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

from data_models.errors import KeyMissingError, SettingsError, StoreError
from store.cached import CachedStore, CopyCache
from store.earlier import MADE_BY_COMPILES, Adopt, adopt_earlier, earlier_transcripts
from store.files import store_errors
from store.info import ensure_info, read_info, remaking
from store.keys import STORE_INFO
from store.local import LocalStore
from store.memory import MemoryStore
from store.mounted import MountedStore
from store.protocol import Store, check_key

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NOT_FOREIGN = frozenset({".tmp", ".DS_Store", "lost+found"})
_CACHE_BYTES = 1 << 30
_memory_stores: dict[str, MemoryStore] = {}


@dataclass(frozen=True)
class _Kind:
    """One kind of store: how it is written, the one form of its address, and how it is opened there."""

    example: str
    address: Callable[[str], str]
    open: Callable[[str, bool], Store]
    is_remote: bool = False


def open_store(
    url: str,
    *,
    make: bool = True,
    cache: Path | None = None,
    mount: Path | None = None,
    adopt: Adopt | None = None,
) -> Store:
    """The store at a URL; made there if there is none.

    Args:
        url: a folder ("~" allowed), `modal://VOLUME/PREFIX`, `s3://BUCKET/PREFIX` (the prefix may be
            left out), or `memory://NAME` (this process only).
        make: whether it may be made, a Modal volume included; else nothing is written, and a place where nothing is
            yet is just empty (a bucket or volume that does not exist is an error).
        cache: the folder for copies of what a store elsewhere holds; None: no copies.
        mount: the folder where the volume of a store elsewhere is mounted; None: it is not.
        adopt: imports what an earlier upload script left there, before anything else is written; None: such a place
            can only be read.

    Raises:
        SettingsError: no store is known by that scheme, or what it needs is not installed.
        FormatTooNewError: a newer rlm-context made the store.
        DamagedError: its `store.json` is unreadable.
        StoreFullError: it may not be written.
        StoreError: it cannot be reached, or holds something that is no store.
    """
    kind, address = _split(url)
    store = kind.open(kind.address(address), make)
    if cache is not None and kind.is_remote:
        store = CachedStore(store, CopyCache(cache, _CACHE_BYTES))
    if mount is not None and kind.is_remote:
        store = MountedStore(store, mount / kind.address(address).partition("/")[2])
    try:
        read_info(store)
    except KeyMissingError:
        if kind.is_remote:
            _check_unused(store, set(store.folders()) or set(store.keys()))
        if make:
            adopt_earlier(store, adopt)
            ensure_info(store)
    return store


def canonical_url(url: str) -> str:
    """The one form in which `Store.url` gives this address; the store is not touched.

    Raises:
        SettingsError: no store is known by that scheme.
    """
    kind, address = _split(url)
    scheme = _SCHEME.match(kind.example)
    return (scheme[0] if scheme else "") + kind.address(address)


def _split(url: str) -> tuple[_Kind, str]:
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    address = url[match.end() :] if match else url
    if scheme not in _KINDS or not (address.strip("/") if scheme else address):
        raise _no_store(url)
    return _KINDS[scheme], address


def _no_store(url: str) -> SettingsError:
    return SettingsError(
        f"there is no store of the kind {url!r}; there are: {', '.join(kind.example for kind in _KINDS.values())}",
        next_command="set RLM_CONTEXT_STORE to a folder",
    )


def _folder(address: str) -> Path:
    # Not resolve(): a link that a user made is part of the address they know.
    return Path(os.path.normpath(Path(address).expanduser().absolute()))


def _open_local(address: str, _make: bool) -> Store:
    root = Path(address)
    with store_errors(root):
        if root.exists() and not root.is_dir():
            raise StoreError(
                f"{root} is a file, not a store", next_command="set RLM_CONTEXT_STORE to a folder"
            )
        foreign = {path.name for path in root.iterdir()} - _NOT_FOREIGN if root.is_dir() else set()
    store = LocalStore(root)
    _check_unused(store, foreign)
    store.sweep()
    return store


def _below(address: str) -> str:
    """`NAME/PREFIX` without superfluous slashes.

    Raises:
        SettingsError: a part of it cannot be part of a key.
    """
    try:
        return check_key("/".join(part for part in address.split("/") if part))
    except StoreError as error:
        raise SettingsError(
            f"{address!r} is no address of a store", next_command="set RLM_CONTEXT_STORE to a folder"
        ) from error


def _open_memory(name: str, _make: bool) -> Store:
    return _memory_stores.setdefault(name, MemoryStore(f"memory://{name}"))


def _open_s3(address: str, _make: bool) -> Store:
    try:
        from store.s3 import S3Store
    except ModuleNotFoundError as error:
        if error.name != "obstore":
            raise
        raise SettingsError(
            "a store in S3 needs the package obstore", next_command="pip install 'rlm-context[s3]'"
        ) from error
    bucket, _, prefix = address.partition("/")
    return S3Store(bucket, prefix)


def _open_modal(address: str, make: bool) -> Store:
    from store.modal import ModalStore

    volume, _, prefix = address.partition("/")
    return ModalStore(volume, prefix, make=make)


def _check_unused(store: Store, foreign: Set[str]) -> None:
    """Refuse a place that has no `store.json`, but something else than an earlier upload script left.

    Args:
        store: the place.
        foreign: the names at its top.

    Raises:
        StoreError: that is so.
    """
    # Looked for again: another process may be making the store this moment, and this object comes first.
    if not foreign or store.size(STORE_INFO) is not None:
        return
    # An adoption that was stopped has made an inbox and blobs.
    if foreign.isdisjoint(MADE_BY_COMPILES) and earlier_transcripts(store):
        return
    if {"blobs", "inbox"} <= foreign:
        raise StoreError(f"{store.url} has lost its {STORE_INFO}", next_command=remaking(store.url))
    raise StoreError(
        f"{store.url} holds files and is not a store",
        next_command=f"set RLM_CONTEXT_STORE to an empty folder: {store.url}/rlm-context",
    )


_KINDS = {
    "": _Kind("a folder", lambda address: str(_folder(address)), _open_local),
    "memory": _Kind("memory://NAME", str, _open_memory),
    "modal": _Kind("modal://VOLUME/PREFIX", _below, _open_modal, is_remote=True),
    "s3": _Kind("s3://BUCKET/PREFIX", _below, _open_s3, is_remote=True),
}
