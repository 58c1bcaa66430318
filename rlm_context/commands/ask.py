"""`rlm-context ask`: a question about what was said and done."""

import click

from compiler.asking.ask import ASK_USD, ask_now
from compiler.runtime import open_runtime
from rlm_context.answers import answer_text, described, remarks
from rlm_context.failures import say
from rlm_context.output import print_json
from rlm_context.places import copies
from rlm_context.progress import asking_shown
from rlm_context.shown import harmless


@click.command("ask")
@click.argument("question", nargs=-1, required=True)
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--max-usd", type=click.FloatRange(0), default=ASK_USD, show_default=True, metavar="X",
              help="Most to spend on models for this question.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def ask_command(question: tuple[str, ...], project: str | None, max_usd: float, as_json: bool) -> int:
    """Answer a question about what was said and done.

    With the backend `model`, models read the sessions, however many there are, and cite what the answer rests
    on. Without, the best passages are shown. A question that starts with "-" goes after "--".
    """
    text = " ".join(question).encode("utf-8", "replace").decode().strip()
    if not text:
        raise click.UsageError("the question is empty")
    runtime = open_runtime(make_store=False)
    found = copies(runtime, project)
    with asking_shown() as show:
        answer = ask_now(runtime, found, text, max_usd=max_usd, show=show)
    if as_json:
        print_json(described(answer))
    elif shown := answer_text(answer):
        click.echo(harmless(shown))
    for remark in remarks(answer):
        say(f"rlm-context: {harmless(remark)}")
    return 1 if answer.stopped_by == "cancelled" else 0
