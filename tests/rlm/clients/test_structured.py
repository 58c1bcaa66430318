"""Answers that follow a schema, and those that do not."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.clients.errors import ReplyError
from rlm.clients.protocol import Completion
from rlm.clients.structured import checked
from rlm.clients.usage import Usage
from tests.rlm.clients.conftest import Bench
from tests.rlm.clients.running import ask, run


class Line(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    seqs: list[int]


SCHEMA = msgspec.json.schema(Line)


@given(st.builds(Line, text=st.text(), seqs=st.lists(st.integers())))
def test_what_follows_the_schema_passes(line: Line) -> None:
    """Every document of the type, with any text in it."""
    completion = Completion(msgspec.json.encode(line).decode(), Usage())
    assert checked(completion, ask(schema=SCHEMA)) is completion


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prose",
        "null",
        "[]",
        "{}",
        '{"text": 1, "seqs": []}',
        '{"text": "a", "seqs": [1.5]}',
        "[" * 100_000,
        '{"text": "a", "seqs": [], "more": 1}',
        '{"text": "half of a pair: \\ud83d", "seqs": []}',
        '{"text": "a", "seqs": [NaN]}',
        '{"text": "a", "seqs": []} {}',
        '```json\n{"text": "a", "seqs": []}\n```',
    ],
    ids=lambda text: text[:20],
)
def test_what_does_not_is_an_error_with_the_text(text: str) -> None:
    """Anything else, however deep or strange, is one typed error."""
    with pytest.raises(ReplyError) as caught:
        checked(Completion(text, Usage(1, 2, 3)), ask(schema=SCHEMA))
    assert caught.value.text == text
    assert caught.value.usage == Usage(1, 2, 3)


@pytest.mark.parametrize("stop", ["max_tokens", "refusal"])
def test_unfinished_answers_are_not_looked_into(stop: str) -> None:
    """What is cut short or refused follows no schema, and is not the model's mistake."""
    completion = Completion("{", Usage(), stop)  # type: ignore[arg-type]
    assert checked(completion, ask(schema=SCHEMA)) is completion


def test_schemas_of_msgspec_reach_every_provider(bench: Bench) -> None:
    """A type's schema as msgspec writes it is understood, and the answer decodes to that type."""
    if bench.name.startswith("agent-sdk"):  # is told the schema in words, which the server does not read
        bench.server.reply = lambda call: '{"text": "text", "seqs": [1]}'
    answer = run(bench.open(), lambda client: client.complete(ask(schema=SCHEMA)))
    assert msgspec.json.decode(answer.text, type=Line) == Line("text", [1])
    assert "seqs" in json.dumps(bench.server.received[0].body)
