"""After any sequence of uploads, compiles, forgettings and rollbacks: what was forgotten is gone, and nothing else."""

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from compiler.forgetting.purge import purge
from compiler.maintenance.rollback import roll_back
from compiler.pipeline import compile_project
from compiler.plan import plan
from compiler.runtime import open_runtime
from compiler.steps import DirectSteps
from compiler.uploading.upload import upload
from data_models.errors import NotFoundError
from store.generations import newest, verify
from store.memory import MemoryStore
from store.tombstones import forget_sessions
from tests.forget.words import found_in_store, session_id_of, word_of, write_words

NUMBERS = st.integers(0, 3)


class AnyOrder(RuleBasedStateMachine):
    """A project of four sessions that may grow, in a store in memory."""

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        store = f"memory://{Path(self.folder.name).name}"
        with patch.dict(os.environ, {"RLM_CONTEXT_HOME": self.folder.name, "RLM_CONTEXT_STORE": store}):
            self.runtime = open_runtime()
        assert isinstance(self.runtime.store.itself, MemoryStore)
        self.uploaded: dict[int, int] = {}
        self.forgotten: set[int] = set()

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        with self.folder:
            self.compile()
            held = newest(self.runtime.store, "shop")
            sessions = self.runtime.catalog([held.manifest] if held else []).values()
            assert {one.session_id: one.prompts for one in sessions} == {
                session_id_of(number): states
                for number, states in self.uploaded.items()
                if number not in self.forgotten
            }

    @rule(number=NUMBERS)
    def upload(self, number: int) -> None:
        """A session as it is after one more turn, also one that was forgotten."""
        states = self.uploaded.get(number, 0) + 1
        path = write_words(Path(self.folder.name, "source"), number, states=states)
        result = upload(self.runtime, [path], project="shop")
        assert len(result.skipped) == (number in self.forgotten)
        self.uploaded[number] = states

    @rule()
    def compile(self) -> None:
        """Everything that is new."""
        if plan(self.runtime, "shop").has_work:
            asyncio.run(compile_project(self.runtime, "shop", DirectSteps(self.runtime)))

    @rule(number=NUMBERS, is_compiled=st.booleans())
    def forget(self, number: int, is_compiled: bool) -> None:
        """All the way, or stopped before the compile without it."""
        forget_sessions(self.runtime.store, [session_id_of(number)])
        self.forgotten.add(number)
        if is_compiled:
            self.compile()
        waits = purge(self.runtime).waiting
        if not waits:
            words = [word_of(gone, state) for gone in self.forgotten for state in range(9)]
            assert found_in_store(self.runtime.store, words) == set()
        assert not (is_compiled and waits)

    @precondition(lambda self: self.uploaded)
    @rule()
    def rollback(self) -> None:
        """To the generation before, if there is one."""
        try:
            done = asyncio.run(roll_back(self.runtime, "shop"))
        except NotFoundError:
            return
        assert done.to < int(done.generation.partition("-")[0])

    @invariant()
    def readers_see_a_whole_generation(self) -> None:
        """Whatever was done last."""
        if hasattr(self, "runtime") and (shown := newest(self.runtime.store, "shop")):
            verify(self.runtime.store, shown.key)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
