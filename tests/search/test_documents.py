"""Events become documents that hold what people would look for, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from data_models.knowledge import Citation, Statement
from search.documents import documents_of, windows_of
from tests.search.samples import GLAZE, Line, documents, events_of, session_of


def _messages(lines: list[Line]) -> list[str]:
    return [document.text for document in documents("s-1", lines) if document.kind == "message"]


def test_words_of_people_and_assistants_are_whole() -> None:
    """Every prompt and every answer is one document with all its words."""
    texts = _messages(GLAZE)
    assert [line[1] for line in GLAZE if line[0] in ("prompt", "text")] == [
        text for text in texts if not text.startswith(("grep", "src"))
    ]


def test_hosts_words_and_thinking_are_left_out() -> None:
    """What the host put in, and what was only thought, is not searched."""
    lines: list[Line] = [("context", "reminder from the host"), ("thinking", "hm"), ("prompt", "hello kiln")]
    assert _messages(lines) == ["hello kiln"]


def test_tool_output_keeps_its_ends() -> None:
    """The first and the last lines of a long output are searched, its middle is not."""
    (text,) = _messages([("tool_result", "first line\n" + "noise " * 5_000 + "\nexit status 3")])
    assert text.startswith("first line")
    assert text.endswith("exit status 3")
    assert len(text) < 1_000


def test_json_input_is_searched_by_its_values() -> None:
    """A tool's JSON input loses its keys and escapes."""
    (text,) = _messages([("tool_use", '{"pattern": "a\\nb", "paths": ["x.go", {"deep": "y.go"}]}')])
    assert text.split() == ["a", "b", "x.go", "y.go"]


def test_long_messages_are_cut_without_losing_a_word() -> None:
    """A pasted document stands in several parts of one seq, and each word in one of them."""
    words = [f"word{number}" for number in range(3_000)]
    parts = [one for one in documents("s-1", [("prompt", "\n".join(words))]) if one.kind == "message"]
    assert len(parts) > 3
    assert {part.from_seq for part in parts} == {"1"}
    assert [part.position for part in parts] == list(range(len(parts)))
    assert " ".join(part.text for part in parts).split() == words


def test_windows_cover_every_message() -> None:
    """Each message of a longer session stands in at least one window, most in two."""
    lines: list[Line] = [("prompt", f"line {number}") for number in range(50)]
    windows = [one for one in documents("s-1", lines) if one.kind == "window"]
    covered = [place for one in windows for place in range(one.position, one.position + one.span)]
    assert set(covered) == set(range(50))
    assert max(covered.count(place) for place in range(50)) == 2


def test_one_message_needs_no_window() -> None:
    """A window over a single message would say the same twice."""
    assert [one.kind for one in documents("s-1", [("prompt", "hello")])] == ["message"]


def test_empty_session_has_no_documents() -> None:
    """Nothing said, nothing searched."""
    assert documents("s-1", []) == []
    assert list(windows_of([])) == []


def test_copies_share_their_key() -> None:
    """A forked session repeats messages of another; spaces and line ends make no difference."""
    first = documents("s-1", [("prompt", "keep the  wall clock\n")])
    second = documents("s-2", [("prompt", "keep the wall clock")], author="grace")
    assert first[0].key == second[0].key


def test_statements_stand_where_they_are_cited() -> None:
    """A cited sentence of a summary is a document at the place of its first evidence."""
    statement = Statement(
        kind="decision",
        text="The ramp uses monotonic time.",
        citations=(Citation("", "4"), Citation("", "6")),
    )
    uncited = Statement(kind="decision", text="Unfounded.", citations=())
    events = events_of(GLAZE)
    made = [
        one for one in documents_of(events, session_of("s-1"), [statement, uncited]) if one.kind == "summary"
    ]
    assert [(one.text, one.from_seq, one.to_seq, one.position) for one in made] == [
        ("The ramp uses monotonic time.", "4", "6", 3)
    ]


def test_subagents_are_cited_with_their_name() -> None:
    """A subagent's message carries its reference."""
    events = events_of([("text", "found it")])
    events[0].subagent = "a1b2"
    assert next(documents_of(events, session_of("s-1"), ())).from_seq == "a1b2/1"


@given(
    st.lists(
        st.tuples(st.sampled_from(["prompt", "text", "tool_result", "summary"]), st.text(max_size=4_000))
    )
)
def test_any_text_becomes_documents(lines: list[Line]) -> None:
    """Positions count up without gaps, and people's words are all there, whatever the text."""
    messages = [one for one in documents("s-1", lines) if one.kind == "message"]
    assert [one.position for one in messages] == list(range(len(messages)))
    said = " ".join(one.text for one in messages if one.voice == "human")
    prompts = " ".join(line[1] for line in lines if line[0] == "prompt")
    assert "".join(said.split()) == "".join(prompts.split())
