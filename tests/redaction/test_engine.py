"""What the redactor promises about any text, whatever the rules find in it."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_models.errors import SettingsError
from tests.redaction.planted import B62, KINDS, WRAPPINGS, draw, plant
from transcripts.redaction.engine import Redactor

REDACT = Redactor(b"key of a test")
PLACEHOLDER = re.compile(r"<redacted-[a-z0-9-]+-[0-9a-f]{6}>")
TOKEN = "ghp_" + draw(Random(1), B62, 36)
PASSWORD = "vX9" + draw(Random(2), B62, 12)


def redacted(text: str, redact: Redactor = REDACT) -> str:
    return redact(text, {})


def test_same_object_when_nothing_is_found() -> None:
    """Text without secrets comes back as the same object and leaves the counts alone."""
    text = "the tests pass; input_tokens: 12345, see docs/tokens.md"
    counts: dict[str, int] = {}
    assert REDACT(text, counts) is text
    assert counts == {}


def test_counts_by_kind() -> None:
    """Every replacement is counted under its kind, on top of what the counts held."""
    counts = {"github-token": 1}
    REDACT(f"{TOKEN} {TOKEN}\nDB_PASSWORD={PASSWORD}", counts)
    assert counts == {"github-token": 3, "password": 1}


def test_same_secret_same_suffix() -> None:
    """A secret reads the same wherever it stands, another secret and another store read otherwise."""
    one, two = (
        PLACEHOLDER.search(redacted(text)) for text in (f"a {TOKEN}", f"git push https://x:{TOKEN}@h/r")
    )
    assert one is not None
    assert two is not None
    assert one[0] == two[0]
    assert redacted(TOKEN[:-1] + "_") != one[0]
    assert redacted(TOKEN, Redactor(b"another key")) != redacted(TOKEN)


def test_placeholder_names_the_kind_without_a_colon() -> None:
    """The placeholder says what was there and gives URL rules nothing to match."""
    text = redacted(f"postgres://app:{PASSWORD}@db/x")
    assert re.fullmatch(r"postgres://app:<redacted-url-password-[0-9a-f]{6}>@db/x", text)


def test_overlapping_secrets_become_one_placeholder() -> None:
    """A token inside a cookie inside a header is replaced once, and nothing of either is left."""
    text = redacted(f"Cookie: a=1; gh={TOKEN}; sid={PASSWORD}{PASSWORD}; b=2")
    assert len(PLACEHOLDER.findall(text)) == 1
    assert TOKEN[:8] not in text
    assert PASSWORD[:8] not in text


def test_specific_kind_wins() -> None:
    """Where a name and a form both match, the placeholder names the form."""
    assert "<redacted-github-token-" in redacted(f'"secret": "{TOKEN}"')


def test_second_pass_changes_nothing() -> None:
    """What was redacted once is not redacted again, for every kind in every place."""
    for planted in plant(KINDS, WRAPPINGS, seed=11):
        once = redacted(planted.text)
        counts: dict[str, int] = {}
        assert REDACT(once, counts) is once, ascii(once)


PARTS = [
    *"ab=:\"'\\ \n<>@/-+1",
    *(
        TOKEN,
        PASSWORD,
        "password",
        "token=",
        "Bearer ",
        "://",
        "Cookie: ",
        "Authorization",
        "eyJ",
        " -u ",
        "curl",
    ),
    *("<private>", "</private>", "-----BEGIN RSA PRIVATE KEY-----", "<redacted-x-123abc>", "@acme.test"),
    *("\x1b[32m", "\\n", "\ud83d", "İ"),
]


@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_any_text_is_safe(parts: list[str]) -> None:
    """No text raises, spans are in order and inside the text, and a second pass changes nothing."""
    redact = Redactor(b"k", emails=True, rules={"ticket": r"T-\d+", "ab": "a+b"})
    text = "".join(parts)
    once = redact(text, {})
    assert redact(once, {}) == once
    places = [place for span in redact.find(text) for place in (span.start, span.end)]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)


@given(st.text(st.characters(exclude_categories=[], exclude_characters="<\\&"), max_size=200))
def test_any_characters_are_safe(text: str) -> None:
    """Control characters, lone surrogates and private-use characters are neither lost nor an error."""
    assert redacted(f"{text} {TOKEN}").startswith(text[: len(text) // 2])


@pytest.mark.parametrize(
    "odd", ["\ud83d", "\udc00 \ud800", "İ" * 9, "ẞ", "🎉" * 3, "\x00", "\u2028", "e\u0301"]
)
def test_offsets_hold_behind_odd_characters(odd: str) -> None:
    """A secret behind a lone surrogate, or a letter longer in lower case, is cut out exactly."""
    text = redacted(f"{odd} PASSWORD={PASSWORD} {odd} {TOKEN} {odd}")
    assert PLACEHOLDER.sub("*", text) == f"{odd} PASSWORD=* {odd} * {odd}"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_json_in_json_stays_json(depth: int) -> None:
    """A secret in JSON written into a JSON string, to any depth, leaves text that still parses."""
    text = json.dumps({"password": PASSWORD, "url": f"https://u:{PASSWORD}@h/", "token": TOKEN})
    for _ in range(depth - 1):
        text = json.dumps({"text": text})
    value = redacted(text)
    for _ in range(depth):
        value = json.loads(value)
        value = value.get("text", value)
    assert [bool(PLACEHOLDER.search(part)) for part in value.values()] == [True] * 3  # type: ignore[attr-defined]
    assert PASSWORD not in str(value)


@pytest.mark.parametrize(
    "text",
    [
        f"\\n{TOKEN}\\n",
        f"\x1b[01;31m\x1b[Kghp_\x1b[m\x1b[K{TOKEN[4:]}",
        f"\\u001b[32m{TOKEN}\\u001b[0m",
        f"[32m{TOKEN}[0m",
        f"%22{TOKEN}%22",
        f"{TOKEN[:-1]}\\",
        f'x="{TOKEN}\\\\\\"',
    ],
)
def test_no_border_hides_a_token(text: str) -> None:
    r"""A literal `\n`, a colour, percent-encoding or an escaped quote beside a token hides none of it."""
    value = redacted(text)
    assert "<redacted-github-token-" in value
    assert not re.search(r"[A-Za-z0-9]{12}", PLACEHOLDER.sub("", value))


def test_short_prefixes_need_a_border() -> None:
    """`phx_` inside a longer word is no PostHog key, and `sk-` inside "task-" none of anybody's."""
    tail = draw(Random(3), B62, 43)
    assert redacted(f"sphx_{tail}") == f"sphx_{tail}"
    assert redacted(f"task-{tail}") == f"task-{tail}"


