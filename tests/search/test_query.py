"""Any text is a query, and finds what a teammate would expect."""

import time
from pathlib import Path

import pytest
import tantivy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_models.errors import DamagedError
from search.build import assemble, build_segment
from search.filters import Filters
from search.query import Hit, search
from tests.search.samples import CONES, GLAZE, HOUR, START, Line, documents

ANY = Filters()


def _search(folder: Path, query: str, filters: Filters = ANY, limit: int = 10) -> list[Hit]:
    return search([folder], query, filters, limit)


@pytest.mark.parametrize(
    "query",
    [
        "a:b",
        "main.go:12",
        '"unbalanced',
        "(unclosed AND",
        "[1 TO",
        "kiln" * 2_500,
        "kiln a:b " * 1_200,
        "/" * 10_000,
        "aA" * 5_000,
        "a.b" * 3_000,
        "the of why",
        "",
        " \n\t",
        "\0kiln\0",
        "kiln 🏺",
        "\ud800 kiln \udfff",
        "*",
        "kiln^2~3",
        "-kiln +clock",
        "field:kiln",
        "\\",
    ],
)
def test_no_query_is_an_error(pottery: Path, query: str) -> None:
    """Results or none, within a second of work, whatever is typed."""
    started = time.process_time()
    assert isinstance(_search(pottery, query), list)
    assert time.process_time() - started < 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.text(max_size=300), glob=st.none() | st.text(max_size=50))
def test_any_query_and_glob(pottery: Path, query: str, glob: str | None) -> None:
    """No text raises, as a query or as a file pattern."""
    assert len(_search(pottery, query, Filters(file_glob=glob), 3)) <= 3


def test_a_question_finds_its_answer(pottery: Path) -> None:
    """The conclusion is quoted with where it stands and who was there."""
    hit = _search(pottery, "Why does the firing schedule drift after midnight?")[0]
    assert (hit.session_id, hit.author, hit.project, hit.agent) == (
        "11111111-aaaa",
        "ada",
        "kiln",
        "claude-code",
    )
    assert "drift" in hit.snippet
    texts = " ".join(
        found.snippet for found in _search(pottery, "Why does the schedule drift after midnight?")
    )
    assert "monotonic duration" in texts


@pytest.mark.parametrize(
    "name",
    [
        "ERR_PAYLOAD_7731",
        "web/calibration/cones.tsx",
        "calibration/cones.tsx",
        "nextSegment",
        "cone_table.json",
        "ramp.go:41",
    ],
)
def test_names_are_found_whole(pottery: Path, name: str) -> None:
    """Identifiers, paths, their ends and error codes find the message that holds them."""
    assert name.split(":")[0].lower() in _search(pottery, name)[0].snippet.lower()


def test_whole_names_beat_their_parts(tmp_path: Path) -> None:
    """A path's words alone do not outrank the path itself."""
    noise: list[Line] = [("prompt", f"kiln store go store kiln number {number}") for number in range(60)]
    lines: list[Line] = [*noise, ("tool_use", "sed -n 1,40p kiln/store.go")]
    assemble([build_segment(documents("s-1", lines))], {}, tmp_path / "index")
    assert _search(tmp_path / "index", "kiln/store.go")[0].from_seq == "61"


def test_words_inside_camel_case_are_found(pottery: Path) -> None:
    """A plain question reaches a camelCase name."""
    assert any("nextSegment" in hit.snippet for hit in _search(pottery, "next segment function"))


def test_other_words_find_it_too(tmp_path: Path) -> None:
    """A question that shares no word with the answer is understood where the trade has two words for it."""
    lines: list[Line] = [("prompt", "Squash them, please."), ("text", "The amend was pushed; CI is green.")]
    others: list[Line] = [("text", f"The glaze recipe {number} is printed on paper.") for number in range(30)]
    segments = [build_segment(documents("s-1", others)), build_segment(documents("s-2", lines))]
    assemble(segments, {}, tmp_path / "index")
    hits = _search(tmp_path / "index", "Did anyone rewrite a commit, and did the pipeline succeed?")
    assert hits[0].session_id == "s-2"


def test_own_words_come_first(tmp_path: Path) -> None:
    """Where the query's own words stand, other words for them add nothing."""
    lines: list[Line] = [("text", "The checksum differs."), ("text", "The fingerprint differs.")]
    assemble([build_segment(documents("s-1", lines))], {}, tmp_path / "index")
    assert _search(tmp_path / "index", "fingerprint differs")[0].from_seq == "2"


def test_copies_in_forks_count_once(tmp_path: Path) -> None:
    """A forked session repeats its parent's messages; each is one hit."""
    segments = [build_segment(documents(name, GLAZE)) for name in ("s-1", "s-2", "s-3")]
    assemble(segments, {}, tmp_path / "index")
    snippets = [hit.snippet for hit in _search(tmp_path / "index", "wall clock midnight", limit=50)]
    assert len(snippets) == len(set(snippets))


def test_repetitions_are_left_out(tmp_path: Path) -> None:
    """The same report pasted again with small changes is shown once, and what else was said moves up."""
    report = "The glaze crawls on the rim of every bowl that was fired on the upper shelf, run"
    lines: list[Line] = [("prompt", f"{report} {number}.") for number in range(5)]
    lines.append(("text", "Crawling glaze: the rim was waxed."))
    assemble([build_segment(documents("s-1", lines))], {}, tmp_path / "index")
    hits = _search(tmp_path / "index", "glaze crawls rim")
    assert sum(report in hit.snippet for hit in hits) == 1
    assert any("waxed" in hit.snippet for hit in hits)


