"""Citations that a model wrote: what resolves is kept and written in one way, what does not is taken out."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compiler.asking.cited import CitationReader
from compiler.asking.library import Library
from compiler.citations import parse
from compiler.runtime import Runtime
from tests.compiler.asking import compiled
from tests.synthetic import write_team


@pytest.fixture
def reader(runtime: Runtime, tmp_path: Path) -> tuple[CitationReader, str]:
    """Two sessions, and the digits of the first."""
    library = Library(runtime.store, [compiled(runtime, write_team(tmp_path / "team", 2))])
    return CitationReader(library), library.short[library.in_time[0].session_id]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Yes [s:D#1].", "Yes [s:D#1]."),
        ("Yes [s:D#1][s:D#2].", "Yes [s:D#1] [s:D#2]."),
        ("Yes [s:D#1, s:D#2].", "Yes [s:D#1] [s:D#2]."),
        ("Yes [s:D#1, #2; 3].", "Yes [s:D#1] [s:D#2] [s:D#3]."),
        ("Yes [s:D#1-3].", "Yes [s:D#1] [s:D#3]."),
        ("Yes [s:D#1 s:00000000#2].", "Yes [s:D#1]."),
        ("Yes [s:00000000#1].", "Yes."),
        ("Yes [s:D#999999].", "Yes."),
        ("Yes [s:D#agent-x/1].", "Yes."),
        ("Yes [s:D].", "Yes."),
        ("Yes [s:].", "Yes [s:]."),
        ("[s:D#1] says so", "[s:D#1] says so"),
        ("- one [s:00000000#1]\n- two [s:D#2]", "- one\n- two [s:D#2]"),
        ("a [list] and [a link](x)", "a [list] and [a link](x)"),
    ],
)
def test_forms_of_citations(reader: tuple[CitationReader, str], written: str, kept: str) -> None:
    """Several in a bracket, ranges, repeated digits left out, sessions and records that do not exist."""
    read, digits = reader
    text, citations = read.verified(written.replace("D", digits))
    assert text == kept.replace("D", digits)
    assert [cited.shown for cited in citations if cited.resolved] == [
        f"[s:{digits}#{seq}]" for _, seq in dict.fromkeys(parse(text))
    ]


def test_a_resolved_citation_says_who_and_when(reader: tuple[CitationReader, str]) -> None:
    """Author, time and first words of the record."""
    read, digits = reader
    _, [cited] = read.verified(f"[s:{digits}#1]")
    assert (cited.author, cited.seq, cited.resolved) == ("ann", "1", True)
    assert cited.time > 0
    assert len(cited.words.split()) <= 13


def test_an_unresolved_citation_is_counted_once(reader: tuple[CitationReader, str]) -> None:
    """However often it is written."""
    read, _ = reader
    text, citations = read.verified("a [s:00000000#1] b [s:00000000#1] c [s:zz#1]")
    assert text == "a b c"
    assert [cited.resolved for cited in citations] == [False, False]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="[]s:#-/,; 0123456789abD\n.", max_size=60))
def test_every_citation_that_stands_resolves(reader: tuple[CitationReader, str], noise: str) -> None:
    """Whatever a model writes: a citation in the text that comes out names a record; doing it again changes nothing."""
    read, digits = reader
    text, _ = read.verified(noise.replace("D", digits))
    for found, seq in parse(text):
        assert read.look_up(found, seq).resolved
    assert read.verified(text)[0] == text
