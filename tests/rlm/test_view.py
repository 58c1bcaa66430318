"""The HTML view shows the whole tree and runs nothing of it."""

import html.parser
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.clients.scripted import EchoClient, QueueClient
from rlm.engine import RLM
from rlm.view import render, write_view
from tests.rlm.conftest import repl

HOSTILE = "</pre><script>alert(1)</script><img src=https://example.com/x onerror=alert(2)>"


class Tags(html.parser.HTMLParser):
    """Collects the tags of a page and their nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


@pytest.fixture
def records() -> list[dict[str, Any]]:
    """A run with a child, sub-calls, an error and hostile text everywhere."""
    root = QueueClient(
        [
            repl(f"print({HOSTILE!r})\nllm_query({HOSTILE!r})", "1 / 0"),
            repl(f"finish(rlm_query({HOSTILE + ' child'!r}, 'x'))"),
            repl(f"finish({HOSTILE + ' answer'!r})"),
        ]
    )
    return RLM(root, EchoClient()).complete_sync(HOSTILE + " question").trajectory.records


def test_everything_is_shown_and_nothing_is_run(records: list[dict[str, Any]]) -> None:
    """Questions, code, output, errors, calls and children are there as text; there is no script and no address."""
    page = render(records)
    tags = parsed(page)
    assert not tags.tags & {"script", "img", "iframe", "link", "a", "object"}
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("src", "href")]
    for text in ("question", "child", "answer", "ZeroDivisionError", "llm_query", "Run 2", "&lt;script&gt;"):
        assert text in page
    assert re.search(r'<polyline points="[\d., -]+"', page)


def test_a_cut_off_record_is_shown_too(records: list[dict[str, Any]]) -> None:
    """What a killed run left behind makes a page at any length."""
    for end in range(1, len(records)):
        page = render(records[:end])
        parsed(page)
        assert "the record ends here" in page
        assert ("Run 2" in page) == any(record["run"] == 2 for record in records[:end])
    with pytest.raises(ValueError, match="no run"):
        render([])


@settings(deadline=None)
@given(st.text(max_size=50))
def test_any_text_is_escaped(text: str) -> None:
    """No question changes the page's structure."""
    record = {"kind": "run", "run": 1, "at": 0.0, "parent": None, "depth": 0, "question": text}
    page = render([{**record, "context": text, "root": "r", "sub": "s"}])
    assert parsed(page).tags <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "svg",
        "polyline",
        "text",
        "p",
    }


def test_the_file_is_the_users_alone(records: list[dict[str, Any]], tmp_path: Path) -> None:
    """Mode 0600, UTF-8."""
    path = tmp_path / "run.html"
    write_view(records, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
