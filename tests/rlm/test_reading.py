"""Code is found in replies the way models write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.reading import read_code

TICKS = "```"

READABLE = {
    "repl": (f"Look:\n{TICKS}repl\nprint(1)\n{TICKS}\nDone.", ["print(1)"]),
    "python": (f"{TICKS}python\nprint(1)\n{TICKS}", ["print(1)"]),
    "capitals": (f"{TICKS}Python\nprint(1)\n{TICKS}", ["print(1)"]),
    "several": (f"{TICKS}repl\na = 1\n{TICKS}\nthen\n{TICKS}python\nb = 2\n{TICKS}", ["a = 1", "b = 2"]),
    "unclosed": (f"{TICKS}repl\nprint(1)\nprint(2)", ["print(1)\nprint(2)"]),
    "same line": (f"{TICKS}repl print(1) {TICKS}", ["print(1)"]),
    "closed behind code": (f"{TICKS}repl\nprint(1){TICKS}\nprose", ["print(1)"]),
    "nested in a string": (
        f'{TICKS}repl\nfinish("""see\n{TICKS}\ncode\n{TICKS}\nend""")\n{TICKS}\nprose',
        [f'finish("""see\n{TICKS}\ncode\n{TICKS}\nend""")'],
    ),
    "nested with language": (
        f'{TICKS}repl\nfinish("""see\n{TICKS}python\nx\n{TICKS}\n""")\n{TICKS}',
        [f'finish("""see\n{TICKS}python\nx\n{TICKS}\n""")'],
    ),
    "longer fence outside": (f"````repl\nx = 1\n{TICKS}\n````", [f"x = 1\n{TICKS}"]),
    "a stray quote does not swallow prose": (f"{TICKS}repl\nx = 1  # '''\n{TICKS}\nprose", ["x = 1  # '''"]),
    "windows line ends": (f"{TICKS}repl\r\nx = 1\r\n{TICKS}\r\n", ["x = 1"]),
    "tildes": ("~~~python\nx = 1\n~~~", ["x = 1"]),
    "other languages are left out": (f"{TICKS}json\n{{}}\n{TICKS}\n{TICKS}repl\nx = 1\n{TICKS}", ["x = 1"]),
    "indented code stays indented": (f"{TICKS}repl\nif x:\n    y()\n{TICKS}", ["if x:\n    y()"]),
}


@pytest.mark.parametrize("case", READABLE)
def test_defect_7_fences_are_read_as_meant(case: str) -> None:
    """Defect 7: nested, unclosed, same-line and python fences all yield their code."""
    reply, blocks = READABLE[case]
    assert list(read_code(reply).blocks) == blocks


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        ("", "empty"),
        ("I think it is 4.", "no code block"),
        (f"{TICKS}json\n{{}}\n{TICKS}", "json"),
        (f"{TICKS}\nx\n{TICKS}", "no language"),
        (f"{TICKS}repl\n{TICKS}", "empty"),
    ],
)
def test_defect_7_what_is_wrong_is_said(reply: str, word: str) -> None:
    """Defect 7: where nothing can be run, the reason is named."""
    reading = read_code(reply)
    assert reading.blocks == ()
    assert word in reading.problem


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="`~\r\"'", exclude_categories=["Cs"])), max_size=4))
def test_what_is_written_is_read(codes: list[str]) -> None:
    """Any code without fences and quotes comes back as it was, however many blocks."""
    wanted = [text for code in codes if (text := code.strip("\n").rstrip())]
    reply = "\n\n".join(f"{TICKS}repl\n{code}\n{TICKS}" for code in codes)
    assert list(read_code(reply).blocks) == wanted


@settings(deadline=None)
@given(st.text("`~ \nrepl'\"x", max_size=200))
def test_no_reply_is_too_odd(reply: str) -> None:
    """Reading never fails, and either finds code or says why not."""
    reading = read_code(reply)
    assert bool(reading.blocks) != bool(reading.problem)
