"""What people said, as statements: asked, decision, pattern, correction, open item, dead end."""

import re
from collections.abc import Iterator

from compiler.extractive import choices, cues
from compiler.extractive.labels import has_label
from compiler.extractive.making import make
from compiler.extractive.text import sentences, shorten
from compiler.extractive.turns import Turn
from compiler.extractive.voice import clean_words, own_words, rule_worth, stands_alone, tidy, worth
from compiler.extractive.words import specifics, terms
from data_models.events import Event
from data_models.knowledge import Statement, StatementKind

LONGEST_SAID = 240
LEAST_RULE = 0.7
"""What `rule_worth` must reach for a person's sentence to count as a rule."""

_LONGEST_OUTCOME = 160
_LONGEST_SENTENCE = 600
_LONGEST_PUT_OFF = 220
_MOST_SENTENCES = 12
_MOST_REPLIES = 6
_SHORTEST_REQUEST = 9
_SHORTEST_WORDS = 20
_LEAST_REASONED = 60
_ASIDE = re.compile(
    r"\W*#?\d|can (?:you|we) (?:double |re)?(?:check|look|see|verify|explain)"
    r"|(?:update|merge|rebase|check out|pull|push|commit)\b"
    r"|(?:maybe )?let'?s (?:first|create|review|look|discuss|talk|move on|tackle|test)"
    r"|i (?:see|reckon|wonder|guess|just)\b|you (?:also )?said|now,|it\b",
    re.I,
)
_UNDECIDED = re.compile(
    r"\b(?:I wonder|I(?:'m| am) not sure|maybe|perhaps|(?:I )?(?:would|'d) suggest)\b", re.I
)
_WORKFLOW = re.compile(r"rebase|push|merge|commit|worktree|subagent|branch", re.I)
_SUGGESTION = re.compile(
    r"(?:can'?t|could ?n[o']?t|should ?n[o']?t|can|could|should) (?:we|you|this|that)\b", re.I
)
_REQUEST = re.compile(r"\W*(?:can|could|should) (?:we|you)\b", re.I)


def human_statements(turn: Turn, earlier: Turn | None) -> Iterator[Statement]:
    """The statements in a turn's human words; `earlier` is the turn before, which they answer."""
    for event in turn.said:
        plan = choices.handed_over_plan(event)
        if plan:
            yield plan
        elif event.kind == "answer":
            yield from choices.answers(event, turn)
        elif event.kind == "plan_edit":
            yield from choices.plan_edit(event)
        else:
            yield from choices.choice(event, earlier.final if earlier else None)
            yield from _words(event, turn)
            if not turn.issues:  # what was put off stands in the tracker then, under a name
                yield from _put_off(event, turn, earlier)


def _words(event: Event, turn: Turn) -> Iterator[Statement]:
    said = own_words(event.text)
    if not said:
        return
    request = next((one.text for one in said if _is_request(one.text)), "")
    if request:
        yield make("asked", shorten(clean_words(request).rstrip(": "), LONGEST_SAID), event, worth(request))
    corrected = event.kind == "rejection" or bool(cues.CORRECTION.match(said[0].text))
    if corrected:
        yield from _correction(" ".join(one.text for one in said[:3]), event, turn)
    for place, sentence in enumerate(said[:_MOST_SENTENCES]):
        if _SHORTEST_WORDS <= len(sentence.text) <= _LONGEST_SENTENCE:
            after = said[place + 1].text if place + 1 < len(said) else ""
            yield from _sentence(sentence.text, after, event, turn, corrected)


def _is_request(text: str) -> bool:
    # Bytes, because a dozen characters are a whole request in scripts that need no spaces.
    return len(text.encode("utf-8", "replace")) >= _SHORTEST_REQUEST and not cues.CHATTER.match(text)


def _correction(text: str, event: Event, turn: Turn) -> Iterator[Statement]:
    words = shorten(clean_words(text), LONGEST_SAID)
    reply = _outcome(event, turn)
    agreed = reply is not None and bool(cues.AGREES.match(reply[0].text))
    asked = "?" in words and not (_SUGGESTION.match(words) and reply and cues.DID.match(reply[1]))
    if len(words) <= _SHORTEST_WORDS or asked or _ASIDE.match(words):
        return
    kind: StatementKind = "fix" if cues.CAUSE.search(words) else "correction"
    if (agreed and reply and cues.FAILED.search(reply[1])) or cues.GAVE_UP.search(words):
        kind = "dead_end"
    yield from _with_outcome(kind, words, event, turn, 1.5)


