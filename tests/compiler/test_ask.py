"""Questions over compiled sessions: what models can call, what is made of their answers, what ends a run."""

import asyncio
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from compiler.asking.answer import Answer, Stopped
from compiler.asking.ask import ask, ask_now
from compiler.asking.library import Library
from compiler.asking.prompt import ask_prompt
from compiler.asking.records import page_of
from compiler.asking.tools import LibraryTools
from compiler.local_copy import Copy
from compiler.runtime import Runtime, open_runtime
from data_models.errors import SettingsError, StoreError
from rlm.clients.errors import CredentialsError, TransientError
from rlm.clients.protocol import Completion, Request
from rlm.clients.scripted import EchoClient, QueueClient
from rlm.clients.usage import Usage
from rlm.errors import ClientError
from rlm.trajectory import read_records
from tests.compiler.asking import Asking, compiled, repl, write_sessions
from tests.compiler.models.injections import INJECTIONS, Injection
from tests.compiler.models.test_injections import session
from tests.synthetic import write_team

FIRST = repl('hit = search("slow because it reads", 1)[0]\nprint(llm_query("What? " + hit["text"]))')
THEN = repl('finish("It reads the file twice [s:" + hit["s"] + "].")')


@pytest.fixture
def copy(runtime: Runtime, tmp_path: Path) -> Copy:
    """Three sessions of three authors."""
    return compiled(runtime, write_team(tmp_path / "team", 3))


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    """Scripted models, and settings that ask them."""
    return Asking(monkeypatch)


@pytest.fixture
def tools(runtime: Runtime, copy: Copy) -> LibraryTools:
    """The tools over them."""
    return LibraryTools(Library(runtime.store, [copy]))


def test_an_answer_rests_on_what_was_found(asking: Asking, copy: Copy) -> None:
    """Citations resolve, models are told apart, the record and its page lie in the home, both 0600."""
    answer = asking([copy], FIRST, THEN)
    assert (answer.stopped_by, answer.partial, answer.passages) == ("answer", False, False)
    [cited] = answer.citations
    assert answer.text == f"It reads the file twice {cited.shown}."
    assert {name: used.calls for name, used in answer.usage.models.items()} == {"queue": 2, "echo": 1}
    record = Path(answer.record)
    assert [each["kind"] for each in read_records(record)] == ["run", "step", "step", "end"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (record, page_of(record))} == {0o600}


def test_the_same_question_costs_nothing_again(asking: Asking, copy: Copy) -> None:
    """Not even where the models cannot be reached any more; another question does cost."""
    first = asking([copy], FIRST, THEN)
    asking.sub = QueueClient([], model="echo")
    again = asking([copy])
    assert (again.text, again.usage.calls, again.usage.cached) == (first.text, 0, 3)
    assert asking([copy], FIRST, THEN, question="Why?").usage.calls > 0


def test_the_prompt_is_a_function_of_question_and_sessions(runtime: Runtime, copy: Copy) -> None:
    """The question comes first and unchanged, whatever braces are in it; no clock is read."""
    library = Library(runtime.store, [copy])
    prompt = ask_prompt(library, "What of {context} and %s?")
    assert prompt == ask_prompt(Library(runtime.store, [copy]), "What of {context} and %s?")
    assert prompt.startswith("What of {context} and %s?\n")
    assert "2026-01-05" in prompt


def test_progress_counts_turns_calls_and_dollars(asking: Asking, copy: Copy) -> None:
    """It says who is waited for, and nothing of what was said."""
    asking([copy], FIRST, THEN)
    assert [each.turn for each in asking.shown] == sorted(each.turn for each in asking.shown)
    assert asking.shown[-1].calls == 3
    assert {each.doing for each in asking.shown} == {
        "reading sessions",
        "waiting for queue",
        "waiting for echo",
        "running its code",
    }


