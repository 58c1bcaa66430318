"""A forgetting that is stopped at any point leaves a store that reads well, and the next one finishes it."""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.forgetting.home import purge_home
from compiler.forgetting.purge import purge
from compiler.runtime import Runtime, open_runtime
from store.counted import CountedStore
from store.generations import newest, verify
from store.protocol import Store
from store.tombstones import forget_sessions
from store.wrapped import WrappedStore
from tests.forget.conftest import compile_shop
from tests.forget.words import found_in, session_id_of, word_of


class Killed(BaseException):
    """What nothing catches."""


class Dying(WrappedStore):
    """A store whose process dies before its n-th change."""

    def __init__(self, store: Store, left: int) -> None:
        super().__init__(store)
        self._left = left

    def _live(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Killed

    def put(self, key: str, data: bytes) -> None:
        self._live()
        super().put(key, data)

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        for key, data in items:
            self.put(key, data)

    def delete(self, key: str) -> None:
        if not key.startswith(
            "leases/"
        ):  # who dies gives back no lease either, but its claim ends with its process
            self._live()
        super().delete(key)


def forget(runtime: Runtime, number: int) -> None:
    forget_sessions(runtime.store, [session_id_of(number)])
    compile_shop(runtime)
    purge(runtime)
    purge_home(runtime, again=True)


def test_a_kill_anywhere(compiled: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each of its changes in turn: readers have a whole generation, and the same again leaves nothing."""
    saved = compiled.home
    compiled.spool.acknowledge(
        compiled.store
    )  # jobs know the store's place, which a copy of the home has not
    died = True
    changes = 0
    while died:
        home = tmp_path / f"home-{changes}"
        shutil.copytree(saved, home)
        monkeypatch.setenv("RLM_CONTEXT_HOME", str(home))
        runtime = open_runtime()
        try:
            forget(replace(runtime, store=CountedStore(Dying(runtime.store, changes))), 1)
            died = False
        except Killed:
            died = True
        generation = newest(runtime.store, "shop")
        assert generation is not None
        verify(runtime.store, generation.key)
        forget(runtime, 1)
        assert found_in(home, [word_of(1)]) == {}, changes
        left = newest(runtime.store, "shop")
        assert left is not None
        assert {one for _, one in runtime.catalog([left.manifest])} == {session_id_of(n) for n in (0, 2, 3)}
        shutil.rmtree(home)
        changes += 2  # every other one: as many again would show little more
    assert changes > 20
