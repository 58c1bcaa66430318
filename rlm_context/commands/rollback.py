"""`rlm-context rollback`: the context as it was before."""

import asyncio

import click

from compiler.local_copy import refresh
from compiler.maintenance.rollback import RolledBack, roll_back
from compiler.runtime import open_runtime
from data_models.errors import NotFoundError
from rlm_context.output import plural, print_json
from rlm_context.places import chosen_projects
from rlm_context.shown import minute

_SHOWN = 5


@click.command("rollback")
@click.option("--project", metavar="P", help="A project, or the end of its name.")
@click.option("--to", "number", type=click.IntRange(1), metavar="N",
              help="The generation's number. Default: the one before what is shown now.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def rollback_command(project: str | None, number: int | None, as_json: bool) -> None:
    """Show everyone an earlier generation again.

    Its content is published as the newest generation, at once and without models; nothing is removed, and a
    second rollback goes one further back. It lasts until the next compile, which takes in again whatever was
    uploaded since: no session is lost. So mend the cause meanwhile: the setting or the model that made a bad
    brief, or the session it came from (rlm-context forget).
    """
    runtime = open_runtime(make_store=False)
    names = chosen_projects(runtime, project)
    if len(names) != 1:
        raise NotFoundError(
            f"several projects are here: {', '.join(names)}", next_command="rlm-context rollback --project P"
        )
    done = asyncio.run(roll_back(runtime, names[0], number))
    refresh(runtime, names[0])
    print_json(done) if as_json else click.echo(_told(done))


def _told(done: RolledBack) -> str:
    number = int(done.generation.partition("-")[0])
    told = (
        f"{done.project}: generation {number} holds what generation {done.to} of {minute(done.made)} UTC held, "
        f"{plural(done.sessions, 'session')}."
    )
    if not done.left_out:
        return f"{told} The sessions are the same as before."
    shown = ", ".join(done.left_out[:_SHOWN])
    more = f" and {len(done.left_out) - _SHOWN:,} more" if len(done.left_out) > _SHOWN else ""
    return (
        f"{told} Without {plural(len(done.left_out), 'session')} in the state uploaded since, which the next compile "
        f"takes in again: {shown}{more}."
    )
