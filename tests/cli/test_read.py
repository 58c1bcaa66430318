"""The commands that read: every filter, every way to name a session, every odd query."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PROJECT
from tests.cli.helpers import MIRA, ROOT, rlm, shell

pytestmark = pytest.mark.usefixtures("compiled")


def hits(*arguments: str) -> list[dict[str, object]]:
    result = rlm("search", "--json", *arguments)
    assert (result.code, result.err) == (0, "")
    found: list[dict[str, object]] = result.document["hits"]
    return found


@pytest.mark.parametrize(
    "query",
    ["a:b", "main.go:12", '"unbalanced', "x" * 10_000, 'field:"( ' * 1_000, "the of and", "", " ", "😀", "*", "\\",
     "AND OR NOT", "-- x", "/re(/", "{a TO b]", "^~2", "a\nb", "\udcff"],
)  # fmt: skip
def test_no_query_is_an_error(query: str) -> None:
    """Results or none, as text and as JSON."""
    assert rlm("search", "--", query).code == 0
    assert isinstance(hits("--", query), list)


def test_search_answers_a_question_with_citations() -> None:
    """Passages name session, author, day and records, and `session` takes that citation as it is."""
    out = rlm("search", "alerts", "after", "a", "restart").out
    citation = re.search(r"\[s:\S+\]", out)
    assert citation is not None
    assert rlm("session", citation[0]).code == 0


def test_search_filters() -> None:
    """Author, agent, time, file and project each leave only what fits."""
    assert {hit["author"] for hit in hits("alert", "--author", "jonas")} == {"jonas"}
    assert {hit["agent"] for hit in hits("alert", "--agent", "claude-code")} == {"claude-code"}
    assert hits("alert", "--agent", "codex") == []
    assert all(str(hit["time"]) >= "2026-03-09" for hit in hits("alert", "--since", "2026-03-09"))
    assert all(str(hit["time"]) < "2026-03-09" for hit in hits("alert", "--until", "2026-03-09"))
    assert hits("alert", "--since", "1d") == []
    assert 0 < len(hits("alert", "--file", "*alert.go")) < len(hits("alert", "--limit", "100"))
    assert hits("alert", "--project", "tidewatch") == hits("alert", f"--project={PROJECT}") == hits("alert")


def test_options_stand_before_or_after_the_query() -> None:
    """Both forms of a value, any order, several words."""
    expected = hits("alert", "restart", "--limit", "3")
    assert len(expected) == 3
    assert hits("--limit=3", "alert", "restart") == expected
    assert rlm("search", "alert", "--json", "--limit=3", "restart").document["hits"] == expected


@pytest.mark.parametrize(
    "arguments",
    [["--nope", "x"], ["-v"], [], ["x", "--limit", "0"], ["x", "--limit", "²"], ["x", "--limit", "9" * 5000],
     ["x", "--limit"]],
)  # fmt: skip
def test_wrong_usage_of_search_is_2(arguments: list[str]) -> None:
    """The fast path leaves every wrong option to the command that explains it."""
    result = rlm("search", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "Error: " in result.err


def test_search_help_comes_from_the_command() -> None:
    """`search --help` is answered, not searched for."""
    assert rlm("search", "--help").out.startswith("Usage: rlm-context search [OPTIONS] QUERY...")


def test_nothing_found_is_no_failure() -> None:
    """Exit 0, nothing on stdout, a hint on stderr; as JSON an empty list."""
    result = rlm("search", "zzzunheardofzzz")
    assert (result.code, result.out) == (0, "")
    assert "Nothing found" in result.err


def test_show_prints_brief_full_and_formats() -> None:
    """Markdown by default, text without marks, JSON with verdicts; --full is longer."""
    brief, full = rlm("show").out, rlm("show", "--full").out
    assert brief.startswith("# acme/tidewatch\n")
    assert len(full) >= len(brief)
    assert rlm("show", "--format", "markdown", "--project", "tidewatch").out == brief
    text = rlm("show", "--format", "text").out
    assert "KEY DECISIONS" in text
    assert "`" not in text
    lines = rlm("show", "--format", "json").document["projects"][0]["lines"]
    assert "brief" in {line["verdict"] for line in lines} <= {"brief", "budget", "superseded", "uncited"}


def test_show_knows_its_generations() -> None:
    """An older one by number; one that is not there is said."""
    assert rlm("show", "--generation", "1").out == rlm("show").out
    result = rlm("show", "--generation", "7")
    assert result.code == 1
    assert result.err == "rlm-context: no generation 7 here. Next: rlm-context status\n"


SESSION = "8e61bcb4-fd60-498c-9532-998046774c9d"


@pytest.mark.parametrize(
    "name", [SESSION, "46774c9d", "998046774c9d", "[s:46774c9d#20]", "s:46774c9d", "46774C9D"]
)
def test_a_session_has_many_names(name: str) -> None:
    """Full id, its last digits, a citation as copied."""
    assert rlm("session", "--json", name).document["session_id"] == SESSION


def seqs(*arguments: str) -> list[object]:
    return [event["seq"] for event in rlm("session", "--json", *arguments).document["events"]]


def test_records_of_a_session_can_be_chosen() -> None:
    """From, to, both, a citation, a cited range, a subagent's records."""
    whole = seqs(SESSION)
    main = [seq for seq in whole if isinstance(seq, int)]
    assert seqs(SESSION, "--from", "20") == [seq for seq in main if seq >= 20]
    assert seqs(SESSION, "--to", "20") == [seq for seq in main if seq <= 20]
    assert seqs(SESSION, "--from", "20", "--to", "30") == [seq for seq in main if 20 <= seq <= 30]
    assert set(seqs("[s:46774c9d#20]")) == {20}
    assert seqs("[s:46774c9d#20-30]") == seqs(SESSION, "--from", "20", "--to", "30")
    inside = [str(seq) for seq in whole if isinstance(seq, str)]
    agent = inside[0].partition("/")[0]
    assert seqs(SESSION, "--from", f"{agent}/1") == inside
    assert seqs(f"[s:46774c9d#{inside[0]}-{inside[-1]}]") == inside