def test_private_blocks() -> None:
    """`<private>` hides all up to its end, nested ones too; unclosed, up to the end of the text."""
    value = redacted("a <private>x <private>y</private> z</private> b")
    assert PLACEHOLDER.sub("*", value) == "a * b"
    assert PLACEHOLDER.sub("*", redacted("a\n<private>\nour plan\nand more")) == "a\n*"
    assert PLACEHOLDER.sub("*", redacted("\\u003cprivate\\u003eplan\\u003c/private\\u003e b")) == "* b"


def test_a_mention_of_the_private_tag_hides_nothing() -> None:
    """The tag between quotes, or in shader code, opens no block."""
    for text in ("write `<private>` before it", "var<private> position: vec2", 'tag = "<private>"'):
        assert redacted(text) is text


def test_block_hides_older_placeholders() -> None:
    """A `<private>` block around an older placeholder is hidden whole."""
    assert PLACEHOLDER.sub("*", redacted("<private>a <redacted-token-0a1b2c> b</private>")) == "*"


def test_own_rules() -> None:
    """Own patterns replace their match, or only their group `secret`, under their own name."""
    redact = Redactor(b"k", rules={"ticket": r"ACME-\d+", "customer": r"customer (?P<secret>\w+)"})
    counts: dict[str, int] = {}
    text = redact("ACME-12 for customer Umbrella, 🎉 ACME-7", counts)
    assert counts == {"ticket": 2, "customer": 1}
    assert PLACEHOLDER.sub("*", text) == "* for customer *, 🎉 *"
    assert "<redacted-customer-" in text


@pytest.mark.parametrize("pattern", [r"\w+", ".+", r"[0-9a-f]{6}", "redacted", r"\S{20,25}", ""])
def test_own_rules_leave_placeholders_alone(pattern: str) -> None:
    """Even a pattern that matches everything changes nothing on a second pass."""
    redact = Redactor(b"k", rules={"own": pattern})
    once = redact(f"one {TOKEN} two\nthree {PASSWORD * 3}", {})
    again = redact(once, {})
    assert redact(again, {}) == again
    assert again == once


@pytest.mark.parametrize(("name", "pattern"), [("broken", "("), ("look", "(?=a)b"), ("back", r"(a)\1")])
def test_an_own_rule_that_cannot_be_used_is_named(name: str, pattern: str) -> None:
    """A pattern RE2 does not take is a settings error that names the rule and what to do."""
    with pytest.raises(SettingsError, match=name) as caught:
        Redactor(b"k", rules={name: pattern})
    assert caught.value.next_command


def test_an_own_rule_needs_a_plain_name() -> None:
    """A name that would break the placeholder's form is refused."""
    with pytest.raises(SettingsError, match="A:b"):
        Redactor(b"k", rules={"A:b": "x"})


def test_emails_by_setting() -> None:
    """E-mail addresses go only where the setting asks for it; a git remote is none."""
    text = "mail ana.lee+x@mail.acme.test, clone git@git.acme.test:a/b.git, use lodash@4.17.21 and @acme/x"
    assert redacted(text) is text
    value = Redactor(b"k", emails=True)(text, {})
    assert PLACEHOLDER.sub("*", value) == text.replace("ana.lee+x@mail.acme.test", "*")


def test_threads_share_a_redactor() -> None:
    """Many threads at once get what one gets."""
    texts = [planted.text for planted in plant(KINDS, {"bare": WRAPPINGS["bare"]}, seed=4)]
    alone = [redacted(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(redacted, texts * 8)) == alone * 8
