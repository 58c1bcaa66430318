"""What sessions have read of the brief, so that none reads it twice. Standard library only.

<home>/hooks/shown/<session id> holds a line for each time that a session was told something: the generation, when it
was told asynchronously (Unix seconds; 0 where the agent waited for it, 1 where the session was resumed since), and the
marks of the lines that were new. An empty file: the session started, and there was nothing to tell.
"""

import os

from rlm_context.hooks.brief.envelope import changes, marks, whole
from rlm_context.hooks.brief.local import LocalBrief
from rlm_context.hooks.files import read_small, shown_folder, write_small
from rlm_context.hooks.quick_json import quoted

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from collections.abc import Callable

_RESUMED_SINCE = 1
_OUTPUT = '{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":'


class Telling:
    """Lines of one generation that a session was told; `when` and `marks` as the module says."""

    def __init__(self, generation: str, when: int, marks: set[str]) -> None:
        self.generation = generation
        self.when = when
        self.marks = marks


class Told:
    """All that one session was told, oldest first."""

    def __init__(self, tellings: list[Telling]) -> None:
        self.tellings = tellings

    def news(self, brief: LocalBrief) -> str:
        """What of a brief this session has not read: all of it, the lines that changed, or "" for nothing."""
        return changes(brief, self._marks()) if self.tellings else whole(brief)

    def after(self, brief: LocalBrief, when: int = 0) -> "Told":
        """What the session was told once it was told the news of this brief."""
        new = marks(brief) - self._marks()
        if not new and self.tellings and self.tellings[-1].generation == brief.generation:
            return self
        return Told([*self.tellings, Telling(brief.generation, when, new)])

    def resumed(self) -> "Told":
        """The same as a session begins that goes on: what it was told asynchronously was told before that."""
        return Told(
            [Telling(one.generation, min(one.when, _RESUMED_SINCE), one.marks) for one in self.tellings]
        )

    def arrived(self, is_there: "Callable[[str], bool]", before: int) -> "Told":
        """Without what was told asynchronously before that time, and of which `is_there` knows no generation."""
        kept = [one for one in self.tellings if not 0 < one.when < before or is_there(one.generation)]
        return Told(kept)

    def _marks(self) -> set[str]:
        return {mark for telling in self.tellings for mark in telling.marks}


def told_file(home: str, session_id: str) -> str:
    """Where it is noted what a session was told."""
    return os.path.join(shown_folder(home), session_id)


def read_told(path: str) -> Told:
    """What is noted; nothing where there is no file, and without lines that are damaged."""
    tellings = []
    for line in read_small(path).decode("ascii", "replace").split("\n"):
        generation, _, rest = line.partition(" ")
        when, _, marks = rest.partition(" ")
        if when.isdigit():
            tellings.append(Telling(generation, int(when), set(marks.split())))
    return Told(tellings)


def write_told(path: str, told: Told) -> None:
    """Note what a session was told."""
    lines = (" ".join([one.generation, str(one.when), *sorted(one.marks)]) for one in told.tellings)
    write_small(path, "\n".join(lines).encode())


def output(text: str) -> str:
    """What the agent takes as context: its JSON around a text; "" for none."""
    return f"{_OUTPUT}{quoted(text)}}}}}" if text else ""
