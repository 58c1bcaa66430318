"""Which sentences are worth keeping: a person's own voice, understandable alone, naming something."""

import re

from compiler.extractive import cues
from compiler.extractive.text import Sentence, sentences
from compiler.extractive.words import specifics

_HOST_TEXT = re.compile(
    r"^\s*(?:Operation stopped by hook|unknown command|Error:|Caveat:"
    r"|This session is being continued|\[Pasted|=== "
    r"|Base directory|<ide_|<[a-z-]+>|Failed with|Warning:|Traceback|Stop hook)"
)
_PLAIN_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?,? ")
_LISTED = re.compile(
    r"^\W*(?:#\d+|\d{1,2}[.)]|(?:first|second|third|next|last) (?:issue|problem|bug)(?: -)?)\s+", re.I
)
_DRAWN = re.compile(r"[→•✓✗│└├…·]| — |\[\+\d+ -\d+|^\S+\.\w{1,5}: ")
_TENTATIVE = re.compile(r"\b(?:could|maybe|for the first|for now|last time)\b", re.I)
_LONG_RULE = 130
_LONGEST_TYPED = 500
_THIS = re.compile(r"\bthis\b(?! (?:repo|repository|project|codebase|package|team)\b)", re.I)
_NORM = re.compile(
    r"\b(?:we (?:also )?(?:should|must|don'?t|do not|never|always|use|prefer|need|want|explicitly)"
    r"|should|must|please|never)\b",
    re.I,
)
_NUMBERED = re.compile(r"^\W*(?:[A-Ea-e]|\d{1,2})[.)]\s+")
_PRONOUN = re.compile(
    r"\b(?:this|it|that|they|them|those|these|he|she)\b(?! (?:branch|repo|repository|project|pr)\b)", re.I
)
_COMMAND = re.compile(r"^/[\w:.-]+\s*[-–—]?\s*")
_LINES = re.compile(
    r"\s*\((?:at |around |currently )?(?:lines?|L)\s*~?\d+[^()]{0,60}\)|(?<=\.\w\w):\d+(?:[-–]\d+)?"
    r"|(?<=\.go|\.py|\.ts|\.md|\.rs|\.js):\d+(?:[-–]\d+)?"
)
_LONG_PATH = re.compile(
    r"(?<![\w.])(?:~|/(?:Users|home|private|var|tmp|root"
    r"|opt))(?:/[^\s/`'\")]+)*/([^\s/`'\")]+/[^\s/`'\")]+)"
)
_AT_LINES = re.compile(
    r",?\s+(?:at|in|on|from|to|around)?\s*\blines?\s+~?\d+(?:\s*[-–]\s*\d+)?(?!\s*(?:of|added"
    r"|changed))",
    re.I,
)
_FILLER = re.compile(
    r"^(?:(?:ok(?:ay)?|ah|oh|hmm+|uh+|yeah|yes|yep|right(?! now)|cool|great|so|well|and|but|btw|actually"
    r"|also|note|ugh|stop for a second|one more thing|one last thing|first|ideally|brainstorm"
    r"|follow up|for \d|genuine|quick|q|question|debug)\b[\s,.:!…-]*)+",
    re.I,
)
_IMPERATIVE = re.compile(
    r"^\W*(?:oh,? |and |also )?(?:please\b|always\b|never\b|don'?t\b|do not\b|prefer\b|keep\b"
    r"|make sure\b|use\b|avoid\b|let'?s (?:not|avoid|keep|always)\b"
    r"|we (?:should|must|don'?t|never|always|prefer|want|use)\b|no \w+ing\b|the (?:overriding"
    r"|general) |commit\b|i(?:'d)? prefer\b|remember\b|ensure\b)",
    re.I,
)
_FIRST_PERSON = re.compile(
    r"^(?:I(?:'ve| have)?|We(?:'ve| have)?) (?:also |now |just |already |then )?((?:\w+ed|put|made"
    r"|kept|chose|wrote|split)\b)"
)
_LABEL = re.compile(
    r"^(?:(?:the|root|main|actual|real|first|second|third|key|likely|original|final|current|error"
    r"|bug|issue|problem|cause|fix|fixed|solution|result|note|insight"
    r"|change|finding|why|reason|status|answer|conclusion|before|after|now|encountered|found|and"
    r"|identified|critical|high|medium|low|important"
    r"|solved|resolved|what happened|feedback|noted|understood|agreed"
    r"|\d+)s?\b[\s#/-]*){1,4}(?:\([^)]{0,60}\))?\s*[:：]\s+",
    re.I,
)
_LEAD = re.compile(
    r"^(?:unfortunately|however|so|but|and|also|basically|in short|turns out)?,?\s*(?:(?:the"
    r"|this) (?:root cause|issue|problem|bug|reason"
    r"|culprit|real issue|actual issue|key insight)(?: here)? (?:is|was)(?: that)?\s+)?",
    re.I,
)
_UNSTABLE = re.compile(
    r"\b(?:above|below|here|as (?:discussed|mentioned)|these (?:two|three|changes)|your|you)\b", re.I
)


