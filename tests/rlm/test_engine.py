"""What the loop promises beyond limits and defects: children, batches, caches, tools, sandboxes, records."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rlm.budget import Budget
from rlm.cache import MemoryCache
from rlm.clients.protocol import Completion, Message, Request
from rlm.clients.scripted import EchoClient, QueueClient
from rlm.clients.usage import Usage
from rlm.engine import RLM
from rlm.errors import ClientError, SandboxError
from rlm.result import RLMResult
from rlm.sandbox.jail import JailSandbox, why_not
from rlm.sandbox.monty import MontySandbox
from rlm.sandbox.protocol import SandboxLimits
from rlm.sandbox.registry import SANDBOXES, open_sandbox
from rlm.trajectory import JsonLines, read_records
from tests.rlm.conftest import Run, repl


def steps(result: RLMResult) -> list[dict[str, Any]]:
    return [record for record in result.trajectory.records if record["kind"] == "step"]


def test_one_engine_answers_many_questions_at_once() -> None:
    """Runs of one engine share no state but the cache."""
    rlm = RLM(EchoClient(length=0), budget=Budget(iterations=1, errors=9))

    async def ask() -> list[Any]:
        return await asyncio.gather(*(rlm.complete(str(n)) for n in range(5)), return_exceptions=True)

    assert [error.limit for error in asyncio.run(ask())] == ["iterations"] * 5


def test_several_blocks_run_in_order_up_to_the_first_error(make: Run) -> None:
    """Blocks of one reply share variables; after an error the rest is not run, and the model is told."""
    rlm = make(repl("a = 1", "b = a + 1\nprint(b)", "1 / 0", "c = 1"), repl("finish(str(b))"))
    result = rlm.complete_sync("?")
    assert result.answer == "2"
    told = steps(result)[1]["prompt"]
    assert "Block 2 of 4:\n2" in told
    assert "1 more block" in told


class Together(EchoClient):
    """Answers nobody before so many have asked."""

    def __init__(self, callers: int) -> None:
        super().__init__()
        self.met = asyncio.Event()
        self.missing = callers

    async def complete(self, request: Request) -> Completion:
        self.missing -= 1
        if not self.missing:
            self.met.set()
        await self.met.wait()
        return await super().complete(request)


def test_a_batch_runs_at_once(make: Run) -> None:
    """Sixty-four calls are under way together: none waits for another's answer."""
    code = repl("finish(str(len(llm_query_batched([str(i) for i in range(64)]))))")
    rlm = make(code, sub=Together(64), budget=Budget(seconds=60))
    assert rlm.complete_sync("?").answer == "64"


def test_a_batch_keeps_its_order_and_marks_what_failed() -> None:
    """Answers stand where their prompts stood; a prompt that failed gives None; if all fail it is an error."""

    def reply(request: Request) -> str:
        return request.messages[0].text.upper()

    sub = QueueClient([reply, ClientError("overloaded"), reply, ClientError("overloaded")])
    root = QueueClient(
        [repl("print(llm_query_batched(['a', 'b', 'c']))"), repl("llm_query('d')"), repl("finish('')")]
    )
    first, second, _ = steps(RLM(root, sub).complete_sync("?"))
    assert first["output"] == ["['A', None, 'C']\n"]
    assert "overloaded" in second["error"]
    assert [call.get("error") for call in first["calls"]] == [None, "overloaded", None]


def test_a_refusal_is_no_answer() -> None:
    """A sub-call that the model refused is an error with that reason, not an empty text."""
    sub = QueueClient([Completion("", Usage(1, 5, 0), "refusal")])
    root = QueueClient([repl("llm_query('x')"), repl("finish('')")])
    result = RLM(root, sub).complete_sync("?")
    assert "refused" in steps(result)[0]["error"]
    assert result.usage["queue"].input_tokens > 5


