"""New redaction rules over what was stored under older ones."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from compiler.forgetting.home import purge_home
from compiler.forgetting.purge import purge
from compiler.local_copy import refresh
from compiler.maintenance.redacting_again import RedactedAgain, redact_again
from compiler.maintenance.verify import verify_store
from compiler.order import ordered
from compiler.plan import plan
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.upload import upload
from data_models.records import Rules
from store.receipts import read_receipt, receipt_keys, write_receipt
from tests.forget.conftest import compile_shop
from tests.forget.words import found_in, session_id_of, word_of, write_words
from transcripts.redaction.engine import Redactor
from transcripts.slim_again import redact_slim

RULES = "RLM_CONTEXT_REDACTION__RULES"


@pytest.fixture
def stricter(compiled: Runtime, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """The same store with a rule of the team's own, which finds the words of session 1 and of the first state of 3."""
    monkeypatch.setenv(RULES, msgspec.json.encode({"word": f"{word_of(1)}|{word_of(3)}"}).decode())
    return open_runtime()


def night(runtime: Runtime, **limits: int) -> RedactedAgain:
    done = redact_again(runtime, **limits)
    if plan(runtime, "shop").has_work:
        compile_shop(runtime)
    purge(runtime)
    purge_home(runtime, again=True)
    return done


def test_what_new_rules_find_is_found_nowhere(stricter: Runtime, source: Path) -> None:
    """It is replaced in every session that holds it, old states and copies for people included; the rest stays."""
    before = {one.session_id: one for one in copy_sessions(stricter)}
    done = night(stricter)
    assert (done.read, done.replaced, done.left, done.unreadable) == (4, 2, 0, 0)
    assert set(done.redactions) == {"word"}
    assert found_in(stricter.home, [word_of(1), word_of(3)]) == {}
    for kept in (word_of(0), word_of(2), word_of(3, 1)):
        assert found_in(stricter.home, [kept])
    after = {one.session_id: one for one in copy_sessions(stricter)}
    assert set(after) == set(before)
    assert after[session_id_of(0)] == msgspec.structs.replace(
        before[session_id_of(0)], indexed=after[session_id_of(0)].indexed
    )
    assert after[session_id_of(1)].redactions["word"] > 0
    assert verify_store(stricter).faults == []


def test_the_next_night_has_nothing_to_do(stricter: Runtime) -> None:
    """What is clean is not read again, and nothing is written."""
    night(stricter)
    before = sorted(stricter.store.keys(""))
    assert night(stricter) == RedactedAgain()
    assert sorted(stricter.store.keys("")) == before


