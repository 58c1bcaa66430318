"""Every kind of store there is, by URL scheme: the one place to add another."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from data_models.errors import SettingsError, StoreError
from store.files import store_errors
from store.info import ensure_info, read_info, remaking
from store.keys import STORE_INFO
from store.local import LocalStore
from store.memory import MemoryStore
from store.protocol import Store

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NOT_FOREIGN = frozenset({".tmp", ".DS_Store", "lost+found"})
_memory_stores: dict[str, MemoryStore] = {}


def open_store(url: str, *, make: bool = True) -> Store:
    """The store at a URL; made there if there is none.

    Args:
        url: a folder ("~" allowed), or `memory://NAME` (this process only).
        make: whether it may be made; else one that is not there is just empty, and nothing is written.

    Raises:
        SettingsError: no store is known by that scheme.
        FormatTooNewError: a newer rlm-context made the store.
        DamagedError: its `store.json` is unreadable.
        StoreFullError: it may not be written.
        StoreError: the folder is a file, or holds something that is no store.
    """
    scheme, address = _split(url)
    store = _OPENERS[scheme](address)
    if make:
        ensure_info(store)
    elif store.size(STORE_INFO) is not None:
        read_info(store)
    return store


def canonical_url(url: str) -> str:
    """The one form in which `Store.url` gives this address; the store is not touched.

    Raises:
        SettingsError: no store is known by that scheme.
    """
    scheme, address = _split(url)
    return f"{scheme}://{address}" if scheme else str(_folder(address))


def _split(url: str) -> tuple[str, str]:
    match = _SCHEME.match(url)
    scheme = match[1].lower() if match else ""
    address = url[match.end() :] if match else url
    if scheme not in _OPENERS or not address:
        known = ", ".join(["a folder", *(f"{name}://…" for name in sorted(_OPENERS) if name)])
        raise SettingsError(
            f"there is no store of the kind {url!r}; there are: {known}",
            next_command="set RLM_CONTEXT_STORE to a folder",
        )
    return scheme, address


def _folder(address: str) -> Path:
    # Not resolve(): a link that a user made is part of the address they know.
    return Path(os.path.normpath(Path(address).expanduser().absolute()))


def _open_local(address: str) -> Store:
    root = _folder(address)
    with store_errors(root):
        if root.exists() and not root.is_dir():
            raise StoreError(
                f"{root} is a file, not a store", next_command="set RLM_CONTEXT_STORE to a folder"
            )
        foreign = {path.name for path in root.iterdir()} - _NOT_FOREIGN if root.is_dir() else set()
        # Looked for again: another process may be making the store this moment, and this file comes first.
        if foreign and not (root / STORE_INFO).is_file():
            if {"blobs", "inbox"} <= foreign:
                raise StoreError(f"{root} has lost its {STORE_INFO}", next_command=remaking(str(root)))
            raise StoreError(
                f"{root} holds files and is not a store",
                next_command="set RLM_CONTEXT_STORE to an empty folder",
            )
    store = LocalStore(root)
    store.sweep()
    return store


def _open_memory(name: str) -> Store:
    return _memory_stores.setdefault(name, MemoryStore(f"memory://{name}"))


_OPENERS: dict[str, Callable[[str], Store]] = {"": _open_local, "memory": _open_memory}
