"""Sessions that stay on this machine while the store is another one: which, and why."""

from collections.abc import Iterator

import msgspec

from compiler.citations import resolve
from compiler.runtime import Runtime
from compiler.uploading.sharing import Sharing, how_to_share, local_store_url
from data_models.errors import StoreError
from store.keys import decode_name, parse_receipt_key
from store.protocol import Store
from store.receipts import read_receipt
from store.registry import open_store


class NotShared(msgspec.Struct, frozen=True, kw_only=True):
    """A session in the default local store, why it is there, and the command that shares it ("" for none)."""

    session_id: str
    project: str
    reason: str
    next_command: str


def not_shared(runtime: Runtime, digits: str) -> NotShared | None:
    """The session that an id or a citation's digits mean, if it stays on this machine.

    Args:
        runtime: the process's runtime.
        digits: a session id or the end of one.
    """
    url = local_store_url(runtime.home)
    if runtime.store.url == url or not digits:
        return None
    store = open_store(url, make=False)
    keys = dict(_receipts(store))
    found = resolve(digits, keys)
    if len(found) != 1:
        return None
    try:
        receipt = read_receipt(store, keys[found[0]])
    except StoreError:
        return None  # `doctor` names what is damaged; here it only says that there is nothing to tell
    reason = Sharing(runtime.home, runtime.store.url).stays(receipt.session_id, receipt.cwd)
    return NotShared(
        session_id=receipt.session_id,
        project=receipt.project,
        reason=reason or "it was not shared when it was uploaded; rlm-context sync sends it",
        next_command=how_to_share(receipt.cwd) if reason.endswith("is not shared") else "",
    )


def _receipts(store: Store) -> Iterator[tuple[str, str]]:
    """Session ids and their receipts' keys, the newest of a session last."""
    for key in store.keys("inbox"):
        parts = parse_receipt_key(key)
        session = decode_name(parts.session) if parts else None
        if session is not None:
            yield session, key
