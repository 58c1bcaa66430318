"""Replaces secrets in transcript text before anything is stored.

One automaton looks for the literals of all rules at once, case-sensitively, in one pass; only where a
literal stands does its rule look closer, at a bounded window. So time is linear in the text whatever it
holds, and text without a literal costs one pass.

Covered: tokens with a form of their own (`rules_tokens`), private keys and `<private>` blocks
(`rules_blocks`), URLs, headers and command lines (`rules_places`), values of names that say "secret"
(`rules_names`), and by setting e-mail addresses and patterns of the user's own (`own`).

Not covered: passwords in prose ("the password is swordfish"), secrets split over lines or strings, secrets
inside base64 or another encoding (but PEM keys, `user:password` after Basic, and Docker's `auth` are), a bare
run of hex or letters that no name or form marks as a secret, and passwords that are plain words.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping

from ahocorasick_rs import AhoCorasick, Implementation

from data_models.records import Rules
from transcripts.redaction import colour, placeholder, rules_blocks, rules_names, rules_places, rules_tokens
from transcripts.redaction.own import OwnRules, find_emails
from transcripts.redaction.spans import EXACT, PLACED, Find, Span, merge

RULES_VERSION = 1
"""Raised whenever a rule changes what it finds: blobs redacted by older rules are then worth another pass."""

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_COLOURS = len(colour.LITERALS)  # they are the automaton's first literals
_SHORTEST = 8  # no rule of ours finds anything in a shorter text


class Redactor:
    """Replaces secrets in texts. Safe to share between threads: it never changes after it is made.

    Args:
        key: the store's secret key of the placeholders' suffixes.
        emails: replace e-mail addresses too.
        rules: the user's own patterns, name = RE2 pattern; a group named `secret` limits what is replaced.

    Raises:
        SettingsError: an own rule cannot be used.

    Attributes:
        rules: what it applies; the key is no part of it, since it decides only how a placeholder reads.
    """

    def __init__(self, key: bytes, *, emails: bool = False, rules: Mapping[str, str] | None = None) -> None:
        self.rules = applied(emails=emails, own=rules)
        self._key = key
        self._emails = emails
        self._own = OwnRules(rules) if rules else None
        self._extra = bool(rules) or emails
        self._shortest = 1 if self._own else _SHORTEST
        self._finds, automaton = _automaton()
        self._search = automaton.find_matches_as_indexes

    def __call__(self, text: str, counts: dict[str, int]) -> str:
        """`text` with every secret replaced; the same object if it holds none.

        Args:
            text: one whole string value: what is cut or joined first hides secrets from the rules.
            counts: how many were replaced, by kind; added to.
        """
        if len(text) < self._shortest:
            return text
        spans = self.find(text)
        return self._replaced(text, spans, counts) if spans else text

    def field(self, name: str, value: str, counts: dict[str, int]) -> str:
        """The same for a string that stands under a key: `{"api_key": "…"}` once it is parsed.

        Args:
            name: the key.
            value: the string under it.
            counts: as for a call.
        """
        kind = rules_names.kind_of_field(name, value)
        if not kind:
            return self(value, counts)
        counts[kind] = counts.get(kind, 0) + 1
        return placeholder.make(self._key, kind, value)

    def find(self, text: str) -> list[Span]:
        """Where the secrets of `text` stand: disjoint and in order."""
        try:
            hits = self._search(text, overlapping=True)
        except UnicodeEncodeError:
            # Lone surrogates stand for one character each, so the offsets stay right.
            return self.find(_SURROGATE.sub("\ufffd", text))
        if not hits and not self._extra:
            return []
        found = (colour.sequence(text, *hit) for hit in hits if hit[0] < _COLOURS)
        sequences = [sequence for sequence in found if sequence]
        if not sequences:
            return self._find(text, hits)
        plain = colour.plain(text, sequences)
        return [
            plain.restored(span)
            for span in self._find(plain.text, self._search(plain.text, overlapping=True))
        ]

    def _find(self, text: str, hits: list[tuple[int, int, int]]) -> list[Span]:
        spans: list[Span] = []
        placed: list[Span] = []
        hidden = 0  # up to here a block, a token or a placeholder hides everything
        finds = self._finds
        for literal, start, end in hits:
            if start < hidden or literal < _COLOURS:
                continue
            span = finds[literal - _COLOURS](text, start, end)
            if span is not None:
                (placed if span.rank == PLACED else spans).append(span)
                if span.rank <= EXACT:
                    hidden = max(hidden, span.end)
        if self._own:
            spans.extend(self._own.find(text))
        if self._emails:
            spans.extend(find_emails(text))
        return merge(text, _outside(placed, spans)) if spans else spans

    def _replaced(self, text: str, spans: list[Span], counts: dict[str, int]) -> str:
        pieces: list[str] = []
        place = 0
        for span in spans:
            counts[span.kind] = counts.get(span.kind, 0) + 1
            pieces += (
                text[place : span.start],
                placeholder.make(self._key, span.kind, text[span.start : span.end]),
            )
            place = span.end
        pieces.append(text[place:])
        return "".join(pieces)


def applied(*, emails: bool, own: Mapping[str, str] | None) -> Rules:
    """The rules that a redactor with these arguments applies; an own rule is known by its hash, as it may tell much."""
    hashes = (
        hashlib.sha256(f"{name}\0{rule}".encode()).hexdigest()[:12] for name, rule in (own or {}).items()
    )
    return Rules(built_in=RULES_VERSION, emails=emails, own=tuple(sorted(hashes)))


def _automaton() -> tuple[list[Find], AhoCorasick]:
    rules = (
        placeholder.RULE,
        *rules_blocks.RULES,
        *rules_tokens.RULES,
        *rules_places.RULES,
        *rules_names.RULES,
    )
    pairs = [(literal, rule.find) for rule in rules for literal in rule.literals]
    literals, finds = zip(*pairs, strict=True)
    return list(finds), AhoCorasick((*colour.LITERALS, *literals), implementation=Implementation.DFA)


def _outside(placed: list[Span], spans: list[Span]) -> Iterable[Span]:
    """Drops what touches a placeholder without holding the whole of it: a second pass changes nothing."""
    if not placed:
        return spans
    ends = [place.end for place in placed]
    return (span for span in spans if _clear_of(placed, bisect_right(ends, span.start), span))


def _clear_of(placed: list[Span], first: int, span: Span) -> bool:
    """Whether `span` touches no placeholder from `first` on, or holds more than the first one it touches."""
    if first == len(placed) or placed[first].start >= span.end:
        return True
    return span.start < placed[first].start and placed[first].end < span.end
