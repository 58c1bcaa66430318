"""Sentences that say themselves what they are: "Decision: …", "Left open: …", or a list under such a heading."""

import re
from collections.abc import Iterator

from compiler.extractive.text import Sentence
from data_models.knowledge import StatementKind

_NAMES: dict[StatementKind, str] = {
    "dead_end": r"dead ends?|tried and (?:dropped|abandoned|rejected)|what (?:did not|didn'?t) work"
    r"|rejected(?: approach(?:es)?| alternatives?| ideas?)?|abandoned(?: approach(?:es)?)?",
    "decision": r"(?:key |design |main |final |architecture |architectural )*decisions?"
    r"(?: (?:made|taken|reversed|changed))?|(?:we )?decided",
    "open_item": r"(?:still |left )?open(?: (?:items?|questions?|issues?|points?|work|tasks?|for [\w.]+))?"
    r"|(?:still )?(?:not (?:yet )?done|to be done|to do|todos?)(?: yet)?|remaining(?: work| tasks?| items?)?"
    r"|deferred|left for later|follow[- ]?ups?|known (?:issues?|limitations?)",
    "pattern": r"(?:team |project |coding |new )?(?:convention|rule)s?",
}
_LABELS = [
    (kind, re.compile(rf"^\W*(?:{names})\s*[:：]\s+(?=\S)", re.IGNORECASE)) for kind, names in _NAMES.items()
]
_HEADINGS = [(kind, re.compile(rf"^(?:{names})\W*$", re.IGNORECASE)) for kind, names in _NAMES.items()]
_ITEM = re.compile(r"(?:^|[,;]?\s+(?:and\s+)?)\(?\d\)\s+")


def has_label(text: str) -> bool:
    """Whether a sentence begins with a label of its own."""
    return any(label.match(text) for _, label in _LABELS)


def labelled(sentence: Sentence) -> Iterator[tuple[StatementKind, str, bool]]:
    """The kind that a sentence's own label or the heading above it names, the text without the label, and
    whether the label is its own.

    A label followed by "(1) …; (2) …" gives each item. What stands below a heading "Rules" is mostly a proposal's
    and no rule of the team's.
    """
    for kind, label in _LABELS:
        match = label.match(sentence.text)
        if match:
            yield from ((kind, item, True) for item in _items(sentence.text[match.end() :]))
            return
    if sentence.listed and sentence.heading:
        for kind, heading in _HEADINGS:
            if heading.match(sentence.heading) and kind != "pattern":
                yield kind, sentence.text, False
                return


def _items(text: str) -> list[str]:
    items = [item.strip(" ;,") for item in _ITEM.split(text)]
    return [item for item in items if item]
