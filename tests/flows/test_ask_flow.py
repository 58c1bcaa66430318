"""A question as a flow run: the answer, its artifact with the trajectory, the record of the run."""

import asyncio
from collections.abc import Iterator

import pytest

from compiler.asking.answer import Answer
from compiler.runs import read_runs
from compiler.runtime import open_runtime
from data_models.errors import NotFoundError
from flows.ask import ask
from flows.compile import compile_context
from tasks.ask import answer_markdown
from tasks.links import artifact_key
from tests.flows.helpers import Api
from tests.rlm.servers.messages import MessagesServer

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

QUESTION = "What happens to alerts after a restart? <script>alert(1)</script>"
TURNS = [
    '```repl\nhit = search("alerts after a restart", 1)[0]\nprint(llm_query("What? " + hit["text"]))\n```',
    '```repl\nfinish("They stay. [s:" + hit["s"] + "] ![x](http://192.0.2.1/a.png)")\n```',
]


@pytest.fixture
def compiled(api: Api, uploaded: str) -> str:
    """A project with a generation."""
    asyncio.run(compile_context(uploaded))
    return uploaded


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MessagesServer]:
    """A provider on this machine, and settings that ask it."""
    with MessagesServer() as running:
        running.reply = lambda call: TURNS[call.turns] if "REPL" in call.system else "About restarts."
        monkeypatch.setenv("RLM_CONTEXT_BACKEND", "model")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", running.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-0123456789")
        yield running


def test_a_question_is_a_flow_run_with_an_artifact(api: Api, compiled: str, server: MessagesServer) -> None:
    """The answer comes back; the artifact shows it with code and cost, and makes a browser fetch nothing."""
    given = asyncio.run(ask(QUESTION, compiled))
    assert (given.stopped_by, given.usage.calls) == ("answer", 3)
    run = api.flow_run("ask")
    assert run["state_type"] == "COMPLETED"
    tasks = ["answer", "show the answer"]
    assert list(api.task_runs(run["id"], *tasks)) == tasks
    shown = api.artifact(artifact_key("answer", compiled))["data"]
    said, _, record = shown.partition("## How it was found")
    assert given.citations[0].shown in said
    assert f"${given.usage.usd:.4f}" in said
    assert "![" not in said
    assert "<script" not in said
    assert "hit = search(" in record
    assert "| 1 | 2 |" in record


def test_the_run_is_recorded_in_the_store(api: Api, compiled: str, server: MessagesServer) -> None:
    """With its trigger and its cost; a question that fails is recorded too."""
    given = asyncio.run(ask(QUESTION))
    server.reply = lambda call: "no code"
    record, *_ = read_runs(open_runtime(), compiled, 10)
    assert (record.state, record.trigger) == ("completed", "ask, called directly")
    assert record.report is not None
    assert record.report.llm == given.usage


def test_without_models_the_passages_are_the_answer(api: Api, compiled: str) -> None:
    """The artifact says so."""
    given = asyncio.run(ask(QUESTION, compiled))
    assert given.passages
    shown = api.artifact(artifact_key("answer", compiled))["data"]
    assert "**No answer: these are the best passages.**" in shown


@pytest.mark.parametrize("project", ["nowhere", None])
def test_what_is_not_compiled_cannot_be_asked(api: Api, project: str | None) -> None:
    """A project nobody knows, an empty store."""
    with pytest.raises(NotFoundError):
        asyncio.run(ask(QUESTION, project))


def test_an_answer_without_a_record_can_be_shown() -> None:
    """A question is one line, whatever is in it."""
    shown = answer_markdown(Answer(question="a\n# b | ![x](y)", projects=("p",), text="yes"))
    assert shown.startswith("## a # b \\| !\\[x]\\(y)\n\nyes\n\n0 model calls")
