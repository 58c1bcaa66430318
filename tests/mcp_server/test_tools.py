"""Tools as an agent calls them: the real client of the SDK, over stdio."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client

from rlm_context.mcp_server import session
from rlm_context.mcp_server.fenced import MOST_CHARS, NOTICE
from tests.mcp_server.helpers import PROJECT, call, document_of, text_of, with_client

TOOLS = ["search_context", "get_session", "get_brief", "ask", "recent_work"]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("search_context", {"query": "alerts after a restart"}),
    ("get_session", {"session": "[s:46774c9d#10]"}),
    ("get_brief", {"full": True}),
    ("ask", {"question": "why are alerts kept in the database?"}),
    ("recent_work", {"author": "jonas"}),
]


def test_tools_say_what_they_are_for(compiled: Path, checkout: Path) -> None:
    """Five read-only tools with descriptions; schemas are JSON schemas whose every argument is described."""

    async def work(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == TOOLS
        for tool in listed:
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint is True
            assert tool.annotations.open_world_hint is (tool.name == "ask")
            assert 200 < len(tool.description or "") < 800
            assert tool.output_schema is not None
            for schema in (tool.input_schema, tool.output_schema):
                jsonschema.Draft202012Validator.check_schema(schema)
                assert schema["type"] == "object"
            assert all("description" in argument for argument in tool.input_schema["properties"].values())
        assert "never an instruction" in (client.instructions or "")

    with_client(checkout, work)


def test_every_result_is_information_in_a_fence(compiled: Path, checkout: Path) -> None:
    """Each tool's result says what it is, in text and document alike; the document fits the tool's schema, the text
    has its fence, and neither grows beyond its bound."""

    async def work(client: Client) -> None:
        schemas = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools}
        for name, arguments in CALLS:
            result = await client.call_tool(name, arguments)
            document = document_of(result)
            jsonschema.validate(document, schemas[name])
            assert next(iter(document)) == "notice"
            assert document["notice"] == NOTICE
            text = text_of(result)
            assert text.startswith(NOTICE)
            assert text.count("⟦end ") == 1
            assert len(text) < 2 * MOST_CHARS

    with_client(checkout, work)


def test_a_citation_leads_from_search_to_its_records(compiled: Path, checkout: Path) -> None:
    """What search cites, get_session reads: the same words, and the records around them."""
    (found,) = call(
        checkout, ("search_context", {"query": "every restart sent all alerts again", "limit": 3})
    )
    passage = document_of(found)["passages"][0]
    assert passage["citation"] in text_of(found)
    cited, around, whole = call(
        checkout,
        ("get_session", {"session": passage["citation"]}),
        ("get_session", {"session": passage["citation"], "first": "1", "last": "8"}),
        ("get_session", {"session": passage["citation"].partition("#")[0]}),
    )
    said = " ".join(record["text"] for record in document_of(cited)["records"])
    assert passage["text"][:60] in " ".join(said.split())
    assert {record["record"] for record in document_of(around)["records"]} <= {str(n) for n in range(1, 9)}
    assert len(document_of(whole)["records"]) > len(document_of(cited)["records"])


def test_a_long_session_comes_in_parts(
    compiled: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`more_from` leads through all of it: no record is left out, none comes twice."""
    monkeypatch.setattr(session, "MOST_CHARS", 1_500)
    monkeypatch.chdir(checkout)
    seen: list[str] = []
    first = ""
    while True:
        reply = session.get_session(session.SessionArguments(session="46774c9d", first=first))
        document = reply.document
        assert isinstance(document, session.SessionResult)
        seen += [record.record for record in document.records]
        first = document.more_from
        if not first:
            break
        assert f'first="{first}"' in reply.text
    numbers = [int(record) for record in seen]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 20


def test_subagents_are_read_by_their_name(compiled: Path, checkout: Path) -> None:
    """A session names its subagents, and get_session reads their records."""
    (main,) = call(checkout, ("get_session", {"session": "46774c9d", "last": "3"}))
    (name,) = document_of(main)["subagents"]
    (inside,) = call(checkout, ("get_session", {"session": "46774c9d", "first": f"{name}/1"}))
    assert {record["record"].partition("/")[0] for record in document_of(inside)["records"]} == {name}


def test_recent_work_is_by_author_file_and_branch(compiled: Path, checkout: Path) -> None:
    """Newest first; each filter leaves only what matches; what came of a session is cited as that session."""
    by_all, by_author, by_branch, by_file, none = (
        document_of(result)
        for result in call(
            checkout,
            ("recent_work", {"limit": 30}),
            ("recent_work", {"author": "jonas", "limit": 1}),
            ("recent_work", {"branch": "healthz"}),
            ("recent_work", {"file": "health.go"}),
            ("recent_work", {"author": "nobody"}),
        )
    )
    ended = [work["ended"] for work in by_all["sessions"]]
    assert ended == sorted(ended, reverse=True)
    assert by_all["more"] == 0
    assert [work["author"] for work in by_author["sessions"]] == ["jonas"]
    assert by_author["more"] > 0
    assert {work["branch"] for work in by_branch["sessions"]} == {"healthz"}
    assert 0 < len(by_file["sessions"]) < len(by_all["sessions"])
    assert none["sessions"] == []
    for work in by_all["sessions"]:
        assert all(said["citation"].startswith(f"[s:{work['session']}#") for said in work["statements"])


def test_the_current_project_unless_told_otherwise(compiled: Path, checkout: Path, home: Path) -> None:
    """In a checkout only its project is looked at; another one by name; elsewhere all of them."""
    here, named = call(
        checkout,
        ("search_context", {"query": "poll"}),
        ("search_context", {"query": "poll", "project": "other"}),
    )
    (elsewhere,) = call(home, ("search_context", {"query": "poll"}))
    assert document_of(here)["projects"] == [PROJECT]
    assert document_of(named)["projects"] == ["acme/other"]
    assert set(document_of(elsewhere)["projects"]) == {PROJECT, "acme/other"}


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("search_context", {}, "query"),
        ("search_context", {"query": ""}, "length"),
        ("search_context", {"query": "x", "words": "y"}, "unknown field `words`"),
        ("search_context", {"query": "x", "limit": 500}, "limit"),
        ("search_context", {"query": "x", "since": "soon"}, "soon is no time"),
        ("search_context", {"query": "x", "project": "nowhere"}, "no project nowhere"),
        ("get_session", {"session": "ffffffff"}, "no session ffffffff"),
        ("get_session", {"session": "46774c9d", "first": "99999"}, "no such records"),
        ("get_session", {"session": "46774c9d", "first": "x"}, "is no record"),
        ("ask", {"question": "why?", "max_usd": 50}, "max_usd"),
        ("forget", {}, "no tool forget"),
    ],
)
def test_an_error_says_what_to_do_next(
    name: str, arguments: dict[str, Any], told: str, compiled: Path, checkout: Path
) -> None:
    """What cannot be done is a tool error with the next step, and the server goes on."""
    failed, after = call(checkout, (name, arguments), ("search_context", {"query": "poll"}))
    assert failed.is_error
    assert told in text_of(failed)
    assert " Next: " in text_of(failed)
    assert not after.is_error


def test_nothing_compiled_yet(home: Path) -> None:
    """In an empty home every tool says how to begin, and leaves nothing behind."""
    results = call(home, *CALLS)
    assert all(result.is_error and "rlm-context compile" in text_of(result) for result in results)
    assert not (home / "rlm-context" / "store").exists()
