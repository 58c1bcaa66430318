"""The contracts of a store against a real service, for who has an account.

    python -m tests.store.against modal://VOLUME/NEW-FOLDER
    python -m tests.store.against s3://BUCKET/NEW-FOLDER

Credentials come from where they always come. Everything is written below the folder, which must be empty, and deleted
in the end; a few hundred small objects, about a minute. What is printed belongs into docs/store.md, "Not verified".
"""

import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from store.modal import ModalStore
from store.protocol import Store
from store.s3 import S3Store
from tests.store.conformance import StoreConformance

_KINDS: dict[str, Callable[[str, str], Store]] = {"modal": ModalStore, "s3": S3Store}


class Against(StoreConformance):
    """The contracts over folders of one place."""

    examples = 3

    def __init__(self, url: str) -> None:
        scheme, _, address = url.partition("://")
        self._at, _, folder = address.strip("/").partition("/")
        if scheme not in _KINDS or not folder:
            raise SystemExit(__doc__)
        self._folder = folder
        self._kind = _KINDS[scheme]
        self._numbers = count()

    def make_store(self, folder: Path) -> Store:
        return self._kind(self._at, f"{self._folder}/{next(self._numbers)}")

    def whole(self) -> Store:
        """All that the contracts wrote."""
        return self._kind(self._at, self._folder)

    def mktemp(self, name: str) -> Path:
        """What the test of listings asks of pytest; the folder is not used."""
        return Path(name)


def cases(contracts: Against) -> Iterator[tuple[str, Callable[[], object]]]:
    """(name, what to run) of every contract with every one of its values."""
    for name, function in inspect.getmembers(contracts, inspect.ismethod):
        if not name.startswith("test_"):
            continue
        marks = getattr(function, "pytestmark", [])
        values = marks[0].args[1] if marks else [None]
        for value in values:
            yield (name if value is None else f"{name}[{value!a:.20}]"), _run(contracts, function, value)


def _run(contracts: Against, function: Callable[..., object], value: Any) -> Callable[[], object]:
    if "tmp_path_factory" in inspect.signature(function).parameters:
        return lambda: function(contracts)
    extra = () if value is None else (value,)
    return lambda: function(contracts.make_store(Path()), *extra)


def main(url: str) -> int:
    """Run all, say how it went, clean up; how many failed."""
    contracts = Against(url)
    if next(contracts.whole().keys(), None) is not None:
        raise SystemExit(f"{url} is not empty")
    failed = 0
    for name, run in cases(contracts):
        began = time.perf_counter()
        try:
            run()
        except Exception:  # noqa: BLE001 - whatever goes wrong with a service is what we want to see
            failed += 1
            traceback.print_exc()
            print(f"FAILED {name}")
        else:
            print(f"passed {name} {time.perf_counter() - began:.2f} s")
    whole = contracts.whole()
    for key in list(whole.keys()):
        whole.delete(key)
    print(f"{failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]) if len(sys.argv) == 2 else __doc__)