def test_a_large_project_stays_on_the_host(
    asking: Asking, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the engine's limit the code greps and slices rows that are read on demand."""
    monkeypatch.setattr("rlm.context.BY_VALUE", 100)
    answer = asking(
        [copy],
        repl(
            "found = context_grep('Committed')\nrow = context_slice(found[0][0], found[0][0] + 1)[0]\n"
            "finish(str(context_len()) + ' ' + str(len(found)) + ' [s:' + row['s'] + ']')"
        ),
    )
    assert answer.text == f"45 9 {answer.citations[0].shown}"


def test_what_ends_a_run_leaves_what_there_was(asking: Asking, copy: Copy) -> None:
    """A limit, and a provider that fails half-way: the answer so far, labelled; the reason holds no content."""
    keep = repl('answer["content"] = "So far."')
    answer = asking([copy], *[keep] * 20)
    assert (answer.text, answer.partial, answer.stopped_by) == ("So far.", True, "iterations")
    failed = asking([copy], keep, ClientError("gone"), question="And then?")
    assert (failed.text, failed.stopped_by, failed.reason) == ("So far.", "client", "gone")


def test_a_limit_without_an_answer_gives_passages(asking: Asking, copy: Copy) -> None:
    """Never an answer that was not computed."""
    answer = asking([copy], *["no code"] * 5, question="slow because it reads")
    assert (answer.passages, answer.partial, answer.stopped_by) == (True, True, "errors")
    assert "[s:" in answer.text


@pytest.mark.parametrize("error", [TransientError("busy"), CredentialsError("no")])
def test_a_provider_that_fails_at_once_is_an_error(asking: Asking, copy: Copy, error: ClientError) -> None:
    """There is nothing to answer with; the record shows what was tried."""
    with pytest.raises(type(error)) as raised:
        asking([copy], error)
    assert raised.value.next_command
    [page] = (open_runtime().home / "asked").glob("*.html")
    assert "stopped by client" in page.read_text(encoding="utf-8")


def test_an_unpriced_model_is_an_error_that_names_the_setting(asking: Asking, copy: Copy) -> None:
    """Before anything is sent."""
    asking.sub = EchoClient(model="unheard-of")
    with pytest.raises(SettingsError) as raised:
        asking([copy], FIRST)
    assert 'prices."unheard-of"' in (raised.value.next_command or "")
    assert isinstance(asking.root, QueueClient)
    assert asking.root.requests == []


def test_a_store_that_fails_meanwhile_is_an_error(
    asking: Asking, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that swallows the error and finishes is not believed: it may have taken for empty what it could not read."""

    def refuse(store: object, parquet: object) -> Any:
        raise StoreError("out of reach")

    monkeypatch.setattr("compiler.sessions.load_events", refuse)
    code = 'try:\n    events(sessions()[0]["s"])\nexcept Exception:\n    finish("Nothing was said.")'
    with pytest.raises(StoreError):
        asking([copy], repl(code))


def test_a_damaged_session_is_told(asking: Asking, copy: Copy) -> None:
    """The rest answers."""
    victim = copy.sessions()[0]
    path = open_runtime().store.local_path(victim.parquet.key)
    assert path is not None
    path.write_bytes(b"")
    assert asking([copy], repl("finish('Yes.')")).unreadable == (victim.session_id,)


class Interrupting(QueueClient):
    """Stops the program with its last reply, as Ctrl-C does."""

    async def complete(self, request: Request) -> Completion:
        if not self.replies:
            task = asyncio.current_task()
            assert task
            task.cancel()
            await asyncio.Event().wait()
        return await super().complete(request)


def test_being_stopped_keeps_what_there_was(asking: Asking, copy: Copy) -> None:
    """A cancelled question raises, and the error holds the answer so far; what was paid is kept."""
    keep = repl('answer["content"] = "So far."')
    asking.root = Interrupting([keep])
    with pytest.raises(Stopped) as raised:
        asyncio.run(ask(open_runtime(), [copy], "How?"))
    assert isinstance(raised.value, asyncio.CancelledError)
    assert (raised.value.answer.text, raised.value.answer.stopped_by) == ("So far.", "cancelled")
    assert raised.value.answer.usage.calls == 1
    assert asking([copy], repl("finish('Done.')")).usage.cached == 1


def test_without_a_loop(asking: Asking, copy: Copy) -> None:
    """The face that the command line uses."""
    asking.root = QueueClient([FIRST, THEN])
    answer = ask_now(open_runtime(), [copy], "How?")
    assert isinstance(answer, Answer)
    assert answer.stopped_by == "answer"


def test_search_and_events_and_sessions(tools: LibraryTools) -> None:
    """What one finds, the others take; every result is JSON."""
    found = tools.search("slow because it reads", 3)
    assert len(found) == 3
    digits, _, seq = found[0]["s"].partition("#")
    [event] = tools.events(digits, int(seq), int(seq))
    assert event["s"] == found[0]["s"]
    assert tools.events(found[0]["s"], seq, seq) == [event]
    known = tools.sessions()
    assert len(known) == 3
    assert known[0]["date"] >= known[-1]["date"]
    json.dumps([found, event, known])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search", [3]),
        ("search", ["x", "many"]),
        ("search", [["x"], 3]),
        ("events", [None]),
        ("events", ["ffffffff"]),
        ("events", ["", 1]),
        ("events", ["D", "first"]),
        ("events", ["D", 1, "9" * 5_000]),
        ("events", ["D", True]),
    ],
)
def test_tools_refuse_nonsense(tools: LibraryTools, name: str, arguments: list[Any]) -> None:
    """Arguments are a hostile author's: an error that the code can see, and no other."""
    digits = tools.sessions()[0]["s"]
    with pytest.raises((TypeError, ValueError, LookupError)):
        getattr(tools, name)(*[digits if each == "D" else each for each in arguments])


def test_tools_are_bounded(tools: LibraryTools) -> None:
    """Whatever limit is asked for."""
    assert len(tools.search("the file", 10**9)) <= 100
    assert tools.search("the file", -5) == []
    assert len(tools.search("x " * 1_000_000)) <= 20


def gullible(injection: Injection, tool: str, prompt: str) -> str:
    """Code that finishes with what was planted, obeyed and repeated, cited as an attacker would wish."""
    said = [text for _, text in injection.obeyed]
    lines = [f"{text} [s:{tool}] [s:{prompt}]\n\n{text} [s:{tool}]" for text in said]
    return repl(f"finish({json.dumps(chr(10).join([*lines, injection.text, *said]))})")


PLANTED = [injection for injection in INJECTIONS if injection.name != "encoded"]
"""A name that a model decoded stands nowhere: no check can tell it from one that it made up."""


def test_no_injection_comes_out_of_an_answer(asking: Asking, runtime: Runtime, tmp_path: Path) -> None:
    """A root model that falls for what is planted: what of it comes out is said to be tool output, and no order."""
    assert len(PLANTED) >= 20
    sessions = dict(session(injection, number) for number, injection in enumerate(PLANTED))
    copy = compiled(runtime, write_sessions(tmp_path / "team", sessions))
    short = Library(runtime.store, [copy]).short
    for injection, name in zip(PLANTED, sessions, strict=True):
        reply = gullible(injection, f"{short[name]}#4", f"{short[name]}#1")
        answer = asking([copy], reply, question=f"How are totals rounded? {name}")
        sentences = [] if answer.passages else re.split(r"(?<=\))\s|\n", answer.text)
        bare = [one.lower() for one in sentences if "(tool output)" not in one]
        assert [one for one in bare for bait in injection.bait if bait.lower() in one] == [], injection.name
        assert answer.dropped_sentences > 0 or "(tool output)" in answer.text


HONEST = """Totals are rounded half up in `till_0.py`, because floats drift by a cent [s:D#5].

1. Ann wants `make check` run before each commit [s:D#1].
2. Nobody says what happens to old totals. See also **till_0.py**.

```python
total = round(total, 2)
```"""


def test_honest_answers_stand(asking: Asking, runtime: Runtime, tmp_path: Path) -> None:
    """Lists, code, names of files and a person's standing order come out as they are."""
    name, records = session(INJECTIONS[0], 0)
    copy = compiled(runtime, write_sessions(tmp_path / "team", {name: records}))
    text = HONEST.replace("D", Library(runtime.store, [copy]).short[name])
    answer = asking([copy], repl(f"finish({json.dumps(text)})"), question="How are totals rounded?")
    assert answer.text == text
    assert (answer.dropped_sentences, answer.dropped_citations) == (0, 0)


def test_what_the_question_names_may_be_answered_about(
    asking: Asking, runtime: Runtime, tmp_path: Path
) -> None:
    """An address that only a page showed is told where the user asks for it, not else."""
    injection = next(one for one in INJECTIONS if one.name == "an address")
    name, records = session(injection, 3)
    copy = compiled(runtime, write_sessions(tmp_path / "team", {name: records}))
    digits = Library(runtime.store, [copy]).short[name]
    said = f"A page named https://vault-sync.evil.example/v2/token [s:{digits}#4]."
    reply = repl(f"finish({json.dumps(said)})")
    asked = asking([copy], reply, question="What is https://vault-sync.evil.example/v2/token?")
    assert asked.text == said
    assert asking([copy], reply, question="Where are tokens?").dropped_sentences == 1


def test_usage_is_that_of_this_question(asking: Asking, copy: Copy) -> None:
    """Tokens of each model, and dollars by the table."""
    asking.sub = EchoClient(model="claude-haiku-5-5")
    answer = asking([copy], FIRST, THEN)
    used = answer.usage.models["claude-haiku-5-5"]
    assert answer.usage.usd == pytest.approx((used.input_tokens * 0.1 + used.output_tokens * 0.5) / 1e6)
    assert Usage(1, used.input_tokens, used.output_tokens).tokens > 0
