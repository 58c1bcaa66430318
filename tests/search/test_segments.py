"""Segments are immutable, add up without indexing again, and are refused when damaged."""

import stat
import tempfile
from pathlib import Path

import pytest

from data_models.errors import DamagedError
from search.build import assemble, build_segment, merge, prepare
from search.filters import Filters
from search.query import search
from tests.latecomers import leave_a_lock
from tests.search.samples import CONES, GLAZE, documents

ANY = Filters()


def _found(folder: Path, query: str) -> list[tuple[str, str, float]]:
    return [(hit.session_id, hit.from_seq, hit.score) for hit in search([folder], query, ANY, 20)]


def test_equal_documents_give_equal_bytes() -> None:
    """A segment is named by its content, so building it again must give the same bytes."""
    assert build_segment(documents("s-1", GLAZE)) == build_segment(documents("s-1", GLAZE))


def test_an_index_that_is_looked_at_while_it_goes_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of tantivy's looks at each commit, at any moment: no build fails of it, none leaves words behind."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    late = leave_a_lock(monkeypatch, place.iterdir)
    assert build_segment(documents("s-1", GLAZE))
    assert late
    assert list(place.iterdir()) == []


def test_segments_add_up(tmp_path: Path) -> None:
    """Two segments side by side answer like one segment of all documents, scores included."""
    first, second = documents("s-1", GLAZE), documents("s-2", CONES)
    assemble([build_segment(first), build_segment(second)], {}, tmp_path / "two")
    assemble([build_segment([*first, *second])], {}, tmp_path / "one")
    for query in ("wall clock midnight", "ERR_PAYLOAD_7731", "calibration page table"):
        assert _found(tmp_path / "two", query) == _found(tmp_path / "one", query)


def test_files_and_bytes_are_alike(tmp_path: Path) -> None:
    """A segment may be given as a file."""
    path = tmp_path / "segment"
    path.write_bytes(build_segment(documents("s-1", GLAZE)))
    assemble([path], {}, tmp_path / "index")
    assert _found(tmp_path / "index", "midnight")


def test_newer_state_of_a_session_replaces_the_older(tmp_path: Path) -> None:
    """A session uploaded again is found as it is now, once; the others of its old segment stay."""
    old = build_segment(
        [*documents("s-1", GLAZE[:1]), *documents("s-2", CONES), *documents("s-1", CONES, author="eve")]
    )
    new = build_segment(documents("s-1", GLAZE))
    assemble([old, new], {0: [("ada", "s-1")]}, tmp_path / "index")
    found = search([tmp_path / "index"], "kiln clock midnight calibration schedule", ANY, 50)
    mine = [hit.from_seq for hit in found if (hit.author, hit.session_id) == ("ada", "s-1")]
    assert mine.count("1") == 1
    assert set(mine) > {"1"}
    assert {(hit.author, hit.session_id) for hit in found} == {("ada", "s-1"), ("ada", "s-2")}


def test_owners_are_author_and_session(tmp_path: Path) -> None:
    """Two people may hold a session of the same id; replacing one's leaves the other's."""
    old = build_segment([*documents("s-1", GLAZE), *documents("s-1", CONES, author="eve")])
    assemble([old], {0: [("ada", "s-1")]}, tmp_path / "index")
    assert {hit.author for hit in search([tmp_path / "index"], "kiln clock cone table", ANY, 50)} == {"eve"}


def test_a_wholly_stale_segment_gives_nothing(tmp_path: Path) -> None:
    """A segment whose only session was replaced may stay in the list."""
    old, new = build_segment(documents("s-1", CONES)), build_segment(documents("s-1", GLAZE))
    assemble([old, new], {0: [("ada", "s-1")]}, tmp_path / "index")
    assert _found(tmp_path / "index", "ERR_PAYLOAD_7731 proxy megabyte") == []
    assert _found(tmp_path / "index", "midnight")