def _sentence(text: str, after: str, event: Event, turn: Turn, corrected: bool) -> Iterator[Statement]:
    words = shorten(clean_words(text), LONGEST_SAID)
    if text.endswith("?") and not _REQUEST.match(text):
        return
    if (
        cues.DEAD_END.search(text)
        and "?" not in text
        and (specifics(text) or corrected)
        and not _ASIDE.match(words)
    ):
        yield from _with_outcome("dead_end", words, event, turn, 0.8)
    if cues.CHATTER.match(text):
        return
    if cues.RULE.search(text) and rule_worth(words) >= LEAST_RULE:
        yield make("pattern", words, event, 1.5 + rule_worth(words))
    if corrected or _ASIDE.match(words) or cues.CONDITION.match(words):
        return
    if (cues.DECISION_HUMAN.search(text) or cues.CHOOSES.match(words)) and not _UNDECIDED.search(
        f"{text} {after}"
    ):
        yield from _decision(words, after, event, turn)


def _decision(words: str, after: str, event: Event, turn: Turn) -> Iterator[Statement]:
    """A choice with its reason: the person's next sentence, or what the agent made of it."""
    told = f"{words} {after}" if after else words
    explained = bool(cues.REASON.search(words))
    if after and not explained and len(told) <= LONGEST_SAID and not after.endswith("?"):
        words, explained = told, bool(cues.REASON.search(after)) or specifics(words) == 0
    if _WORKFLOW.search(words) and not explained:
        return
    if explained and specifics(words):
        yield make("decision", words, event, 2.0 + worth(words))
    else:
        yield from _with_outcome("decision", words, event, turn, 1.6 + 0.6 * explained)


def _put_off(event: Event, turn: Turn, earlier: Turn | None) -> Iterator[Statement]:
    """What a person left for later, with what it was about where the words alone do not say it."""
    for sentence in own_words(event.text)[:_MOST_SENTENCES]:
        text = sentence.text
        if len(text) > _LONGEST_PUT_OFF or text.endswith("?") or _ASIDE.match(text):
            continue
        if not any(cue.search(text) for cue in (cues.OPEN_EXPLICIT, cues.PUT_OFF, cues.LEFT_OPEN)):
            continue
        words = shorten(clean_words(text), 180)
        told = list(_with_outcome("open_item", words, event, turn, 2.0))
        # Words that name nothing are about what was asked before, whatever the agent answered to them.
        topic = None if specifics(words) > 1 else _question(earlier)
        if topic:
            about = f"{words} → about: {shorten(topic[1], 140)}"
            told = [make("open_item", about, event, 2.0 + worth(about), topic[0])]
        yield from told


def _with_outcome(
    kind: StatementKind, words: str, event: Event, turn: Turn, base: float
) -> Iterator[Statement]:
    """A person's words, with what came of them where they name too little to be understood alone."""
    reply = _outcome(event, turn)
    if reply and (specifics(words) < 2 or cues.AGREES.match(reply[0].text)):
        told = f"{words} → {shorten(reply[1], _LONGEST_OUTCOME)}"
        yield make(kind, told, event, base + (worth(words) + worth(told)) / 2, reply[0])
    elif specifics(words) or (cues.GAVE_UP.search(words) and len(words) > _LEAST_REASONED):
        yield make(kind, words, event, base + worth(words))


def _outcome(event: Event, turn: Turn) -> tuple[Event, str] | None:
    """The agent's sentence after the human's words that says what came of them: it names the same things,
    reports what was done, or stands in a text that agrees. Only the first few sentences are looked at."""
    left = _MOST_REPLIES
    for text in turn.texts:
        if text.seq < event.seq:
            continue
        for sentence in sentences(text.text):
            if has_label(sentence.text):
                return None  # the agent's own statement tells it
            outcome = tidy(sentence.text)
            # What introduces a list is half a sentence without it.
            half = sentence.text.rstrip("*_ ").endswith((":", "?"))
            if half or not stands_alone(outcome) or cues.SUGGESTS.search(outcome):
                continue
            shared = len(terms(outcome) & terms(event.text))
            if shared > 1 or cues.AGREES.match(text.text) or cues.DID.match(outcome):
                return text, outcome
            left -= 1
            if not left:
                return None
    return None


def _question(turn: Turn | None) -> tuple[Event, str] | None:
    """What a person asked in a turn, in a sentence long enough to name its subject."""
    for event in turn.said if turn else ():
        for sentence in own_words(event.text):
            words = clean_words(sentence.text)
            if words.endswith("?") and len(words) > 40:
                return event, words
    return None