def test_a_reply_that_was_cut_off_says_so() -> None:
    """Code of a reply that ended at its token limit is not run as if it were whole."""
    root = QueueClient(
        [Completion("```repl\nfinish('not the wh", Usage(1), "max_tokens"), repl("finish('whole')")]
    )
    result = RLM(root).complete_sync("?")
    assert result.answer == "whole"
    assert steps(result)[0]["code"] == []
    assert "cut off" in steps(result)[1]["prompt"]


def test_equal_prompts_are_sent_once(make: Run) -> None:
    """The same prompt, in one batch and later, is one call."""
    sub = EchoClient(latency=0.01)
    result = make(
        repl("a = llm_query_batched(['x'] * 10)\nfinish(str(a + [llm_query('x')]))"), sub=sub
    ).complete_sync("?")
    assert result.answer == str(["x"] * 11)
    assert len(sub.requests) == 1
    assert result.usage["echo"].calls == 1


def test_a_cache_of_the_callers_outlives_the_engine() -> None:
    """A second run with the same cache pays for nothing; what is cached does not count against the limit of calls."""
    cache = MemoryCache()
    batch = "a = llm_query_batched(['a', 'b', 'c'])"
    budget = Budget(calls=3)
    first, second = QueueClient([repl(batch), repl(f"{batch}\nfinish(str(a))")]), QueueClient([])
    one = RLM(first, EchoClient(), cache=cache, budget=budget).complete_sync("?")
    two = RLM(second, EchoClient(), cache=cache, budget=budget).complete_sync("?")
    assert one.answer == two.answer == "['a', 'b', 'c']"
    assert one.usage["echo"].calls == 3
    assert two.usage == {}
    assert steps(two)[0]["cached"]


def test_children_have_a_repl_of_their_own() -> None:
    """A child sees its own question and context, none of its parent's variables, and reports into one trajectory."""
    root = QueueClient(
        [
            repl("secret = 1\nfinish(rlm_query('sub', ['x', 'y']))"),
            repl("print(secret)"),
            repl("finish(context[1] + str(len(context)))"),
        ]
    )
    result = RLM(root).complete_sync("top")
    assert result.answer == "y2"
    runs = [record for record in result.trajectory.records if record["kind"] == "run"]
    assert [(run["run"], run["parent"], run["depth"]) for run in runs] == [(1, None, 0), (2, 1, 1)]
    assert "NameError" in steps(result)[0]["error"]
    assert {"run": 2}.items() <= steps(result)[-1]["calls"][0].items()


def test_many_children_do_not_wait_for_each_other_for_ever() -> None:
    """More children on two levels than there are sandboxes at the same time all end."""

    def reply(request: Request) -> str:
        question = request.messages[0].text.split("Question:\n")[1]
        if question.startswith("leaf"):
            return repl(f"finish({question!r})")
        name = "leaf" if question.startswith("mid") else "mid"
        return repl(
            f"finish(str(len(rlm_query_batched(['{name} {question} ' + str(i) for i in range(10)]))))"
        )

    root = QueueClient([reply] * 1000)
    result = RLM(root, budget=Budget(depth=2)).complete_sync("top")
    assert result.answer == "10"
    assert len(root.requests) == 1 + 10 + 100


def test_tools_are_called_by_name(make: Run) -> None:
    """Plain and async functions, told of by docstring; their errors reach the code as text."""

    def add(a: int, b: int = 1) -> int:
        """Adds two numbers."""
        return a + b

    async def find(words: list[str]) -> list[dict[str, Any]]:
        """Finds words."""
        if not words:
            raise ValueError("no words")
        return [{"word": word, "at": (1, 2)} for word in words]

    rlm = make(
        repl("print(add(1), add(1, b=5), find(['x']))\nfind([])"),
        repl("finish('')"),
        tools={"add": add, "find": find},
    )
    [step, _] = steps(rlm.complete_sync("?"))
    assert step["output"] == ["2 6 [{'word': 'x', 'at': [1, 2]}]\n"]
    assert "ValueError: no words" in step["error"]
    assert isinstance(rlm.root, QueueClient)
    assert "add(a: int, b: int = 1): Adds two numbers." in rlm.root.requests[0].system


