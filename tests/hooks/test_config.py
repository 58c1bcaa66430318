"""The configuration file is read the same with and without the TOML parser, whose import costs a hook its time."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_models.env import _plain_values, read_config
from data_models.errors import SettingsError
from tests.hooks.helpers import ROOT

VALUES = st.sampled_from(
    ["true", "false", '"', '""', '"a', '"a b"', '"#"', '"é"', "5", "'x'", '"\\n"', '"a" # "b"', "[1]"]
)
KEYS = st.sampled_from(["store", "a-b", "a.b", "", "é", '"q"'])
SPACE = st.text(" \t", max_size=2)
LINES = st.one_of(
    st.builds("{}{}={}{}".format, KEYS, SPACE, SPACE, VALUES),
    st.sampled_from(["", " ", "# a = b", "[table]", "#\x00", "\t# x", "store", "\u00a0", 'a = "\u2028"']),
    st.text(max_size=8),
)


@given(st.lists(LINES, max_size=4).map("\n".join))
def test_what_is_read_without_the_parser_is_what_it_reads(text: str) -> None:
    """Plain values, or none at all: never others, and never any of a file that is no TOML."""
    plain = _plain_values(text)
    assert plain is None or plain == tomllib.loads(text)


def test_most_files_need_no_parser(home: Path) -> None:
    """Texts and yes or no, with comments; every other file has it."""
    folder = home / "rlm-context"
    folder.mkdir()
    text = '# ours\nstore = "s3://bucket/team"\n\nauthor="ann"\n  notes = false  \n'
    assert _plain_values(text) == {"store": "s3://bucket/team", "author": "ann", "notes": False}
    (folder / "config.toml").write_text(text)
    code = (
        "import sys\nfrom data_models.env import read_config\nread_config()\nprint('tomllib' in sys.modules)"
    )
    for more, parsed in (("", "False\n"), ("[redaction]\nemails = true\n", "True\n")):
        (folder / "config.toml").write_text(text + more)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout == parsed
    assert read_config()["redaction"] == {"emails": True}
    (folder / "config.toml").write_text('store = "a"\nstore = "b"\n')
    with pytest.raises(SettingsError):
        read_config()
