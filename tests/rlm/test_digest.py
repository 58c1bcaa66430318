"""A run as bounded Markdown: all of it is there, and nothing that others wrote is Markdown."""

from typing import Any

import pytest

from rlm.clients.scripted import EchoClient
from rlm.digest import to_markdown
from rlm.errors import RLMError
from tests.rlm.conftest import Run, repl


def records(make: Run, *replies: str, **more: Any) -> list[dict[str, Any]]:
    try:
        return make(*replies, **more).complete_sync("?", "text").trajectory.records
    except RLMError as error:
        return error.result.trajectory.records if error.result else []


def test_turns_code_calls_and_cost_are_shown(make: Run) -> None:
    """Each turn with its code, output and calls, and a row of figures a turn."""
    shown = to_markdown(
        records(make, repl('print(llm_query("Who?"))'), repl("1 / 0"), repl('finish("x")'), sub=EchoClient())
    )
    assert shown.startswith("3 turns, 1 calls, $0.0000, ended by: answer")
    assert 'llm_query("Who?")' in shown
    assert "llm_query(Who?)" in shown
    assert "ZeroDivisionError" in shown
    assert "## Run 1, turn 2 (" in shown
    assert shown.count("\n| 1 | ") == 3


def test_a_cut_off_run_is_shown(make: Run) -> None:
    """A record without an end says so."""
    whole = records(make, repl('finish("x")'))
    assert "the record ends here" in to_markdown(whole[:-1])
    with pytest.raises(ValueError, match="no run"):
        to_markdown([])


def test_nothing_ends_its_code_block(make: Run) -> None:
    """Fences, HTML and images in code and output stay inside a longer fence."""
    hostile = 'print("`" * 7 + "\\n<script>alert(1)</script> ![x](https://evil.example/x.png)\\n" + "`" * 3)'
    lines = to_markdown(records(make, repl(hostile), repl('finish("x")'))).split("\n")
    fence = ""
    for line in lines:
        if fence:
            fence = "" if line == fence else fence
        elif line.startswith("````"):
            fence = line.rstrip("python")
        else:
            assert "<" not in line
            assert "![" not in line
    assert fence == ""


def test_it_is_bounded(make: Run) -> None:
    """Turns that do not fit are counted."""
    shown = to_markdown(records(make, *[repl('print("x" * 5000)')] * 12, repl('finish("x")')), limit=8_000)
    assert len(shown) < 8_200
    assert "more turns are left out here" in shown
