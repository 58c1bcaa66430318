"""The compile as a flow run: names, states, artifacts, retries, what is left after a failure."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import flow
from prefect.artifacts import acreate_markdown_artifact
from prefect.client.schemas import TaskRun
from prefect.states import Failed

import flows.compile
import tasks.artifacts
import tasks.compile
from compiler.report import ProjectReport
from compiler.runs import RECORD_LABEL, read_record, read_runs
from compiler.runtime import Runtime, open_runtime
from compiler.uploading.author import author_of
from compiler.uploading.upload import upload
from compiler.work import Plan
from data_models.errors import (
    DamagedError,
    FormatTooNewError,
    KeyMissingError,
    PipelineError,
    SettingsError,
    StoreError,
    StoreFullError,
)
from data_models.settings import load_settings
from flows.compile import compile_context
from flows.run import compile_projects
from store.generations import heads
from store.protocol import Store
from tasks import announcing
from tasks.artifacts import forget_artifacts
from tasks.inert import cell, inert
from tasks.links import artifact_key
from tasks.options import may_pass
from tasks.watching import Watch
from tests.flows.helpers import SESSIONS, SOURCE, Api
from tests.flows.marks import hear_all

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

STEPS = [
    f"ingest sessions 1-{SESSIONS} of {SESSIONS}, acme/tidewatch",
    f"summarize sessions 1-{SESSIONS} of {SESSIONS}, acme/tidewatch",
    "digests and rollups, acme/tidewatch",
    f"index sessions 1-{SESSIONS} of {SESSIONS}, acme/tidewatch",
    "brief and full text, acme/tidewatch",
    "publish generation 1, acme/tidewatch",
    "show generation 1, acme/tidewatch",
]


class Failing:
    """A store that raises the given errors for the first blob that is asked for, then works."""

    def __init__(self, inner: Store, *errors: Exception) -> None:
        self.inner = inner
        self.errors = list(errors)
        self.victim = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def get(self, key: str) -> bytes:
        self.victim = self.victim or (key if key.startswith("blobs/") else "")
        if self.errors and key == self.victim:
            raise self.errors.pop(0)
        return self.inner.get(key)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Runtime]:
    """Makes the store of all tasks raise errors first."""

    def fail(*errors: Exception) -> Runtime:
        runtime = open_runtime()
        broken = replace(runtime, store=Failing(runtime.store, *errors))
        for module in (tasks.compile, tasks.artifacts):
            monkeypatch.setattr(module, "process_runtime", lambda: broken)
        return broken

    return fail


def compile_now(project: str) -> ProjectReport:
    return asyncio.run(compile_context(project))


def test_a_compile_is_a_flow_run_that_a_person_can_follow(api: Api, uploaded: str) -> None:
    """Flow and task runs are named after what they do and end completed; a generation stands."""
    report = compile_now(uploaded)
    assert report.sessions.new == SESSIONS
    flow_run = api.flow_run(f"compile {uploaded}")
    assert flow_run["state_type"] == "COMPLETED"
    runs = api.task_runs(flow_run["id"], *STEPS)
    assert list(runs) == STEPS
    assert {run["state_type"] for run in runs.values()} == {"COMPLETED"}
    author = f"author:{author_of(load_settings())}"
    common = {"rlm-context", uploaded}
    assert [set(run["tags"]) for run in runs.values()] == [common | {author}] * 6 + [common]
    assert set(flow_run["tags"]) >= {author}
    assert len(heads(open_runtime().store, uploaded)) == 1


def test_artifacts_show_the_brief_and_the_numbers(api: Api, uploaded: str) -> None:
    """Markdown holds the brief of a named generation; tables its sessions, rejects and seconds of each step."""
    compile_now(uploaded)
    runtime = open_runtime()
    (generation,) = heads(runtime.store, uploaded)
    brief = runtime.store.get(generation.manifest.texts["brief"].key).decode()
    shown = api.artifact(artifact_key("brief", uploaded))
    assert inert(brief) in shown["data"]
    assert shown["data"].startswith("**Generation 1** of acme/tidewatch, published ")
    assert f"](/artifacts/key/{artifact_key('sessions', uploaded)})" in shown["data"]
    assert f"](/runs/flow-run/{api.flow_run(f'compile {uploaded}')['id']})" in shown["data"]
    assert shown["description"] == "The brief of acme/tidewatch, generation 1"
    table = api.artifact(artifact_key("numbers", uploaded))["data"]
    assert f'"what": "new sessions", "value": {SESSIONS}' in table
    assert '"what": "rejected records", "value": 0' in table
    assert '"what": "seconds, publish"' in table
    sessions = json.loads(api.artifact(artifact_key("sessions", uploaded))["data"])
    assert len(sessions) == SESSIONS
    assert {row["author"] for row in sessions} == {author_of(load_settings())}


def test_each_generation_is_a_version_of_the_same_artifact(api: Api, uploaded: str) -> None:
    """The brief of the first generation stays behind that of the second."""
    compile_now(uploaded)
    upload(open_runtime(), [SOURCE.parent / "jonas"], project=uploaded)
    compile_now(uploaded)
    key = artifact_key("brief", uploaded)
    versions = api.call(
        "POST", "/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC"}
    )
    assert [one["description"].rpartition(" ")[2] for one in versions[:2]] == ["2", "1"]


def test_progress_reaches_the_end_in_few_updates(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many batches there are, a generation's progress is told at most twenty times, and ends at 100."""
    told: list[float] = []

    async def update(artifact: object, percent: float) -> None:
        told.append(percent)

    monkeypatch.setattr("tasks.watching.aupdate_progress_artifact", update)
    plan = Plan(project="acme/many", parents=(), number=3, new=tuple(map(str, range(1000))), total=1000)

    @flow
    async def many() -> str:
        watch = Watch()
        await watch.begin(plan)
        for _ in range(999):
            await watch.add(1)
            await watch.begin(plan)
        await watch.mapped()
        return watch.failed

    assert asyncio.run(many()) == ""
    assert told == sorted(told)
    assert told[-1] == 100.0
    assert len(told) <= 20


