"""A chunk read as turns: what a human said, what the agent said, and what its calls did."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from compiler.extractive import calls
from compiler.extractive.calls import Committed
from data_models.events import Event

_WORDS = frozenset({"prompt", "command", "queued", "answer", "rejection", "plan_edit"})
_STARTS = frozenset({"prompt", "command"})


@dataclass(slots=True)
class Check:
    """One run of a test, lint or build command; `result` is its output's event."""

    command: str
    failed: bool
    result: Event


@dataclass(slots=True)
class Turn:
    """A human's words and all that follows until the next prompt. `said` may be empty at a chunk's start."""

    said: list[Event] = field(default_factory=list)
    texts: list[Event] = field(default_factory=list)
    calls: list[Event] = field(default_factory=list)
    commits: list[Committed] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    issues: list[tuple[str, Event]] = field(default_factory=list)
    interrupted: bool = False

    @property
    def final(self) -> Event | None:
        """The agent's last words of the turn."""
        return self.texts[-1] if self.texts else None


def is_main(event: Event) -> bool:
    """Whether an event belongs to the conversation with the human, not to a subagent's."""
    return not event.subagent and not event.sidechain


def read_turns(events: Sequence[Event]) -> list[Turn]:
    """The turns of a chunk, in order. Subagents' words are left out, their calls are kept."""
    turns = [Turn()]
    pending: dict[str, Event] = {}
    for event in events:
        if event.kind == "tool_use":
            turns[-1].calls.append(event)
            if event.tool_use_id:
                pending[event.tool_use_id] = event
        elif event.kind == "tool_result":
            _add_result(turns[-1], pending.get(event.tool_use_id or ""), event)
        elif is_main(event):
            _add_words(turns, event)
    return [turn for turn in turns if turn.said or turn.texts or turn.calls or turn.commits or turn.checks]


def _add_words(turns: list[Turn], event: Event) -> None:
    if event.role == "human" and event.kind in _WORDS:
        if event.kind in _STARTS and not _repeats(turns[-1], event):
            turns.append(Turn())
        turns[-1].said.append(event)
    elif event.role == "assistant" and event.kind == "text":
        turns[-1].texts.append(event)
    elif event.kind == "interrupt":
        turns[-1].interrupted = True


def _repeats(turn: Turn, event: Event) -> bool:
    # A prompt sent again (a hook refused it, the host re-sent it) belongs to the same turn.
    return any(earlier.text == event.text for earlier in turn.said) and not turn.texts


def _add_result(turn: Turn, call: Event | None, result: Event) -> None:
    if call is None:
        return
    issue = calls.issues_of(call, result)
    if issue:
        turn.issues.append((issue, result))
    if call.tool not in calls.SHELL_TOOLS:
        return
    turn.commits += calls.commits_of(call, result)
    check = calls.check_of(calls.command_of(call))
    if check:
        turn.checks.append(Check(check, calls.failed(result), result))


def folders(events: Sequence[Event]) -> list[str]:
    """The working folders that a chunk's events name."""
    return sorted({event.cwd for event in events if event.cwd})


def edits(turns: Sequence[Turn], roots: Sequence[str]) -> Iterator[tuple[str, Event]]:
    """(file, call) for every edit, in order."""
    for turn in turns:
        for call in turn.calls:
            for path in calls.changed_files(call, roots):
                yield path, call
