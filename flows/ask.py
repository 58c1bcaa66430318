"""The flow that answers a question, for servers and for Prefect's UI; the command line asks without Prefect."""

from prefect import flow, tags
from prefect.runtime import deployment

from compiler.asking.answer import Answer
from compiler.copies import compiled_copies
from compiler.report import ProjectReport
from compiler.runs import recorded
from tasks.ask import answer, show_answer
from tasks.compile import process_runtime


@flow(name="ask", flow_run_name="ask")
async def ask(question: str, project: str | None = None, max_usd: float | None = None) -> Answer:
    """Answer a question about what was said and done.

    Args:
        question: anything.
        project: the project's name in the store; None for all projects.
        max_usd: the most to spend on model calls, in US dollars; None for one dollar.

    Returns:
        The answer. An artifact shows it with its trajectory, and the run is recorded in the store, under the first of
        its projects.

    Raises:
        RlmContextError: there is no such project, or `compiler.asking.ask.ask` failed.
    """
    runtime = process_runtime()
    copies = compiled_copies(runtime, project)
    answers: list[Answer] = []

    async def run() -> ProjectReport:
        answers.append(await answer(copies, question, max_usd))
        return ProjectReport(project=copies[0].project, llm=answers[0].usage)

    with tags("rlm-context", *(copy.project for copy in copies)):
        await recorded(runtime, copies[0].project, f"ask, {deployment.name or 'called directly'}", run)
        await show_answer(answers[0])
    return answers[0]