def test_a_compile_stands_without_its_progress(
    api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Prefect takes no progress, the generation is published and the report says what is not shown."""

    async def refuse(*arguments: object, **options: object) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr("tasks.watching.acreate_progress_artifact", refuse)
    report = compile_now(uploaded)
    assert report.degraded == ["Prefect does not show all of this run (ConnectError)"]
    assert len(heads(open_runtime().store, uploaded)) == 1


def test_what_was_forgotten_goes_from_artifacts_too(api: Api) -> None:
    """All versions of a project's artifacts go; those of others stay."""

    @flow
    async def made() -> int:
        for project in ("acme/old", "acme/kept"):
            for _ in range(2):
                await acreate_markdown_artifact("words", key=artifact_key("brief", project))
        return await forget_artifacts("acme/old")

    assert asyncio.run(made()) == 2
    with pytest.raises(IndexError):
        api.artifact(artifact_key("brief", "acme/old"))
    assert api.artifact(artifact_key("brief", "acme/kept"))["data"] == "words"


def test_the_run_is_recorded_in_the_store(api: Api, uploaded: str) -> None:
    """`runs/` keeps what was done, so that history does not depend on a Prefect server."""
    compile_now(uploaded)
    (record,) = read_runs(open_runtime(), uploaded, 10)
    assert (record.state, record.trigger, record.error) == ("completed", "command line", "")
    assert record.report is not None
    assert record.report.sessions.new == SESSIONS


def test_whoever_asks_finds_the_signs_of_life(api: Api, uploaded: str) -> None:
    """The server holds the key of the run's record."""
    compile_now(uploaded)
    run = api.flow_run(f"compile {uploaded}")
    record = read_record(open_runtime().store, run["labels"][RECORD_LABEL])
    assert record == read_runs(open_runtime(), uploaded, 1)[0]


def test_a_run_that_the_server_does_not_take_note_of(
    api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not begin: nobody could tell whether it lives."""

    async def refuse(call: Callable[[], Awaitable[None]]) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(announcing, "insist", refuse)
    monkeypatch.setattr(announcing, "_SECONDS", 0.01)
    with pytest.raises(PipelineError, match="too busy"):
        compile_now(uploaded)
    assert [record.state for record in read_runs(open_runtime(), uploaded, 10)] == ["failed"]
    assert heads(open_runtime().store, uploaded) == []


def test_nothing_new_runs_no_step(api: Api, uploaded: str) -> None:
    """The second compile of the same uploads has no task runs and publishes nothing."""
    compile_now(uploaded)
    assert compile_now(uploaded).sessions.new == 0
    hear_all(api)
    assert api.task_runs(api.flow_run(f"compile {uploaded}")["id"]) == {}
    (generation,) = heads(open_runtime().store, uploaded)
    assert generation.manifest.number == 1


def test_a_store_that_fails_twice_is_tried_again(
    api: Api, uploaded: str, failing: Callable[..., Runtime]
) -> None:
    """A failure that passes costs retries of one task, which the server shows, and nothing else."""
    failing(StoreError("busy"), ConnectionResetError())
    assert compile_now(uploaded).sessions.new == SESSIONS
    runs = api.task_runs(api.flow_run(f"compile {uploaded}")["id"], *STEPS)
    assert {name: run["run_count"] for name, run in runs.items()} == dict.fromkeys(STEPS, 1) | {STEPS[0]: 3}


def test_a_compile_stands_without_its_artifacts(
    api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Prefect does not take the artifacts, the report says so and the run completes."""
    monkeypatch.setattr(tasks.artifacts, "acreate_table_artifact", None)
    report = compile_now(uploaded)
    assert len(report.degraded) == 1
    assert api.flow_run(f"compile {uploaded}")["state_type"] == "COMPLETED"


def test_a_server_that_fails_meanwhile_is_one_clear_error(
    server_home: Path, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command learns that work was done and what to run next; the other project is compiled."""

    async def compile_or_fail(project: str, full: bool, max_usd: float | None) -> ProjectReport:
        if project == uploaded:
            raise httpx.ConnectError("refused")
        return ProjectReport(project=project)

    monkeypatch.setattr(flows.compile, "compile_context", compile_or_fail)
    failed, done = compile_projects(server_home, [uploaded, "acme/other"])
    assert isinstance(failed, PipelineError)
    assert (failed.partial, failed.next_command) == (True, "rlm-context compile")
    assert done == ProjectReport(project="acme/other")


def test_a_lasting_error_is_not_tried_again(api: Api, uploaded: str, failing: Callable[..., Runtime]) -> None:
    """A full disk ends the run at once with the error itself; nothing is published, and the run is recorded."""
    runtime = failing(StoreFullError("full"))
    with pytest.raises(StoreFullError):
        compile_now(uploaded)
    flow_run = api.flow_run(f"compile {uploaded}")
    assert flow_run["state_type"] == "FAILED"
    (ingest,) = api.task_runs(flow_run["id"], STEPS[0]).values()
    assert (ingest["state_type"], ingest["run_count"]) == ("FAILED", 1)
    assert heads(runtime.store, uploaded) == []
    assert [record.state for record in read_runs(runtime, uploaded, 10)] == ["failed"]


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (StoreError("busy"), True),
        (OSError(5, "input/output error"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), False),
        (KeyMissingError("blobs/x"), False),
        (DamagedError("blobs/x", "test"), False),
        (StoreFullError("full"), False),
        (FormatTooNewError("too new"), False),
        (SettingsError("wrong"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_what_can_pass_is_worth_a_retry(error: Exception, passing: bool) -> None:
    """The store's own passing failures and the system's are; lasting ones and our mistakes are not."""
    run = TaskRun.model_construct()
    assert may_pass(tasks.compile.ingest, run, Failed(data=error)) is passing


def test_artifact_keys_are_valid_and_differ() -> None:
    """Whatever a project is called, its artifacts have keys that Prefect takes and no other has."""
    names = ["github.com/acme/tool", "github.com/acme-tool", "Ünïcode ✓", "", "x" * 500, "A", "a", "../-"]
    keys = [artifact_key("brief", name) for name in names]
    assert len(set(keys)) == len(names)
    for key in keys:
        assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert "--" not in key
        assert len(key) < 100


def test_an_artifact_makes_a_browser_fetch_nothing() -> None:
    """Images and HTML that a transcript brought into the brief are text in the artifact."""
    shown = inert("![x](http://192.0.2.1/a.png) <img src=x> **bold** [s:1a2b3c4d#12]")
    assert "![" not in shown
    assert "<" not in shown
    assert "**bold** [s:1a2b3c4d#12]" in shown


@pytest.mark.parametrize("link", ["[x](javascript:alert(1))", "[x][y]", "[y]: http://192.0.2.1"])
def test_links_of_a_transcript_lead_nowhere(link: str) -> None:
    """Where they lead was chosen by whoever wrote what is quoted: as Markdown they are no links."""
    for shown in (inert(link), cell(link, 100)):
        assert not any(mark in shown for mark in ("](", "][", "]:"))