def test_rules_that_find_nothing_change_nothing(compiled: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every state is read once; no generation is made."""
    monkeypatch.setenv("RLM_CONTEXT_REDACTION__EMAILS", "true")
    runtime = open_runtime()
    assert redact_again(runtime) == RedactedAgain(read=4)
    assert plan(runtime, "shop").has_work is False
    assert redact_again(runtime).read == 0


def test_another_key_is_no_new_rule(compiled: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only decides how a placeholder reads."""
    monkeypatch.setenv("RLM_CONTEXT_REDACTION__KEY", "another")
    assert redact_again(open_runtime()) == RedactedAgain()


def test_a_bounded_night_is_finished_by_the_next(stricter: Runtime) -> None:
    """One state a night here; each is dealt with in the end."""
    nights = 0
    while night(stricter, most_bytes=1).left:
        nights += 1
    assert nights == 3
    assert found_in(stricter.home, [word_of(1), word_of(3)]) == {}


def test_a_machine_with_older_rules_undoes_nothing(
    stricter: Runtime, source: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads its own transcripts whole once more: the cleaner states stay the ones that count."""
    monkeypatch.delenv(RULES)
    monkeypatch.setenv("RLM_CONTEXT_STORE", stricter.store.url)
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home / "other"))
    older = open_runtime()
    night(stricter)
    upload(older, [source / "ann", source / "ben"], project="shop", again=True)
    compile_shop(older)
    brief = refresh(older, "shop")
    assert brief is not None
    assert found_in(Path(brief.folder), [word_of(1), word_of(3)]) == {}
    night(stricter)
    assert found_in(Path(stricter.store.url), [word_of(1), word_of(3)]) == {}
    assert redact_again(older) == RedactedAgain()


def test_what_grew_under_older_rules_is_cleaned_in_the_next_night(
    stricter: Runtime, source: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A longer state is what its session says now, so it counts at once."""
    night(stricter)
    monkeypatch.delenv(RULES)
    monkeypatch.setenv("RLM_CONTEXT_STORE", stricter.store.url)
    monkeypatch.setenv("RLM_CONTEXT_HOME", str(home / "other"))
    older = open_runtime()
    write_words(source, 1, author="ben", states=2)
    upload(older, [source / "ben"], project="shop")
    compile_shop(older)
    assert any(one.prompts == 2 and one.session_id == session_id_of(1) for one in copy_sessions(stricter))
    night(stricter)
    assert found_in(Path(stricter.store.url), [word_of(1)]) == {}
    assert found_in(Path(stricter.store.url), [word_of(1, 1)])


def test_what_a_kill_left_half_done_is_finished(stricter: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cleaner state stands, the old one is not withdrawn yet: the next run does that."""

    class Killed(BaseException):
        pass

    def die(*given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("compiler.maintenance.redacting_again.withdraw_receipts", die)
        with pytest.raises(Killed):
            redact_again(stricter)
    night(stricter)
    assert found_in(stricter.home, [word_of(1), word_of(3)]) == {}
    assert len(copy_sessions(stricter)) == 4


def test_a_damaged_transcript_is_counted(stricter: Runtime) -> None:
    """It cannot be made cleaner, and stops nothing."""
    key = receipt_keys(stricter.store, "shop")[0]
    stricter.store.put(read_receipt(stricter.store, key).slim.key, b"damaged")
    assert redact_again(stricter).unreadable == 1


def test_rules_cover_what_they_hold() -> None:
    """Newer built-in rules cover older ones; own rules and e-mails cover only themselves."""
    own, other = Rules(own=("a",)), Rules(own=("b",))
    assert Rules(built_in=2).cover(Rules())
    assert not Rules().cover(Rules(built_in=2))
    assert (own | other).cover(own)
    assert not own.cover(other)
    assert not own.cover(Rules(emails=True))


def test_a_later_state_goes_before_a_cleaner_one_that_says_as_much(compiled: Runtime) -> None:
    """Unless it holds more records."""
    key = receipt_keys(compiled.store, "shop")[0]
    receipt = read_receipt(compiled.store, key)
    cleaner = msgspec.structs.replace(receipt, rules=Rules(built_in=9))
    compiled.store.delete(key)
    write_receipt(compiled.store, cleaner)
    again = msgspec.structs.replace(receipt, branch="other")
    assert ordered(compiled.store, again).event_ms < cleaner.event_ms
    longer = msgspec.structs.replace(again, records=receipt.records + 1)
    assert ordered(compiled.store, longer).event_ms > cleaner.event_ms


def test_the_blob_keeps_all_else() -> None:
    """Ids, times, order and shape are as they were; the same blob comes back where nothing is found."""
    lines = [
        {"slim": 1, "agent": "claude-code", "session_id": "s", "file": "a/s.jsonl"},
        {
            "seq": 1,
            "record": {"uuid": "0a0a0a0a", "timestamp": "2026-01-05T09:00:00Z", "text": "say swordfish"},
        },
        {"seq": 2, "part": "x", "output": {"text": "nothing", "left_out": 0}},
    ]
    blob = zstandard.compress(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    assert redact_slim(blob, Redactor(b"k" * 32)) == (blob, {})
    clean, counts = redact_slim(blob, Redactor(b"k" * 32, rules={"fish": "swordfish", "hex": "[0-9a-f]{8}"}))
    assert counts == {"fish": 1}
    raw = zstandard.ZstdDecompressor().decompressobj().decompress(clean)
    found = [msgspec.json.decode(line) for line in raw.splitlines()]
    assert found[0] == lines[0]
    assert found[2] == lines[2]
    assert found[1]["record"].pop("text").startswith("say <redacted-fish-")
    assert found[1]["record"] == {"uuid": "0a0a0a0a", "timestamp": "2026-01-05T09:00:00Z"}


def copy_sessions(runtime: Runtime) -> list[Any]:
    copy = refresh(runtime, "shop")
    assert copy is not None
    return list(copy.sessions())
