"""A question as Prefect tasks: the answer, and an artifact that shows it with how it was found."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.artifacts import acreate_markdown_artifact

from compiler.asking.answer import Answer
from compiler.asking.ask import ask
from compiler.asking.cited import Cited
from compiler.local_copy import Copy
from rlm.digest import to_markdown
from rlm.prices import PRICES_DATE
from rlm.trajectory import read_records
from search.render import day_of
from tasks.compile import process_runtime
from tasks.inert import inert, one_line
from tasks.links import artifact_key
from tasks.options import STEP


@task(name="answer", task_run_name="answer", **STEP)
async def answer(copies: Sequence[Copy], question: str, max_usd: float | None) -> Answer:
    """The answer to a question about these projects; what was paid is kept, so another try costs nothing twice."""
    return await ask(process_runtime(), copies, question, max_usd=max_usd)


@task(name="answer artifact", task_run_name="show the answer", **STEP)
async def show_answer(given: Answer) -> None:
    """Make the artifact of an answer."""
    await acreate_markdown_artifact(
        answer_markdown(given),
        key=artifact_key("answer", ", ".join(given.projects)),
        description="An answer, what it cites, and how it was found",
    )


def answer_markdown(given: Answer) -> str:
    """Question, answer, citations, cost, and the trajectory."""
    label = "**No answer: these are the best passages.**" if given.passages else ""
    if given.partial:
        label = f"{label} **Not a whole answer: {given.reason}.**"
    usage = given.usage
    cost = (
        f"{usage.calls} model calls, {usage.cached} answers from memo, {usage.input_tokens:,} tokens in, "
        f"{usage.output_tokens:,} out, ${usage.usd:.4f} (prices of {PRICES_DATE})"
    )
    cited = "\n".join(_line(each) for each in given.citations if each.resolved)
    parts = [f"## {one_line(given.question, 500)}", label.strip(), inert(given.text), cited, cost]
    if given.record:
        parts += ["## How it was found", to_markdown(read_records(Path(given.record)))]
    return "\n\n".join(part for part in parts if part)


def _line(cited: Cited) -> str:
    return f"- {cited.shown} {one_line(cited.author, 80)}, {day_of(cited.time)}: {one_line(cited.words, 400)}"