def test_what_is_not_there_is_said() -> None:
    """An unknown session, unknown records, no record at all."""
    assert rlm("session", "ffffffff").err == (
        "rlm-context: no session ffffffff here. Next: rlm-context sessions\n"
    )
    assert rlm("session", SESSION, "--from", "9000").code == 1
    assert rlm("session", SESSION, "--from", "x").code == 2
    assert "could be" in rlm("session", "4").err


def test_sessions_lists_newest_last() -> None:
    """Each with the digits that citations show; by author; as JSON."""
    lines = rlm("sessions").out.splitlines()
    assert len(lines) == 13
    assert [line[:16] for line in lines[1:]] == sorted(line[:16] for line in lines[1:])
    assert any("46774c9d" in line for line in lines)
    mine = rlm("sessions", "--json", "--author", "mira").document["sessions"]
    assert {session["author"] for session in mine} == {"mira"}
    assert rlm("sessions", "--author", "nobody").out == "No such sessions.\n"


def test_why_tells_what_became_of_a_statement_or_a_session() -> None:
    """A statement with its verdict; a session with its statements, rejects, redactions; nothing, and where to look."""
    assert "Key decisions: in the brief" in rlm("why", "Keep", "alert", "state", "in", "the", "database").out
    about = rlm("why", "46774c9d").out
    assert "(adaeze)" in about
    assert "in the brief" in about
    broken = next(
        session["session_id"]
        for session in rlm("sessions", "--json").document["sessions"]
        if session["rejects"]
    )
    assert "1 record of it could not be read" in rlm("why", broken).out
    assert "`rlm-context search` looks in everything" in rlm("why", "zzzunheardofzzz").out
    assert rlm("why", "--json", "\udcff").code == 0


def test_status_and_doctor_find_all_well() -> None:
    """The generation, and nothing to mend."""
    out = rlm("status").out
    assert "acme/tidewatch" in out
    assert "Next:" not in out
    result = rlm("doctor")
    assert result.code == 0
    assert "generation 1 is whole" in result.out
    assert "BAD" not in result.out


def test_doctor_reports_what_agents_write_that_we_do_not_know(tmp_path: Path) -> None:
    """Unknown record types by agent version, with their first place; and what is no session."""
    source = tmp_path / "s" / "projects" / "-x"
    source.mkdir(parents=True)
    (known,) = list(MIRA.rglob("*.jsonl"))[:1]
    lines = known.read_text(encoding="utf-8").splitlines()
    record = json.loads(lines[0]) | {"type": "hologram", "uuid": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"}
    (source / known.name).write_text("\n".join([*lines, json.dumps(record)]) + "\n", encoding="utf-8")
    out = rlm("doctor", "--source", tmp_path / "s").out
    assert "hologram" in out
    assert f"{known.name}:{len(lines) + 1}" in out
    assert "is known to this version" in rlm("doctor", "--source", MIRA).out


def test_export_writes_what_it_says(tmp_path: Path) -> None:
    """Events, sessions and both texts; the same again changes nothing."""
    first = rlm("export", tmp_path / "out")
    assert first.code == 0
    assert "12 sessions" in first.out
    written = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"sessions.jsonl", "brief.md", "full.md"} <= written
    assert rlm("export", tmp_path / "out") == first


def test_unknown_projects_and_times_are_said() -> None:
    """One line, exit 1, from the fast path and from the others alike."""
    for command in (["search", "x"], ["show"], ["sessions"], ["why", "x"]):
        result = rlm(*command, "--project", "nowhere")
        assert (result.code, result.out) == (1, "")
        assert (
            result.err
            == f"rlm-context: no project nowhere here; known: {PROJECT}. Next: rlm-context status\n"
        )
    assert "soon is no time" in rlm("search", "x", "--since", "soon").err


def test_a_reader_that_has_enough_is_no_error() -> None:
    """`rlm-context show | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [sys.executable, "-m", "rlm_context", "show", "--full"],
        stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, text=True, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, "")


def test_any_terminal_can_show_it() -> None:
    """What an encoding lacks is escaped; JSON is UTF-8 all the same."""
    settings = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert shell("show", **settings).code == 0
    assert shell("search", "alert", **settings).code == 0
    assert shell("search", "--json", "alert", **settings).document["hits"]
