"""The app on Modal: the compile, questions, and the batches of a compile, next to the volume that is the store.

    modal deploy -m flows.modal_app
    modal run flows/modal_app.py::compile --project acme/shop
    modal run flows/modal_app.py::ask --question "summarize all sessions"

Deployed from a checkout: the image is built from its requirements.lock, and the project's packages are added. The
functions take and return small values as JSON texts. Blobs are read where the volume is mounted, read-only; whatever
is written goes through `store.modal`, which reads it back. Settings of whoever deploys decide the store, the secrets,
the schedule and how many containers there are; the functions' own settings come from the store's `store.json` and
from the secrets.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import modal
import msgspec

from compiler.asking.answer import Answer
from compiler.asking.ask import ask as answer_question
from compiler.batches import do_ingest, do_summarize
from compiler.copies import compiled_copies
from compiler.pipeline import compile_project
from compiler.plan import plan
from compiler.report import ProjectReport
from compiler.runs import recorded
from compiler.runtime import Runtime, open_runtime
from data_models.errors import NotFoundError, PipelineError, RlmContextError
from data_models.settings import Settings, load_settings
from store.receipts import projects
from tasks.modal import BATCH_SECONDS, DEFAULT_STORE, INGEST, SUMMARIZE, ModalSteps, app_name

MOUNT = "/rlm-context-volume"
_PACKAGES = (
    *("data_models", "transcripts", "store", "search", "rlm"),
    *("compiler", "tasks", "flows", "rlm_context"),
)
_LOCK = Path(__file__).parents[1] / "requirements.lock"
_COMPILE_SECONDS = 6 * 3600
_AT_ONCE = 4
"""Compiles, and questions, at the same time. Compiles of one project wait for one another anyway."""
_RUNNER: dict[str, str | None] = {"RLM_CONTEXT_RUNNER": "modal"}


def _image(store: str, settings: Settings) -> modal.Image:
    image = modal.Image.debian_slim(python_version="3.11").pip_install_from_requirements(
        str(_LOCK), extra_options="--require-hashes"
    )
    variables = {
        "RLM_CONTEXT_STORE": store,
        "RLM_CONTEXT_STORE_MOUNT": MOUNT,
        # A container imports this module too, and must find as many secrets in it as were deployed.
        "RLM_CONTEXT_MODAL__SECRETS": json.dumps(settings.modal.secrets),
        "DO_NOT_TRACK": "1",
    }
    return image.env(variables).add_local_python_source(*_PACKAGES)


_settings = load_settings()
_store = _settings.store or DEFAULT_STORE
_name = app_name(_store)
app = modal.App(
    _name,
    image=_image(_store, _settings),
    secrets=[modal.Secret.from_name(name) for name in _settings.modal.secrets],
    volumes={MOUNT: modal.Volume.from_name(_name).with_mount_options(read_only=True)},
)


@app.function(
    name="compile", timeout=_COMPILE_SECONDS, cpu=1.0, memory=2048, max_containers=_AT_ONCE, env=_RUNNER
)
async def compile_one(project: str, full: bool = False, max_usd: float | None = None) -> str:
    """Compile a project, as `flows.compile.compile_context` does; its report as JSON."""
    return _json(await _compile(project, full, max_usd))


@app.function(
    name="compile_all",
    timeout=_COMPILE_SECONDS,
    cpu=1.0,
    memory=2048,
    max_containers=1,
    env=_RUNNER,
    schedule=modal.Cron(_settings.modal.cron) if _settings.modal.cron else None,
)
async def compile_all() -> str:
    """Compile every project that has something new; their reports as JSON.

    Raises:
        PipelineError: some could not be compiled; the others are.
    """
    runtime = _runtime()
    reports, failed = [], []
    for project in await asyncio.to_thread(projects, runtime.store):
        if (await asyncio.to_thread(plan, runtime, project)).has_work:
            try:
                reports.append(await _compile(project, full=False, max_usd=None))
            except RlmContextError as error:
                failed.append(f"{project}: {error.message}")
    if failed:
        raise PipelineError("; ".join(failed), next_command=f"modal app logs {_name}", partial=bool(reports))
    return _json(reports)


@app.function(name="ask", timeout=3600, cpu=1.0, memory=2048, max_containers=_AT_ONCE)
async def answer(question: str, project: str | None = None, max_usd: float | None = None) -> str:
    """Answer a question about a project, or about all; a `compiler.asking.answer.Answer` as JSON.

    Its `record` is empty: the trajectory ends with the container. Where no model was used and no
    passage was found, its text is the brief.
    """
    runtime = _runtime()
    copies = await asyncio.to_thread(compiled_copies, runtime, project)
    given: list[Answer] = []

    async def run() -> ProjectReport:
        try:
            given.append(await answer_question(runtime, copies, question, max_usd=max_usd))
        finally:
            await runtime.backend.close()
        return ProjectReport(project=copies[0].project, llm=given[0].usage)

    await recorded(runtime, copies[0].project, "ask, Modal", run)
    text = given[0].text
    if not text and not given[0].model_used:
        # A question about everything has no words that any passage could have.
        text = "\n".join(copy.read("brief.md") for copy in copies)
    return _json(msgspec.structs.replace(given[0], text=text, record=""))


@app.function(
    name=INGEST, timeout=BATCH_SECONDS, cpu=1.0, memory=2048, max_containers=_settings.modal.containers
)
async def ingest_batch(batch: str) -> str:
    """Ingest the receipts of a `compiler.batches.ingest_batch`."""
    return await do_ingest(_runtime(), batch)


@app.function(
    name=SUMMARIZE, timeout=BATCH_SECONDS, cpu=1.0, memory=2048, max_containers=_settings.modal.containers
)
async def summarize_batch(batch: str) -> str:
    """Summarise the sessions of a `compiler.batches.summarize_batch`."""
    return await do_summarize(_runtime(), batch)


@app.local_entrypoint()
def compile(project: str = "", full: bool = False) -> None:
    """Compile a project, or every one that has something new, and say what was done."""
    with _errors_told():
        if project:
            reports = [msgspec.json.decode(compile_one.remote(project, full), type=ProjectReport)]
        else:
            reports = msgspec.json.decode(compile_all.remote(), type=list[ProjectReport])
    for report in reports:
        new = f"{report.sessions.new} new session{'' if report.sessions.new == 1 else 's'}"
        print(f"{report.project}: {new} compiled in {report.seconds.total:.1f} s")  # noqa: T201  what was asked for
    if not reports:
        print("nothing new")  # noqa: T201  what was asked for


@app.local_entrypoint()
def ask(question: str, project: str = "") -> None:
    """Answer a question about a project, or about all, with what it cites."""
    with _errors_told():
        given = msgspec.json.decode(answer.remote(question, project or None), type=Answer)
    cited = [f"{one.shown} {one.author}: {one.words}" for one in given.citations if one.resolved]
    parts = [given.text or "nothing found", "\n".join(cited)]
    if given.partial:
        parts.append(f"[not a whole answer: {given.reason}]")
    print(_harmless("\n\n".join(filter(None, parts))))  # noqa: T201  what was asked for


def _harmless(text: str) -> str:
    """The text without what a terminal would obey: it quotes what others wrote."""
    return "".join(sign for sign in text if sign.isprintable() or sign in "\n\t")


@contextmanager
def _errors_told() -> Iterator[None]:
    """Our own errors end the command with the line that they are."""
    try:
        yield
    except RlmContextError as error:
        hint = f". Next: {error.next_command}" if error.next_command else ""
        sys.exit(f"{error.message}{hint}")


async def _compile(project: str, full: bool, max_usd: float | None) -> ProjectReport:
    """Under Prefect where a server is named, else by itself; the record in runs/ is written either way."""
    known = await asyncio.to_thread(projects, _runtime().store)
    if project not in known:
        raise NotFoundError(f"nothing of {project} was uploaded; there is: {', '.join(known) or 'nothing'}")
    if os.environ.get("PREFECT_API_URL"):
        from flows.run import compile_as_run  # Prefect, which takes a second to import

        return await compile_as_run(project, full, max_usd)
    runtime = _runtime()
    steps = ModalSteps(runtime)
    return await recorded(
        runtime,
        project,
        "Modal",
        lambda: compile_project(runtime, project, steps, full=full, max_usd=max_usd),
    )


@cache
def _runtime() -> Runtime:
    """This container's runtime, with the settings that the store had when the container began."""
    return open_runtime()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
