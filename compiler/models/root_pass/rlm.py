"""The recursive run: the root model reads rollups with code, looks things up, and drafts the compiled context."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from compiler.account import Part
from compiler.models import fence
from compiler.models.clients import Clients
from compiler.models.root_pass.citations import Citable
from compiler.models.root_pass.draft import Draft
from compiler.models.root_pass.prompt import RLM as QUESTION
from compiler.models.root_pass.rows import Row
from compiler.models.root_pass.tools import RootTools
from compiler.sessions import Sessions
from data_models.settings import Settings
from rlm.budget import Budget
from rlm.clients.errors import ProviderError, RequestError, TransientError
from rlm.engine import RLM
from rlm.errors import LimitError, RLMError, RunCancelled, SandboxError
from rlm.result import RLMResult
from rlm.sandbox.registry import open_sandbox

BUDGET = Budget(usd=None, iterations=12, calls=24, batch=24, seconds=1_800, answer_tokens=8_192)

_LIMITS: Mapping[str, str] = {
    "usd": "the limit of --max-usd is reached",
    "iterations": f"its {BUDGET.iterations} turns were used up",
    "errors": f"{BUDGET.errors} of its turns in a row failed",
    "seconds": f"its {math.floor(BUDGET.seconds / 60)} minutes were used up",
}


class Ended(NamedTuple):
    """How a recursive run ended: its last good draft, why it ended early ("" where it did not), failed sub-calls."""

    draft: Draft
    early: str
    failed: int


async def run(
    clients: Clients,
    settings: Settings,
    project: str,
    rows: Sequence[Row],
    sessions: Sessions,
    citable: Citable,
    part: Part,
) -> Ended:
    """Let the root model draft the compiled context.

    Args:
        clients: the models.
        settings: which sandbox.
        project: the project's name.
        rows: what the code finds in `context`.
        sessions: every session of the project.
        citable: resolves citations.
        part: pays.

    Raises:
        ProviderError: no call to the root model can succeed.
        UnpricedModelError: dollars are limited, and a model has no known price.
        StoreError: the store cannot be read.
        SettingsError: a model cannot be opened.
    """
    draft = Draft(citable)
    tools = RootTools(sessions, citable, draft)
    engine = _engine(clients, settings, tools, part)
    early, failed = "", 0
    try:
        result = await engine.complete(f"{QUESTION}\n\nProject: {fence.line(project)}", rows)
        failed = _booked(part, result)
    except RLMError as error:
        failed = _booked(part, error.result) if error.result else 0
        if isinstance(error, ProviderError | RunCancelled):
            raise
        early = _reason(error)
    if tools.failure:
        raise tools.failure
    return Ended(draft, early, failed)


def _engine(clients: Clients, settings: Settings, tools: RootTools, part: Part) -> RLM:
    return RLM(
        root=clients.root,
        sub=clients.sub,
        tools=tools.table,
        sandbox=open_sandbox(settings.sandbox),
        budget=replace(BUDGET, usd=part.account.left),
        cache=part.account.replies,
        prices=part.account.prices,
    )


def _booked(part: Part, result: RLMResult) -> int:
    """Count what a run spent; how many of its sub-calls failed, which its code saw, and went on."""
    part.book(result)
    steps = [record for record in result.trajectory.records if record["kind"] == "step"]
    return sum("model" in call and bool(call.get("error")) for step in steps for call in step["calls"])


def _reason(error: RLMError) -> str:
    """Why a run ended, for people; no content in it."""
    if isinstance(error, LimitError):
        return _LIMITS.get(error.limit, f"the limit of its {error.limit} was reached")
    if isinstance(error, SandboxError):
        return "the sandbox does not work here; rlm-context doctor says more"
    if isinstance(error, TransientError):
        return "the model could not be reached"
    if isinstance(error, RequestError):
        return "the model's provider does not take it"
    return "the model failed"
