"""Names become segments and come back; keys are built and parsed."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.keys import (
    decode_name,
    encode_name,
    manifest_key,
    memo_key,
    parse_manifest_key,
    parse_receipt_key,
    receipt_key,
    session_of_receipt,
)
from store.protocol import check_key

_names = st.text(st.characters(), max_size=60) | st.text("aA~!%=./ é\ud800\0", max_size=10)


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("github.com/acme/rockets", "github.com~acme~rockets"),
        ("ann@example.org", "ann@example.org"),
        ("Ann Lee", "!ann%20!lee"),
        ("a~b%c", "a%7eb%25c"),
        ("..", "%2e."),
        ("", "="),
        ("é", "%c3%a9"),
    ],
)
def test_segments_are_readable(name: str, segment: str) -> None:
    """The encoding is the documented one, and comes back."""
    assert encode_name(name) == segment
    assert decode_name(segment) == name


@given(_names)
@example("~")
@example("/")
def test_names_come_back(name: str) -> None:
    """A name of ordinary length survives encoding, whatever is in it, and its segment is a legal one."""
    segment = encode_name(name)
    assert check_key(segment) == segment
    assert decode_name(segment) == name or (decode_name(segment) is None and len(segment) > 100)


@given(st.text(st.characters(), min_size=150, max_size=600))
def test_long_names_fit(name: str) -> None:
    """However long the name, the segment is a legal one of at most 200 bytes."""
    segment = encode_name(name)
    assert len(segment.encode()) <= 200
    assert check_key(segment) == segment
    assert decode_name(segment) in (name, None)


@given(_names, _names)
@example("a/b", "a~b")
@example("Ann", "ann")
@example("\u00e9", "e\u0301")
@example("x" * 300, "x" * 301)
def test_different_names_differ(first: str, second: str) -> None:
    """Two names never share a segment, also where the file system ignores case."""
    if first != second:
        assert encode_name(first).casefold() != encode_name(second).casefold()


@given(st.text(max_size=30) | st.text("%!~=abz09.", max_size=8))
def test_only_our_own_segments_decode(segment: str) -> None:
    """Whatever stands where a segment should, decoding gives a name only for what encoding would write."""
    name = decode_name(segment)
    assert name is None or encode_name(name) == segment


@given(_names, _names, _names, st.integers(-(10**6), 10**19))
def test_receipt_keys_come_back(project: str, author: str, session: str, event_ms: int) -> None:
    """A receipt's key is legal and gives back what it was made of."""
    key = receipt_key(project, author, session, event_ms, b"content")
    check_key(key)
    parts = parse_receipt_key(key)
    assert parts is not None
    assert parts[:3] == (encode_name(project), encode_name(author), encode_name(session))
    assert session_of_receipt(key) == parts[:3]
    assert parts.event_ms == max(event_ms, 0)


@given(st.text() | st.from_regex(r"(inbox|gen)(/[^/]*){0,5}"))
def test_garbage_is_no_key(text: str) -> None:
    """Parsing garbage gives None or parts, never an error."""
    for parse in (parse_receipt_key, parse_manifest_key):
        parse(text)
    assert session_of_receipt(text)


def test_manifest_keys_sort_by_number() -> None:
    """Ten digits: the order of keys is the order of numbers."""
    keys = [manifest_key("p", number, "0123abcd") for number in (1, 2, 10, 99, 1_000_000)]
    assert keys == sorted(keys)
    assert [parse_manifest_key(key)[1] for key in keys] == [1, 2, 10, 99, 1_000_000]  # type: ignore[index]


@pytest.mark.parametrize(
    ("number", "nonce"), [(0, "0123abcd"), (-1, "0123abcd"), (1, "xyz"), (10**10, "0123abcd")]
)
def test_impossible_generations_are_refused(number: int, nonce: str) -> None:
    """No manifest key can be made that would not be read back."""
    with pytest.raises(ValueError, match="generation"):
        manifest_key("p", number, nonce)


@pytest.mark.parametrize(
    ("stage", "digest"), [("../x", "ab" * 32), ("map", "../../etc"), ("map", "abc"), ("", "ab" * 32)]
)
def test_impossible_memos_are_refused(stage: str, digest: str) -> None:
    """A memo's stage and hash cannot lead out of the memo's folder."""
    with pytest.raises(ValueError, match="memo"):
        memo_key(stage, digest)
