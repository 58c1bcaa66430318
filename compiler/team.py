"""What a team fixed in its store, as far as hooks and the fast search need it: copied to this machine.

    <home>/cache/team/<crc32 of the store's address>.json     {"store": …, "project_aliases": {old: new}}

They read it with the standard library (`rlm_context.hooks.here`). There is no file for a store that renames nothing.
"""

import json
from binascii import crc32
from collections.abc import Mapping
from contextlib import suppress

from data_models.env import home, store_url
from data_models.errors import StoreError
from store.files import FileWriter, read_file


def keep_aliases(aliases: Mapping[str, str]) -> None:
    """Keep on this machine how the team of the configured store renamed projects.

    A home that cannot be written costs hooks the new names, and the command that opened the store nothing.
    """
    store = store_url()
    path = home() / "cache" / "team" / f"{crc32(store.encode('utf-8', 'replace')):08x}.json"
    with suppress(OSError, StoreError):
        if not aliases:
            path.unlink(missing_ok=True)
            return
        document = {"store": store, "project_aliases": dict(sorted(aliases.items()))}
        data = json.dumps(document).encode()
        if read_file(path) != data:
            FileWriter(path.parent).write_many([(path, data)])
