"""What a model says is not believed where it could be somebody's instruction or bait. No model judges this.

A transcript holds what strangers wrote: web pages, issues, files, logs. A model that reads it may repeat what it
finds there, or obey it. So every text of a model passes `fault` before it is kept. It must not address whoever reads
it as an agent to be steered, not hold marks of a conversation or characters that people do not see, not bring in an
address, a command, a package or a tool that no person and no agent of the team named where it is cited, and not tell
as the team's rule or wish what only tool output says.

What this cannot see: a false fact in plain words that an agent believed and repeated. Its citation shows where it
comes from.
"""

import re
import unicodedata
from typing import Literal

from compiler.models import fence, names, orders
from compiler.models.evidence import Evidence, Speaker

Fault = Literal[
    "", "unseen characters", "a mark of a conversation", "an order to the reader", "a foreign name", "hearsay"
]

_WORD = re.compile(r"[^\W\d_]{3,}")
_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


def fault(text: str, evidence: Evidence, *, told: bool = False) -> Fault:
    """Why a model's text may not be kept; "" where it may.

    Args:
        text: a statement, a title, a line, an answer's sentence.
        evidence: what the events or statements under it say.
        told: whether it is told as the team's own knowledge, as all that goes into the compiled context is. Then it
            must be made of words of people and agents, not of those that only tools showed.
    """
    if fence.has_unseen(text) or _mixes_scripts(text):
        return "unseen characters"
    read = unicodedata.normalize("NFKC", text)
    if orders.MARK.search(read):
        return "a mark of a conversation"
    speaker = evidence.speaker(read)
    if _steers(read, speaker):
        return "an order to the reader"
    if foreign(read, evidence):
        return "a foreign name"
    if speaker == "tool" and (told or orders.ORDER.search(read)):
        return "hearsay"
    return ""


def foreign(text: str, evidence: Evidence) -> str:
    """An address, command, package or tool in a text that neither people nor agents named; "" if there is none."""
    for found in names.addresses(text):
        if not evidence.names(_bare(found)):
            return found
    danger = names.dangerous(text)
    if danger and danger.lower() not in evidence.people.lower():
        return danger
    for found in names.brought_in(text):
        if not evidence.names(found):
            return found
    spoken = evidence.spoken.lower()
    return next((found for found in names.taken_up(text) if found.lower() not in spoken), "")


def _steers(text: str, speaker: Speaker) -> bool:
    """Whether a text steers whoever reads it. What people say to their own agents mostly may."""
    if orders.OVERRIDE.search(text) or orders.TO_AGENTS.search(text):
        return True
    if speaker == "human":
        return False
    if orders.AGENTS_MUST.search(text):
        return True
    if orders.ORDER.search(text) and (orders.GIVES_SECRETS.search(text) or orders.CONCEALS.search(text)):
        return True
    return speaker == "tool" and bool(orders.TO_YOU.search(text))


def _bare(address: str) -> str:
    """An address as it is looked for: without its scheme and a last slash."""
    return address.lower().partition("://")[2].rstrip("/") or address.lower().rstrip("/")


def _mixes_scripts(text: str) -> bool:
    """Whether a word is written in letters of two alphabets that look alike: such a word hides another."""
    return not text.isascii() and any(len(_scripts(word[0])) > 1 for word in _WORD.finditer(text))


def _scripts(word: str) -> set[str]:
    return {script for letter in word if (script := unicodedata.name(letter, "").partition(" ")[0]) in _ALIKE}
