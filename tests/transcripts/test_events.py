"""What events say beyond the golden files: counting, de-duplication, whose words, what stays out."""

from collections.abc import Callable
from typing import Any

import pytest

from data_models.errors import DamagedError
from transcripts.events import read_events

from .conftest import Session

User = Callable[..., dict[str, Any]]


def assistant(message_id: str, output: int, *blocks: dict[str, Any]) -> dict[str, Any]:
    """One line of an API message."""
    usage = {"input_tokens": 3, "output_tokens": output}
    return {"type": "assistant", "message": {"id": message_id, "content": list(blocks), "usage": usage}}


def test_tokens_count_once_a_message(session: Session) -> None:
    """The counts of a message split over lines stand on one event, and are the largest the host wrote."""
    lines = [assistant("m1", output, {"type": "text", "text": "t"}) for output in (1, 1, 250)]
    events, _ = session.read(*lines, assistant("m2", 10, {"type": "text", "text": "t"}))
    assert [event.output_tokens for event in events] == [250, None, None, 10]


def test_the_first_record_with_a_uuid_wins(session: Session, user: User) -> None:
    """A record that stands twice in a session gives its events once."""
    once = user("once")
    events, _ = session.read(once, once | {"message": {"content": "twice"}}, user("other"))
    assert [event.text for event in events] == ["once", "other"]


def test_all_records_in_file_order(session: Session, user: User) -> None:
    """No record is lost to the parent tree: branches and new roots come in file order."""
    records = [user(str(number), parentUuid=None) for number in range(9)]
    events, _ = session.read(*records)
    assert [(event.seq, event.text) for event in events] == [(n + 1, str(n)) for n in range(9)]


FENCED = "<rlm-context generation='4'>the team squashes commits</rlm-context>"


def test_our_own_context_stays_out(session: Session, user: User) -> None:
    """What we injected comes back in no event, however the host stored it; words around it stay."""
    events, _ = session.read(
        {
            "type": "attachment",
            "attachment": {"type": "hook_success", "hookEvent": "SessionStart", "content": "x"},
        },
        {"type": "attachment", "attachment": {"type": "hook_additional_context", "content": [FENCED]}},
        user(FENCED, isMeta=True),
        user(f"why does it say {FENCED} there?"),
        user([{"type": "tool_result", "tool_use_id": "t", "content": "<rlm-context>cut off by a preview"}]),
    )
    assert [event.text for event in events] == ["why does it say  there?"]


def queue(operation: str, content: str | None = None) -> dict[str, Any]:
    """A queue operation."""
    return {"type": "queue-operation", "operation": operation} | ({"content": content} if content else {})


@pytest.mark.parametrize(
    ("records", "texts"),
    [
        ([queue("enqueue", "stop"), queue("remove")], [("queued", "stop")]),
        ([queue("enqueue", "stop"), queue("dequeue"), "stop"], [("prompt", "stop")]),
        ([queue("enqueue", "a"), queue("enqueue", "b"), "a\nb"], [("prompt", "a\nb")]),
        (
            [queue("enqueue", "a"), queue("popAll", "a"), "a, edited"],
            [("queued", "a"), ("prompt", "a, edited")],
        ),
        ([queue("enqueue", "go"), queue("enqueue", "go"), "go"], [("queued", "go"), ("prompt", "go")]),
        ([queue("enqueue", "/model")], [("command", "/model")]),
        ([queue("popAll", "typed, never sent")], [("queued", "typed, never sent")]),
    ],
    ids=["only there", "delivered", "joined", "taken back", "twice", "command", "only popped"],
)
def test_queued_words(session: Session, user: User, records: list[Any], texts: list[tuple[str, str]]) -> None:
    """Text in the queue counts as said once, unless it is also delivered as a prompt."""
    events, _ = session.read(*(user(item) if isinstance(item, str) else item for item in records))
    assert [(event.kind, event.text) for event in events] == texts
    assert {event.role for event in events} == {"human"}


def test_a_subagents_order_is_not_human(session: Session, user: User) -> None:
    """What a parent agent tells a subagent is no person's prompt; a person's refusal in it is."""
    refused = "Permission for this tool use was denied. The user said:\nnot on main"
    result = {"type": "tool_result", "tool_use_id": "t", "content": refused, "is_error": True}
    events, _ = session.read(user("do it", isSidechain=True), user([result], isSidechain=True))
    assert [(event.role, event.kind) for event in events] == [
        ("harness", "context"),
        ("tool", "tool_result"),
        ("human", "rejection"),
    ]


def test_unknown_things_are_counted_once_each(session: Session) -> None:
    """An unknown type gives one reject with its count, and a name that could hold content is not shown."""
    line = {"type": "hologram", "sessionId": "s"}
    _, rejects = session.read(line, line, {"type": "my password is x!"}, {"type": ["list"]})
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (1, "unknown record type hologram (2 in this session)"),
        (3, "unknown record type without a usable name (2 in this session)"),
    ]


@pytest.mark.parametrize("blob", [b"", b"no zstd", b"(\xb5/\xfd\x04\x00\x09\x00\x00{}\n"])
def test_a_damaged_blob_is_said_to_be_damaged(blob: bytes) -> None:
    """Bytes that are no slim blob raise our error, not a library's."""
    with pytest.raises(DamagedError):
        read_events(blob)


def test_a_cut_blob_is_damaged(session: Session) -> None:
    """A blob that lost its end is refused as a whole."""
    blob = session.slim(b'{"type":"summary","summary":"s","leafUuid":"l"}\n').blob
    with pytest.raises(DamagedError):
        read_events(blob[:-5])
