"""Rolling back: an earlier generation's content is the newest again, and nothing is lost by it."""

import asyncio
from pathlib import Path

import pytest

from compiler.local_copy import Copy, refresh
from compiler.maintenance.rollback import RolledBack, roll_back
from compiler.plan import plan
from compiler.runtime import Runtime
from compiler.uploading.upload import upload
from data_models.errors import NotFoundError
from store.generations import history, newest
from store.keys import compiled_text_key
from store.tombstones import forget_sessions
from tests.forget.conftest import compile_shop
from tests.forget.words import session_id_of, word_of, write_words


@pytest.fixture
def three(compiled: Runtime, source: Path) -> Runtime:
    """A third generation with a fifth session."""
    write_words(source, 4)
    upload(compiled, [source / "ann"], project="shop")
    compile_shop(compiled)
    return compiled


def back(runtime: Runtime, number: int | None = None) -> RolledBack:
    return asyncio.run(roll_back(runtime, "shop", number))


def shown(runtime: Runtime) -> Copy:
    copy = refresh(runtime, "shop")
    assert copy is not None
    return copy


def test_what_is_shown_is_the_earlier_content(three: Runtime) -> None:
    """Brief, full text, sessions, search and the copy for people, under a number of its own."""
    done = back(three, 2)
    assert (done.to, done.generation[:10], done.sessions) == (2, "0000000004", 4)
    assert done.left_out == [session_id_of(4)]
    copy = shown(three)
    assert copy.generation == done.generation
    assert word_of(4) not in copy.read("full.md")
    assert word_of(3) in copy.read("full.md")
    assert three.store.get(compiled_text_key("shop")).decode() == copy.read("full.md")
    assert copy.manifest().usage.calls == 0


def test_again_goes_one_further_back(three: Runtime) -> None:
    """Not to what was just left, which has the higher number."""
    assert [back(three).to, back(three).to] == [2, 1]
    with pytest.raises(NotFoundError):
        back(three)


def test_the_next_compile_takes_everything_in_again(three: Runtime) -> None:
    """Two back, then a compile: the same texts as before, and every generation still there."""
    before = shown(three).read("full.md")
    back(three)
    back(three)
    assert plan(three, "shop").has_work
    compile_shop(three)
    assert shown(three).read("full.md") == before
    assert len(history(three.store, "shop")[0]) == 6


def test_no_generation_brings_back_what_was_forgotten(three: Runtime) -> None:
    """Also before it was purged, and where it is named by its number."""
    forget_sessions(three.store, [session_id_of(1)])
    compile_shop(three)
    for number in (2, 3):
        with pytest.raises(NotFoundError, match="there are 1"):
            back(three, number)
    assert back(three).to == 1


def test_a_generation_that_is_not_whole_is_passed_over(three: Runtime) -> None:
    """The next earlier one is taken; named by its number, it is refused."""
    second = history(three.store, "shop")[0][1]
    three.store.delete(second.manifest.texts["brief"].key)
    with pytest.raises(NotFoundError):
        back(three, 2)
    assert back(three).to == 1


def test_a_project_without_generations_is_told(runtime: Runtime) -> None:
    """Nothing is published."""
    with pytest.raises(NotFoundError):
        back(runtime)
    assert newest(runtime.store, "shop") is None