def own_words(text: str, *, whole: bool = False) -> list[Sentence]:
    """A person's own sentences in a prompt: without host text, pasted reviews, logs and code.

    Args:
        text: the prompt.
        whole: take every sentence of a short prompt, also what might be pasted, for a use where that does no harm.
    """
    if _HOST_TEXT.match(text) or cues.REVIEW.search(text[:2_000]):
        return []
    said = sentences(_COMMAND.sub("", text))
    # Once a short prompt begins in a person's voice, all of it is the person's.
    typed = len(text) <= _LONGEST_TYPED and "\n" not in text.strip() and bool(said)
    typed = typed and (whole or speaks(said[0].text))
    return [
        Sentence(_NUMBERED.sub("", one.text), one.heading, one.listed)
        for one in said
        if speaks(one.text) or (typed and not _DRAWN.search(one.text))
    ]


def speaks(text: str) -> bool:
    """Whether a sentence sounds typed by a person in a conversation, not pasted from a review or document."""
    if _DRAWN.search(text) or text.startswith("Consider "):
        return False
    return text[:1].islower() or not text.isascii() or len(text) < 60 or bool(cues.VOICE.search(text))


def tidy(text: str) -> str:
    """A sentence without list numbers, line numbers, long absolute paths, leading labels and "I have"."""
    text = _LONG_PATH.sub(r"…/\1", _AT_LINES.sub("", _LINES.sub("", text)))
    text = _LISTED.sub("", _LABEL.sub("", text))
    text = _LEAD.sub("", _LABEL.sub("", cues.AGREES.sub("", text)))
    match = _FIRST_PERSON.match(text)
    if match:
        text = match[1] + text[match.end(1) :]
    text = closed(text).strip(" -–—:;,*")
    # A first word that is a name of code ("cmd.Dir", "useState") keeps its case.
    return text[0].upper() + text[1:] if _PLAIN_WORD.match(text) else text


def clean_words(text: str) -> str:
    """A person's words without "ok, so" and the like in front, and with long paths cut."""
    return closed(_LONG_PATH.sub(r"…/\1", _FILLER.sub("", text) or text))


def closed(text: str) -> str:
    """The text without a last parenthesis that never closes."""
    opened = text.rfind("(")
    return text[:opened].rstrip(" ,;:-") if opened > 20 and ")" not in text[opened:] else text


def stands_alone(text: str, least: int = 1) -> bool:
    """Whether a reader without the conversation can tell what a sentence is about.

    Args:
        text: one sentence.
        least: how many names of code, files or tickets it must hold.
    """
    if not len(text) >= 24 or text.count("`") % 2 or cues.CHATTER.match(text):
        return False
    named = specifics(text)
    return named >= least and (named >= 2 or not cues.DANGLING.match(text))


def rule_worth(text: str) -> float:
    """How much a person's sentence is a rule for later work: short, general, imperative, with a reason."""
    imperative = bool(_IMPERATIVE.match(text))
    long = len(text) > _LONG_RULE
    explained = bool(cues.REASON.search(text)) or " - " in text or ("(" in text and not long)
    score = 1.4 * imperative + 0.9 * explained
    score += 0.7 * bool(cues.HABIT.search(text)) + 0.5 * bool(cues.GENERAL.search(text))
    # What points at one place of the conversation or the code is no rule for the next one.
    score -= 0.4 * max(0, specifics(text) - 1) + 1.0 * ("#" in text) + 0.6 * bool(_THIS.search(text))
    score -= (
        0.8 * bool(_TENTATIVE.search(text))
        + 0.7 * bool(cues.DANGLING.match(text))
        + 0.8 * ("?" in text)
        + 0.7 * bool(cues.CONDITION.match(text))
        + 0.7 * long
    )
    return score - 1.0 * (not imperative and not _NORM.search(text))


def worth(text: str) -> float:
    """How much a sentence says: names of code and files, a reason, a readable length; 0 to about 4."""
    score = min(1.6, 0.5 * specifics(text)) + (
        1.2 if cues.REASON.search(text) else 0.3 if cues.PURPOSE.search(text) else 0.0
    )
    score += 0.8 if 60 <= len(text) <= 220 else 0.3
    score -= min(0.8, 0.2 * len(_PRONOUN.findall(text)))
    return score - (0.6 if _UNSTABLE.search(text) else 0.0) - (0.5 if cues.DANGLING.match(text) else 0.0)
