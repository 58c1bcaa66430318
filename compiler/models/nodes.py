"""The tree: chunk summaries to a session digest, nodes to a rollup.

The extractive rules gather and bound the statements; the model is shown them numbered, joins what belongs together,
and says what no longer holds. Whatever it leaves out stays as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from compiler.account import Part
from compiler.extractive import tree
from compiler.extractive.merge import merge
from compiler.extractive.select import best
from compiler.models import fence, joining, prompts, replies
from compiler.models.asking import NoAnswer, ask
from compiler.models.evidence import Evidence
from compiler.models.replies import DigestReply, RollupReply
from compiler.models.summaries import checked_title
from data_models.knowledge import ChunkSummary, Level, Node, SessionInfo, Statement
from rlm.clients.protocol import Client, Message, Request

VERSION = 2
MAX_TOKENS = 8_000
"""The most that one answer may hold: 40 statements, and what a model thinks before it writes them."""

_LEAST = 2
"""Fewer statements than this cannot be joined."""


async def digest(client: Client, session: SessionInfo, summaries: Sequence[ChunkSummary], part: Part) -> Node:
    """What one session says. The statements of a single chunk are joined already.

    Raises:
        ProviderError: no call to this provider can succeed.
        PipelineError: the provider has been failing for too long.
    """
    plain = tree.digest(session, summaries)
    asked, numbered, others = _about_session(session, summaries)
    if asked is None:
        return plain
    try:
        answer = await ask(client, asked, DigestReply, part)
    except NoAnswer as error:
        return msgspec.structs.replace(plain, degraded=error.reason)
    joint = joining.join(answer, numbered, others)
    node = tree.digest_of(session, summaries, joint.statements)
    title = checked_title(answer.title, Evidence.of_statements(numbered)) or node.title
    return msgspec.structs.replace(
        node,
        title=title,
        digests=((session.session_id, title),),
        statements=tuple(joining.headed(node.statements, answer.headline, numbered)),
        refused=joint.refused,
    )


async def rollup(client: Client, level: Level, bucket: str, children: Sequence[Node], part: Part) -> Node:
    """What several nodes say together, whatever their order. A single node says it already.

    Raises:
        ProviderError: no call to this provider can succeed.
        PipelineError: the provider has been failing for too long.
    """
    plain = tree.rollup(level, bucket, children)
    asked, numbered, others = _about_nodes(plain, children)
    if asked is None:
        return plain
    try:
        answer = await ask(client, asked, RollupReply, part)
    except NoAnswer as error:
        return msgspec.structs.replace(plain, degraded=error.reason)
    joint = joining.join(answer, numbered, others)
    return msgspec.structs.replace(
        plain,
        title=checked_title(answer.title, Evidence.of_statements(numbered)) or plain.title,
        statements=tuple(best(joint.statements, tree.ROLLUP_PER_KIND)),
        refused=joint.refused,
    )


def _about_session(
    session: SessionInfo, summaries: Sequence[ChunkSummary]
) -> tuple[Request | None, list[Statement], list[Statement]]:
    """The call about a session, the statements it numbers, and the others; no call where one chunk says all."""
    merged = merge(tree.standing(session, summaries))
    numbered = joining.shown(merged)
    if len(summaries) < 2 or len(numbered) < _LEAST:
        return None, numbered, []
    asked = _request(prompts.DIGEST, replies.DIGEST, numbered)
    return asked, numbered, _left(merged, numbered)


def _about_nodes(
    plain: Node, children: Sequence[Node]
) -> tuple[Request | None, list[Statement], list[Statement]]:
    """The same about several nodes; no call where there is one."""
    numbered = joining.shown(plain.statements)
    if len(children) < 2 or len(numbered) < _LEAST:
        return None, numbered, []
    return _request(prompts.ROLLUP, replies.ROLLUP, numbered), numbered, _left(plain.statements, numbered)


def _left(statements: Sequence[Statement], numbered: Sequence[Statement]) -> list[Statement]:
    taken = set(numbered)
    return [one for one in statements if one not in taken]


def _request(system: str, schema: Mapping[str, Any], numbered: Sequence[Statement]) -> Request:
    return Request((Message("user", fence.of_statements(numbered)),), system, MAX_TOKENS, schema)
