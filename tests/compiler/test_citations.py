"""Citations: short, unique, readable again."""

from hypothesis import given
from hypothesis import strategies as st

from compiler.citations import parse, render, resolve, short_ids
from data_models.knowledge import Citation

IDS = st.sets(
    st.text("0123456789abcdef-", min_size=1, max_size=40).filter(lambda s: s.strip("-")), max_size=12
)


def test_a_citation_shows_the_last_eight_digits() -> None:
    """The start of a UUIDv7 is a timestamp, so the end is shown."""
    session = "019b8a4e-0000-7000-8000-00001234abcd"
    assert render([Citation(session, "12")], short_ids([session])) == "[s:1234abcd#12]"


def test_equal_ends_are_lengthened_until_unique() -> None:
    """Two sessions with the same last eight digits get longer digits, a third one does not."""
    short = short_ids(["aa-111122223333", "bb-111122223333", "cc-999999999999"])
    assert short == {
        "aa-111122223333": "a111122223333",
        "bb-111122223333": "b111122223333",
        "cc-999999999999": "99999999",
    }


def test_an_id_that_ends_another_one_still_resolves() -> None:
    """The shorter id, given whole, means itself and not the longer one."""
    ids = {"12345678", "ab12345678"}
    assert resolve("12345678", ids) == ["12345678"]
    assert resolve("b12345678", ids) == ["ab12345678"]


def test_ambiguous_and_unknown_digits_are_told_apart() -> None:
    """Several sessions for digits that are too short, none for digits nobody has."""
    assert resolve("33", {"x1133", "y2233"}) == ["x1133", "y2233"]
    assert resolve("44", {"x1133"}) == []
    assert resolve("", {"x1133"}) == []


def test_citations_of_unknown_sessions_are_left_out() -> None:
    """A citation is shown only where its session is in the project."""
    assert render([Citation("gone", "1"), Citation("here-12345678", "2")], short_ids(["here-12345678"])) == (
        "[s:12345678#2]"
    )


@given(IDS, st.sampled_from(["7", "a1f/12", "1000000"]))
def test_every_citation_reads_back_to_its_session(ids: set[str], seq: str) -> None:
    """What is rendered parses to digits that resolve to the one session, subagents' seqs too."""
    distinct = {"".join(c for c in one if c.isalnum()): one for one in ids}
    short = short_ids(distinct.values())
    for session in distinct.values():
        [(digits, found)] = parse(f"so it was {render([Citation(session, seq)], short)} there")
        assert found == seq
        assert resolve(digits, distinct.values()) == [session]
