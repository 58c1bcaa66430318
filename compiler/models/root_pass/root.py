"""The root: the compiled context by a recursive run, by one plain call, or by rules where neither comes to anything."""

from collections.abc import Sequence
from typing import NamedTuple

from compiler.account import Part
from compiler.extractive import lines
from compiler.models.asking import NoAnswer
from compiler.models.clients import Clients
from compiler.models.root_pass import reduce, rlm
from compiler.models.root_pass.citations import Citable
from compiler.models.root_pass.draft import Drafted
from compiler.models.root_pass.lines import compose
from compiler.models.root_pass.rows import Row, context_rows
from compiler.sessions import Sessions
from data_models.knowledge import Line, Node, Root
from data_models.settings import Settings

VERSION = 2


class _Written(NamedTuple):
    """What a pass wrote; nothing where it came to nothing. `why` says what was not as usual."""

    lines: Sequence[Drafted] = ()
    uncited: int = 0
    refused: int = 0
    why: str = ""


async def root(
    clients: Clients,
    settings: Settings,
    project: str,
    nodes: Sequence[Node],
    sessions: Sessions,
    part: Part,
) -> Root:
    """The lines of the compiled context.

    Each pass that comes to nothing says why in `degraded`, and a simpler one takes its place: the recursive run, the
    plain reduce, the rules. Every line of a model is cited, and every citation resolves.

    Args:
        clients: the models.
        settings: which pass, which sandbox.
        project: the project's name.
        nodes: the month rollups, oldest first.
        sessions: every session of the project.
        part: pays.

    Raises:
        ProviderError: no call to the root model can succeed.
        PipelineError: the provider has been failing for too long.
        UnpricedModelError: dollars are limited, and a model has no known price.
        StoreError: the store cannot be read or written.
    """
    base = lines.root(project, nodes).lines
    if not base:
        return Root(lines=())
    citable = Citable(nodes, sessions)
    tried: list[_Written] = []
    if settings.root_pass == "rlm":  # noqa: S105  (a pass, and no word)
        rows = await context_rows(base, nodes, sessions)
        tried.append(await _recursive(clients, settings, project, rows, sessions, citable, part))
    if not tried or not tried[-1].lines:
        tried.append(await _plain(clients, project, base, citable, part))
    why = [one.why for one in tried if one.why]
    if citable.unreadable:
        why.append(f"{len(citable.unreadable)} sessions it looked into cannot be read")
    return Root(
        lines=compose(tried[-1].lines, base, citable),
        degraded="; ".join(dict.fromkeys(why)),
        uncited=sum(one.uncited for one in tried),
        refused=sum(one.refused for one in tried),
    )


async def _recursive(
    clients: Clients,
    settings: Settings,
    project: str,
    rows: Sequence[Row],
    sessions: Sessions,
    citable: Citable,
    part: Part,
) -> _Written:
    """The recursive run's last good draft, though a limit ended it."""
    draft, early, failed = await rlm.run(clients, settings, project, rows, sessions, citable, part)
    if draft.lines:
        why = f"ended early ({early})" if early else ""
    else:
        why = f"the recursive run made no draft ({early or 'it ended without one'})"
    sub_calls = f"{failed} of its sub-calls failed" if failed else ""
    return _Written(draft.lines, draft.uncited, draft.refused, "; ".join(filter(None, (why, sub_calls))))


async def _plain(
    clients: Clients, project: str, base: Sequence[Line], citable: Citable, part: Part
) -> _Written:
    try:
        made = await reduce.reduce(clients.root, project, base, citable, part)
    except NoAnswer as error:
        return _Written(why=f"the plain reduce came to nothing ({error.reason})")
    why = "" if made.lines else "the plain reduce came to nothing (no line of it can stand)"
    return _Written(*made, why)
