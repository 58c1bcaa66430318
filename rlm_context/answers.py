"""An answer to a question, for people and as JSON."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from shutil import get_terminal_size
from typing import Any

from compiler.asking.answer import Answer
from compiler.asking.cited import Cited
from compiler.asking.records import page_of
from data_models.records import Tokens
from rlm.prices import PRICES_DATE
from rlm_context.costs import cost_line
from rlm_context.output import plural
from rlm_context.shown import day, iso, seq_value

_WIDEST = 100
"""Cells of a line: longer ones are hard to read, on terminals as in pipes."""
_LIST_MARK = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+|[ \t>]*")
_CODE = ("```", "~~~")


def answer_text(answer: Answer) -> str:
    """The answer, what it cites, where its record is, and on the last line what it cost."""
    if not answer.model_used:
        return answer.text
    parts = [answer.text if answer.passages else wrapped(answer.text)]
    if answer.partial and not answer.passages and answer.text:
        parts.insert(0, f"[not a whole answer: {answer.reason}]")
    if not answer.passages:
        parts.append("\n".join(_told(cited) for cited in answer.citations if cited.resolved))
    if answer.record:
        parts.append(f"How it was found: {page_of(Path(answer.record))}")
    return "\n\n".join(part for part in [*parts, _cost(answer)] if part)


def described(answer: Answer) -> dict[str, Any]:
    """The answer as JSON."""
    return {
        "question": answer.question,
        "project": answer.projects[0] if len(answer.projects) == 1 else None,
        "answer": answer.text,
        "citations": [_citation(cited) for cited in answer.citations],
        "dropped_citations": answer.dropped_citations,
        "dropped_sentences": answer.dropped_sentences,
        "stopped_by": answer.stopped_by or None,
        "partial": answer.partial,
        "passages": answer.passages,
        "usage": answer.usage,
        "usd": answer.usage.usd,
        "prices_date": PRICES_DATE,
        "trajectory": answer.record or None,
        "model_used": answer.model_used,
        "unreadable": answer.unreadable,
    }


def remarks(answer: Answer) -> Iterator[str]:
    """What a person should know besides the answer, each in a line."""
    if not answer.model_used:
        yield (
            "no model was used: these are the best passages. Next, for an answer: set "
            "RLM_CONTEXT_BACKEND=model and the key of the models' provider (ANTHROPIC_API_KEY)"
        )
    if not answer.text:
        yield "nothing found. Fewer or other words may help; `rlm-context sessions` lists what there is"
    elif answer.model_used and answer.passages:
        yield "the models gave no answer: these are the best passages"
    if answer.partial:
        more = ". Next: more with --max-usd" if answer.stopped_by == "usd" else ""
        yield f"not a whole answer: {answer.reason}{more}"
    if answer.unreadable:
        yield f"{plural(len(answer.unreadable), 'session')} could not be read. Next: rlm-context doctor"
    if answer.dropped_citations:
        yield f"{plural(answer.dropped_citations, 'citation')} left out: there is no such record"
    if answer.dropped_sentences:
        yield f"{plural(answer.dropped_sentences, 'sentence')} left out: text planted in a session may be behind it"
    if answer.model_used and not answer.usage.calls and answer.usage.cached:
        yield "all answers of models were known from before: this cost nothing"


def wrapped(text: str) -> str:
    """Markdown in lines of readable length; code and tables stay as they are."""
    width = min(get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    lines = []
    in_code = False
    for line in text.split("\n"):
        mark = line.lstrip().startswith(_CODE)
        in_code ^= mark
        lines += [line] if mark or in_code or line.lstrip().startswith("|") else _folded(line, width)
    return "\n".join(lines)


def _folded(line: str, width: int) -> list[str]:
    mark = _LIST_MARK.match(line)
    indent = " " * (mark.end() if mark else 0)
    return textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _told(cited: Cited) -> str:
    return f"{cited.shown} {cited.author}, {day(cited.time)}: {cited.words}"


def _citation(cited: Cited) -> dict[str, Any]:
    return {
        "session_id": cited.session_id,
        "seq": seq_value(cited.seq),
        "author": cited.author or None,
        "time": iso(cited.time),
        "resolved": cited.resolved,
    }


def _cost(answer: Answer) -> str:
    """What it cost, and in brackets the same by model."""
    models = "; ".join(_model(name, tokens) for name, tokens in answer.usage.models.items())
    return cost_line(answer.usage) + (f" [{models}]" if models else "")


def _model(name: str, tokens: Tokens) -> str:
    read = tokens.input_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens
    return f"{name}: {plural(tokens.calls, 'call')}, {read:,} in, {tokens.output_tokens:,} out"
