"""The drift report names what we do not know, and nothing else."""

import json
from pathlib import Path

from transcripts.drift import drift_report

from .conftest import FIXTURES


def test_the_fixtures_unknown_things(tmp_path: Path) -> None:
    """Exactly the things that the fixtures invented are reported, with version and place."""
    rows = drift_report(FIXTURES / "claude") + drift_report(FIXTURES / "codex")
    assert [(row.agent, row.host_version, row.what, row.count) for row in rows] == [
        ("claude-code", "", "record type never-seen-before", 1),
        ("claude-code", "2.1.330", "assistant block type hologram", 1),
        ("claude-code", "2.1.330", "attachment type brand_new_attachment", 1),
        ("codex", "", "event type brand_new_event", 1),
        ("codex", "", "item type tapestry", 1),
        ("codex", "", "record type never_seen_before", 1),
    ]
    assert rows[0].example.endswith("00aa.jsonl:107")


def test_unknown_fields_by_version(tmp_path: Path) -> None:
    """New fields of records that we cut down are counted apart for each version of the agent."""
    lines = [
        {"type": "user", "uuid": "u", "version": version, "mood": 1, "message": {"content": [], "pitch": 2}}
        for version in ("3.0.0", "3.0.1", "3.0.1")
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [(row.host_version, row.what, row.count) for row in drift_report(tmp_path)] == [
        ("3.0.0", "message field pitch", 1),
        ("3.0.0", "user field mood", 1),
        ("3.0.1", "message field pitch", 2),
        ("3.0.1", "user field mood", 2),
    ]


def test_content_is_never_shown(tmp_path: Path) -> None:
    """Text in the place of a name is not repeated in the report."""
    line = {"type": "user", "uuid": "u", "message": {"content": [{"type": "pass!word"}, "plain words"]}}
    (tmp_path / "a.jsonl").write_text(json.dumps(line))
    report = repr(drift_report(tmp_path))
    assert "pass!word" not in report
    assert "plain words" not in report