def test_merging_changes_no_answer(tmp_path: Path) -> None:
    """One merged segment answers like the segments it was made from, without what was stale."""
    segments = [
        build_segment(documents("s-0", CONES[:2])),
        build_segment(documents("s-1", GLAZE)),
        build_segment(documents("s-2", CONES)),
    ]
    stale = {0: [("ada", "s-0")]}
    merged = merge(segments, stale)
    assemble([merged], {}, tmp_path / "merged")
    assemble(segments[1:], {}, tmp_path / "apart")
    for query in ("wall clock midnight", "cone temperatures", "web/calibration/cones.tsx"):
        assert _found(tmp_path / "merged", query) == _found(tmp_path / "apart", query)
    assert merge([merged], {}) == merged


def test_the_same_segment_twice_counts_once(tmp_path: Path) -> None:
    """Two compiles may both list a segment."""
    segment = build_segment(documents("s-1", GLAZE))
    assemble([segment, segment], {}, tmp_path / "twice")
    assemble([segment], {}, tmp_path / "once")
    assert _found(tmp_path / "twice", "midnight") == _found(tmp_path / "once", "midnight")


def test_no_segments_make_an_empty_index(tmp_path: Path) -> None:
    """A project without sessions can be searched."""
    assemble([], {}, tmp_path / "index")
    assemble([build_segment([])], {}, tmp_path / "hollow")
    assert _found(tmp_path / "index", "anything") == _found(tmp_path / "hollow", "anything") == []


def test_an_index_is_replaced_whole(tmp_path: Path) -> None:
    """Assembling again leaves the new index and no other file; a failure leaves the old one."""
    folder = tmp_path / "index"
    assemble([build_segment(documents("s-1", GLAZE))], {}, folder)
    assemble([build_segment(documents("s-2", CONES))], {}, folder)
    with pytest.raises(DamagedError):
        assemble([b"rubbish"], {}, folder)
    assert {session for session, _, _ in _found(folder, "kiln cone table")} == {"s-2"}
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["index"]


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """An index holds what was said: its folder and files are private."""
    assemble([build_segment(documents("s-1", GLAZE))], {}, tmp_path / "index")
    assert stat.S_IMODE((tmp_path / "index").stat().st_mode) == 0o700
    kept = [path for path in (tmp_path / "index").iterdir() if not path.name.startswith(".")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_damaged_segments_are_refused(tmp_path: Path) -> None:
    """A segment that is cut, of another version, or names files elsewhere is an error, not a crash."""
    good = build_segment(documents("s-1", GLAZE))
    name = good[good.index(b'"files"') :].split(b'"')[3]
    for bad in (
        b"",
        good[:10],
        good[:200],
        good[: len(good) // 2],
        good.replace(b'"schema": 4', b'"schema": 9', 1),
        good.replace(name, b"../" + name[3:], 1),
        b"PK" + good[2:],
    ):
        with pytest.raises(DamagedError):
            assemble([bad], {}, tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_prepared_segments_are_linked_and_give_the_same_index(tmp_path: Path) -> None:
    """An index over prepared folders finds what one over archives finds, and copies no file."""
    segments = [build_segment(documents("s-1", GLAZE)), build_segment(documents("s-2", CONES))]
    stale = {0: [("ada", "s-1")]}
    parts = [tmp_path / "parts" / str(place) for place in range(2)]
    for place, (segment, part) in enumerate(zip(segments, parts, strict=True)):
        prepare(segment, stale.get(place, ()), part)
        prepare(b"not looked at again", (), part)
    assemble(parts, {}, tmp_path / "linked")
    assemble(segments, stale, tmp_path / "unpacked")
    for query in ("glaze", "cone"):
        found = [
            [(hit.session_id, hit.score) for hit in search([tmp_path / name], query, Filters(), 9)]
            for name in ("linked", "unpacked")
        ]
        assert found[0] == found[1]
    data = [path for path in (tmp_path / "linked").iterdir() if path.suffix == ".store"]
    assert data
    assert all(path.stat().st_nlink == 2 for path in data)