def test_prose_is_quoted_before_code(tmp_path: Path) -> None:
    """Of two passages with the same words, a sentence tells more than a listing."""
    code = "glaze := map[string]int{`rim`: 4, `bowl`: 7} // {{ .Glaze }} [rim]=${RIM:-0} && (bowl) || exit 1"
    text = "\n".join([code] * 8 + ["The glaze on the rim of the bowl is too thin."] + [code] * 8)
    assemble([build_segment(documents("s-1", [("text", text)]))], {}, tmp_path / "index")
    snippet = _search(tmp_path / "index", "glaze rim bowl")[0].snippet
    assert "The glaze on the rim of the bowl is too thin." in snippet


def test_parts_of_a_long_message_are_one_hit(tmp_path: Path) -> None:
    """A long answer is cited once, with the best of its parts."""
    text = "\n".join(f"Finding {number}: the glaze crawls at cone {number}." for number in range(200))
    assemble([build_segment(documents("s-1", [("text", text)]))], {}, tmp_path / "index")
    assert len(_search(tmp_path / "index", "glaze crawls cone", limit=50)) == 1


@pytest.mark.parametrize(
    ("filters", "sessions"),
    [
        (Filters(), {"1", "2"}),
        (Filters(author="grace"), {"2"}),
        (Filters(author="nobody"), set()),
        (Filters(author="ada"), {"1"}),
        (Filters(author="grac"), set()),
        (Filters(agent="codex"), set()),
        (Filters(since_ms=START + 24 * HOUR), {"2"}),
        (Filters(until_ms=START + 24 * HOUR), {"1"}),
        (Filters(since_ms=START + 24 * HOUR, author="ada"), set()),
        (Filters(file_glob="*.go"), {"1"}),
        (Filters(file_glob="ramp.go"), {"1"}),
        (Filters(file_glob="schedule/*"), {"1"}),
        (Filters(file_glob="cones.ts?"), {"2"}),
        (Filters(file_glob="amp.go"), set()),
        (Filters(file_glob="ramp.g[o]"), set()),
    ],
)
def test_filters(pottery: Path, filters: Filters, sessions: set[str]) -> None:
    """Every hit passes every filter."""
    hits = _search(pottery, "ramp cones calibration clock wall table", filters, 50)
    assert {hit.session_id[0] for hit in hits} == sessions


def test_limit_is_kept(pottery: Path) -> None:
    """No more hits than asked for; none for nought."""
    assert len(_search(pottery, "kiln table clock", limit=2)) == 2
    assert _search(pottery, "kiln", limit=0) == []


def test_several_projects_are_ranked_together(pottery: Path, tmp_path: Path) -> None:
    """The better match comes first, whichever project it is in; a missing index holds nothing."""
    weak: list[Line] = [("text", "The schedule is fine.")]
    assemble([build_segment(documents("s-9", weak, project="wheel"))], {}, tmp_path / "index")
    folders = [tmp_path / "index", pottery, tmp_path / "missing"]
    hits = search(folders, "firing schedule drifts midnight", ANY, 10)
    assert hits[0].project == "kiln"
    assert {hit.project for hit in hits} == {"kiln", "wheel"}


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    """An index that lost a file, or whose description is rubbish, is one clear error."""
    for number, harm in enumerate(("meta.json", "*.term", "*.store")):
        folder = tmp_path / str(number)
        assemble([build_segment(documents("s-1", GLAZE))], {}, folder)
        for path in folder.glob(harm):
            path.write_bytes(b"{}")
        with pytest.raises(DamagedError, match=str(folder)):
            _search(folder, "kiln clock")


def test_an_index_of_another_schema_is_refused(tmp_path: Path) -> None:
    """An index that an older version left behind does not answer wrongly."""
    tmp_path.joinpath("old").mkdir()
    tantivy.Index(tantivy.SchemaBuilder().add_text_field("body").build(), path=str(tmp_path / "old"))
    with pytest.raises(DamagedError):
        _search(tmp_path / "old", "kiln clock")


def test_scores_fall(pottery: Path) -> None:
    """Hits come best first."""
    scores = [hit.score for hit in _search(pottery, "cone table upload", limit=20)]
    assert scores == sorted(scores, reverse=True)


def test_snippets_are_short_and_from_the_text(tmp_path: Path) -> None:
    """A long message is quoted by the sentences that answer, not from its start."""
    filler = " ".join(f"Sentence {number} says nothing of note." for number in range(150))
    text = f"{filler} The bisque cracked because the kiln cooled too fast. {filler}"
    assemble([build_segment(documents("s-1", [("text", text), ("text", filler)]))], {}, tmp_path / "index")
    hit = _search(tmp_path / "index", "why did the bisque crack")[0]
    assert "The bisque cracked because the kiln cooled too fast." in hit.snippet
    assert len(hit.snippet.split()) < 120


def test_unrelated_samples_do_not_match() -> None:
    """The samples stay distinct enough for the tests above to mean something."""
    assert not {line[1] for line in GLAZE} & {line[1] for line in CONES}
