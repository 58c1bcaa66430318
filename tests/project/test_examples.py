"""The example sessions look like real ones, and stay small."""

import json
from pathlib import Path
from typing import Any

SESSIONS = Path(__file__).parents[2] / "examples" / "sessions"
FILES = sorted(SESSIONS.rglob("*.jsonl"))


def records(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of one file, and how many of its lines are corrupt."""
    found, corrupt = [], 0
    for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n"):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            corrupt += 1
    return found, corrupt


def everything() -> list[dict[str, Any]]:
    return [record for path in FILES for record in records(path)[0]]


def test_they_are_small() -> None:
    """All of them together are under 400 KB."""
    assert sum(path.stat().st_size for path in SESSIONS.rglob("*") if path.is_file()) < 400_000


def test_four_authors_have_sessions() -> None:
    """Three people use Claude Code and one uses Codex, each in the layout of that agent."""
    authors = {path.relative_to(SESSIONS).parts[0]: path.relative_to(SESSIONS).parts[1] for path in FILES}
    assert authors == {"adaeze": "projects", "jonas": "projects", "mira": "projects", "tomasz": "sessions"}


def test_exactly_one_line_is_corrupt() -> None:
    """One line was cut off, so that a reader of the examples sees how a reject is reported."""
    assert sum(records(path)[1] for path in FILES) == 1


def test_the_fork_shares_records() -> None:
    """Two sessions of one author hold records with the same uuids, as a fork does."""
    uuids = [{record["uuid"] for record in records(path)[0] if "uuid" in record} for path in FILES]
    shared = [len(one & other) for n, one in enumerate(uuids) for other in uuids[:n] if one & other]
    assert len(shared) == 1
    assert shared[0] > 10


def test_every_record_type_of_a_working_day_stands_in_them() -> None:
    """They hold what an ingest has to understand: what is shown in the README's table, and more."""
    types = {record["type"] for record in everything()}
    assert {
        "user",
        "assistant",
        "system",
        "attachment",
        "queue-operation",
        "pr-link",
        "summary",
        "ai-title",
        "last-prompt",
        "file-history-snapshot",
        "session_meta",
        "response_item",
        "event_msg",
    } <= types
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    for mark in (
        "the user said:",
        "User has answered your questions",
        "Approved Plan (edited by user)",
        "isCompactSummary",
        "[Request interrupted by user]",
        "<command-name>",
        "<task-notification>",
        "isApiErrorMessage",
        '"image"',
        "<private>",
        "AWS_SECRET_ACCESS_KEY",
        "compact_boundary",
    ):
        assert mark in text, mark


def test_usage_is_repeated_as_the_host_repeats_it() -> None:
    """Several lines of one API message carry the same message id, so usage must not be summed by line."""
    ids = [r["message"]["id"] for r in everything() if r["type"] == "assistant"]
    assert len(set(ids)) < len(ids)
