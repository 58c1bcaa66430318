"""The nightly as a flow run: each project a run of its own, one artifact that says what was done."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import compiler.maintenance.nightly
import flows.nightly
from compiler.forgetting.purge import Purged
from compiler.maintenance.nightly import NOTE, Nightly, last_night
from compiler.report import ProjectReport
from compiler.reporting.leave import REPORT_KEY
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from data_models.errors import PipelineError, StoreError
from flows.nightly import nightly_recompile
from store.generations import newest, publish
from store.protocol import Store
from tasks.links import artifact_key
from tasks.nightly import ARTIFACT, nightly_markdown
from tests.flows.helpers import SESSIONS, SOURCE, Api
from tests.forget.words import found_in_store, word_of, write_words

# Prefect leaves the connections of its threads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def night() -> Nightly:
    return asyncio.run(nightly_recompile())


def nightly_run(api: Api) -> dict[str, object]:
    """The newest run of the flow that has begun."""
    begun = {"start_time": {"is_null_": False}}
    named = {"name": {"any_": ["nightly-recompile"]}}
    filters = {"flows": named, "flow_runs": begun, "sort": "START_TIME_DESC"}
    return api.call("POST", "/flow_runs/filter", filters)[0]


def test_a_night_compiles_every_project_and_says_what_it_did(api: Api, uploaded: str) -> None:
    """Every project is a flow run below the night's; the artifact holds numbers, and the store a note."""
    upload(open_runtime(), [SOURCE], project="acme/other")
    done = night()
    assert [(one.project, one.sessions.new) for one in done.projects] == [
        ("acme/other", SESSIONS),
        (uploaded, SESSIONS),
    ]
    runtime = open_runtime()
    assert all(newest(runtime.store, name) for name in ("acme/other", uploaded))
    run = nightly_run(api)
    assert run["state_type"] == "COMPLETED"
    own = [
        "sweep this machine",
        "look for what is new",
        "verify the store",
        "collect garbage",
        "forget old runs",
        "report",
        "report page",
    ]
    assert [name for name in api.task_runs(str(run["id"]), *own) if name in own] == own
    text = api.artifact(ARTIFACT)["data"]
    assert f"| [{uploaded}](/artifacts/key/{artifact_key('brief', uploaded)}) | {SESSIONS} |" in text
    assert "## Damaged" not in text
    assert "objects read back, none damaged or missing" in text
    note = last_night(runtime)
    assert note is not None
    assert (note.faults, note.failed, note.stored) == (0, (), done.stored)
    page = runtime.store.get(REPORT_KEY).decode()
    assert all(f">{name}</h2>" in page for name in ("acme/other", uploaded))
    assert runtime.spool.pending() == []


def test_a_night_with_nothing_new_names_damage_and_growth(api: Api, uploaded: str) -> None:
    """The second night compiles nothing; damage is told with what brings it back, and holds garbage collection back."""
    night()
    runtime = open_runtime()
    key = next(runtime.store.keys("inbox"))
    runtime.store.put(key, b"{}")
    with pytest.raises(PipelineError, match="collect garbage"):
        night()
    text = api.artifact(ARTIFACT)["data"]
    assert "Nothing was new." in text
    assert key in text
    assert "Next: remove it, then rlm-context compile" in text
    assert "since the night before" in text


def test_what_fails_stops_nothing_else_and_the_run_fails(
    api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One project fails and the sweep too: the other project is compiled, all else is done, the failures are told."""
    upload(open_runtime(), [SOURCE], project="acme/other")
    real: Callable[..., object] = flows.nightly.compile_context

    async def broken(*arguments: object) -> ProjectReport:
        if arguments[0] == "acme/other":
            raise KeyError("words of a transcript")
        return await real(*arguments)  # type: ignore[misc, no-any-return]

    def out_of_reach(runtime: object) -> None:
        raise StoreError("out of reach")

    monkeypatch.setattr(flows.nightly, "compile_context", broken)
    monkeypatch.setattr("tasks.nightly.nightly.sweep", out_of_reach)
    monkeypatch.setattr("flows.nightly.steps.sweep", flows.nightly.steps.sweep.with_options(retries=0))
    with pytest.raises(PipelineError, match="acme/other, sweep"):
        night()
    assert nightly_run(api)["state_type"] == "FAILED"
    text = api.artifact(ARTIFACT)["data"]
    assert "**acme/other**: KeyError" in text
    assert "**sweep**: out of reach" in text
    assert "words of a transcript" not in text
    assert f"| [{uploaded}](/artifacts/key/{artifact_key('brief', uploaded)}) | {SESSIONS} |" in text
    note = last_night(open_runtime())
    assert note is not None
    assert note.failed == ("acme/other", "sweep")


def test_a_project_that_cannot_be_read_holds_up_no_other(api: Api, uploaded: str) -> None:
    """Where a newer rlm-context published one project, the night fails with its name, and the other is compiled."""
    night()
    store = open_runtime().store
    found = newest(store, uploaded)
    assert found is not None
    publish(store, msgspec.structs.replace(found.manifest, number=2, format=99))
    upload(open_runtime(), [SOURCE], project="acme/other")
    with pytest.raises(PipelineError, match=uploaded):
        night()
    assert newest(open_runtime().store, "acme/other") is not None
    text = api.artifact(ARTIFACT)["data"]
    assert f"**{uploaded}**: " in text
    assert "look for what is new" not in text


def test_a_store_that_is_busy_is_asked_again(
    api: Api, uploaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is new is looked for a second time where the store was out of reach at first."""
    real, failures = compiler.maintenance.nightly.projects, [StoreError("busy")]

    def busy(store: Store) -> list[str]:
        if failures:
            raise failures.pop()
        return real(store)

    monkeypatch.setattr("compiler.maintenance.nightly.projects", busy)
    assert [report.project for report in night().projects] == [uploaded]


def test_a_note_that_is_damaged_is_no_note() -> None:
    """A note saves a comparison; without it the night is done all the same."""
    runtime = open_runtime()
    assert last_night(runtime) is None
    runtime.store.put(NOTE, b'{"ended": "soon"')
    assert last_night(runtime) is None


def test_names_in_the_artifact_are_inert() -> None:
    """What a project is called, or an error says, neither breaks the table nor makes a browser fetch anything."""
    told = nightly_markdown(
        Nightly(
            started=0,
            failed={"a|b": "![x](http://192.0.2.1/a.png) <img src=x>"},
            projects=[ProjectReport(project="<script>|")],
        )
    )
    assert "![" not in told
    assert "<" not in told
    assert "a\\|b" in told


def test_a_new_redaction_rule_reaches_what_was_stored(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The night after it, what the rule finds is nowhere in the store, and the artifact says what was done."""
    source = tmp_path / "source"
    for number in range(2):
        write_words(source, number)
    upload(open_runtime(), [source], project="acme/words")
    night()
    monkeypatch.setenv("RLM_CONTEXT_REDACTION__RULES", json.dumps({"word": word_of(1)}))
    done = night()
    assert done.redacted is not None
    assert (done.redacted.read, done.redacted.replaced) == (2, 1)
    assert done.purged is not None
    assert done.purged.waiting == []
    assert found_in_store(open_runtime().store, [word_of(0), word_of(1)]) == {word_of(0)}
    assert done.verified is not None
    assert done.verified.faults == []
    assert "2 uploads read under new redaction rules" in api.artifact(ARTIFACT)["data"]
    assert night().purged == Purged()