@pytest.mark.parametrize(
    "name", ["llm_query", "finish", "context", "answer", "not a name", "class", "", "x" * 65]
)
def test_tools_cannot_take_our_names(make: Run, name: str) -> None:
    """A tool that would hide a function of the engine, or that code cannot call, is refused at once."""
    with pytest.raises(ValueError, match="tool"):
        make(tools={name: print})


def test_show_vars_lists_what_the_code_made(make: Run) -> None:
    """Variables with their kinds; neither functions nor helpers nor modules."""
    rlm = make(
        repl("import re\nx = [1, 2]\n_y = 'text'\ndef f():\n    inner = 1"),
        repl("print(SHOW_VARS())"),
        repl("finish('')"),
    )
    assert steps(rlm.complete_sync("?"))[1]["output"] == [
        "{'x': 'list[2]: [1, 2]', '_y': \"str[4]: 'text'\"}\n"
    ]


@pytest.mark.parametrize("kind", [MontySandbox, JailSandbox])
def test_a_dead_worker_is_replaced_and_replayed(kind: Any) -> None:
    """After a kill earlier variables stand, random ones too; tools are not called again."""
    if kind is JailSandbox and (reason := why_not()):
        pytest.skip(reason)
    asked: list[int] = []

    def tool(number: int) -> int:
        """Counts."""
        asked.append(number)
        return len(asked)

    root = QueueClient(
        [
            repl("first = tool(7)\nnumbers = [first]\ndef twice(x):\n    return 2 * x"),
            repl("numbers.append(twice(21))\n1 / 0"),
            repl("numbers.append(99)\nwhile True:\n    pass"),
            repl("finish(str(numbers))"),
        ]
    )
    sandbox = kind(SandboxLimits(step_seconds=0.8))
    result = RLM(root, tools={"tool": tool}, sandbox=sandbox).complete_sync("?")
    assert result.answer == "[1, 42]"
    assert asked == [7]
    assert "those of earlier blocks are kept" in steps(result)[3]["prompt"]


def test_sandboxes_are_opened_by_name() -> None:
    """The registry knows each by its own name; another name is an error that lists them."""
    assert [open_sandbox(name).name for name in SANDBOXES] == list(SANDBOXES) == ["monty", "jail", "modal"]
    with pytest.raises(SandboxError) as caught:
        open_sandbox("exec")
    assert "monty, jail, modal" in (caught.value.next_command or "")


@pytest.mark.parametrize("kind", [MontySandbox, JailSandbox])
def test_the_same_program_runs_in_every_sandbox(kind: Any) -> None:
    """Helpers, host functions, children and finishing work alike."""
    if kind is JailSandbox and (reason := why_not()):
        pytest.skip(reason)
    root = QueueClient(
        [
            repl("hits = grep('needle', context)\nprint(hits)"),
            repl(
                "n = llm_query_batched(['a', 'b'])\n"
                "answer.update({'content': rlm_query('q', 'ctx') + n[1], 'ready': True})"
            ),
            repl("finish(context)"),
        ]
    )
    result = RLM(root, EchoClient(), sandbox=kind()).complete_sync("?", "hay\nneedle\nhay")
    assert result.answer == "ctxb"
    assert steps(result)[0]["output"] == ["[(2, 'needle')]\n"]


