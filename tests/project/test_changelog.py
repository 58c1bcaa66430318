"""The changelog is for users: Keep a Changelog's form, one sentence a line."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
VERSION = re.compile(r"## \[(Unreleased|\d+\.\d+\.\d+)\](?: - (\d+\.\d+\.\d+|\d{4}-\d{2}-\d{2}))?$")
GROUPS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def headings() -> list[re.Match[str]]:
    found = [VERSION.match(line) for line in LINES if line.startswith("## ")]
    assert all(found), "a version heading is not '## [x.y.z] - YYYY-MM-DD' or '## [Unreleased]'"
    return [match for match in found if match]


def test_versions_have_their_form() -> None:
    """Unreleased comes first, released versions have a date and stand newest first."""
    names = [match[1] for match in headings()]
    assert LINES[0] == "# Changelog"
    assert names[0] == "Unreleased"
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", match[2] or "") for match in headings()[1:])
    released = [tuple(map(int, name.split("."))) for name in names[1:]]
    assert released == sorted(set(released), reverse=True)


def test_the_version_in_work_is_named() -> None:
    """The version of pyproject.toml is either released here or what Unreleased says it will be."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    first = headings()[0]
    assert version in {first[2], *(match[1] for match in headings())}


def test_groups_have_their_names() -> None:
    """Changes are grouped under the six headings that readers know."""
    assert {line[4:] for line in LINES if line.startswith("### ")} <= GROUPS


def test_entries_are_one_sentence_a_line() -> None:
    """An entry is one line with one sentence, which ends in a full stop."""
    entries = [line for line in LINES if line.startswith("- ")]
    assert entries
    assert [line for line in entries if not line.endswith(".")] == []
    assert [line for line in entries if re.search(r"[a-z)`]\. [A-Z]", line)] == []
    assert [line for line in LINES if line.startswith((" ", "\t", "* "))] == []