def test_a_missing_sandbox_says_what_to_install(make: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bubblewrap the jail names it, and the alternative."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SandboxError, match="bubblewrap") as caught:
        make(sandbox=JailSandbox()).complete_sync("?")
    assert "monty" in (caught.value.next_command or "")


def test_monty_reports_a_worker_that_does_not_start(make: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing worker program is a SandboxError."""
    monkeypatch.setenv("MONTY_BIN", "/nonexistent/monty")
    with pytest.raises(SandboxError, match="monty"):
        make(repl("finish('')")).complete_sync("?")


def test_monty_without_its_worker_program(make: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program is not installed at all, that is the same error: what can do without a sandbox goes on."""

    def missing(**options: object) -> None:
        raise FileNotFoundError("could not locate the `monty` binary")

    monkeypatch.setattr("pydantic_monty.Monty", missing)
    with pytest.raises(SandboxError, match="monty"):
        make(repl("finish('')")).complete_sync("?")


def test_the_trajectory_grows_with_the_run(make: Run, tmp_path: Path) -> None:
    """One line a step, written as it happens, each prompt once; the file is the user's alone and can be read back."""
    path = tmp_path / "run.jsonl"
    question = "a question that stands once " * 20
    with JsonLines(path) as write:
        rlm = make(*[repl(f"print({n})") for n in range(8)], repl("finish('end')"), watch=write)
        result = rlm.complete_sync(question)
    lines = path.read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["run", *["step"] * 9, "end"]
    assert read_records(path) == result.trajectory.records
    assert path.read_text().count(question) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    again = tmp_path / "again.jsonl"
    result.trajectory.write(again)
    assert again.read_bytes() == path.read_bytes()
    path.write_text("\n".join(lines[:3]) + '\n{"kind": "st')
    assert len(read_records(path)) == 3


def test_long_output_is_cut_for_the_model_and_kept_in_the_record(make: Run) -> None:
    """The model sees the beginning and the end; the trajectory has it all."""
    rlm = make(repl("print('a' * 30000 + 'z')"), repl("finish('')"))
    first, second = steps(rlm.complete_sync("?"))
    assert len(first["output"][0]) == 30002
    assert len(second["prompt"]) < 11_000
    assert "characters left out" in second["prompt"]
    assert "az\n" in second["prompt"]


@pytest.mark.parametrize("client", [EchoClient(length=3), QueueClient(["abc", ClientError("no")])])
def test_scripted_clients_behave_like_clients(client: Any) -> None:
    """Usage of each call, batches in order with errors as values, no cost."""
    requests = [Request((Message("user", text),)) for text in ("abcdef", "abx")]
    one, two = asyncio.run(client.batch(requests))
    assert one.text == "abc"
    assert (one.usage.calls, one.usage.input_tokens) == (1, 2)
    assert isinstance(two, ClientError) or two.text == "abx"


def test_the_identity_of_a_request_is_all_that_shapes_its_answer() -> None:
    """Model, system, messages, roles, length and schema each change the digest."""
    base = Request((Message("user", "a"),))
    others = [
        Request((Message("user", "b"),)),
        Request((Message("assistant", "a"),)),
        Request((Message("user", "a"),), system="s"),
        Request((Message("user", "a"),), max_tokens=5),
        Request((Message("user", "a"),), schema={"type": "object"}),
    ]
    digests = {request.digest("m") for request in [base, *others]} | {base.digest("other")}
    assert len(digests) == 7
    assert Request((Message("user", "a"),)).digest("m") == base.digest("m")


@pytest.mark.parametrize("kind", [MontySandbox, JailSandbox])
def test_tracebacks_show_the_code_and_nothing_of_ours(kind: Any) -> None:
    """An error within a function, and one of a host function, name the lines of the block only."""
    if kind is JailSandbox and (reason := why_not()):
        pytest.skip(reason)
    root = QueueClient(
        [repl("def f(x):\n    return 1 / x\n\nprint(f(0))"), repl("a = 1\nllm_query(5)"), repl("finish('')")]
    )
    first, second, _ = steps(RLM(root, EchoClient(), sandbox=kind()).complete_sync("?"))
    assert "line 2, in f" in first["error"]
    assert "line 4, in <module>" in first["error"]
    assert "line 2, in <module>" in second["error"]
    assert "TypeError: a text" in second["error"]
    assert "worker.py" not in first["error"] + second["error"]
