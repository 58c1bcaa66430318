"""Who said what, in the events that a statement rests on: people in their own words, agents, or tools and pages.

A statement is believed as far as people and agents said it. What only tool output, files, web pages or pasted logs
show is known from hearsay of strangers.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Literal, Protocol

from compiler.extractive.text import looks_pasted
from compiler.extractive.words import terms
from data_models.events import Event
from data_models.knowledge import Statement

Speaker = Literal["human", "assistant", "tool"]

_SPOKEN = 1 / 3
"""Part of a statement's terms from which its speaker's words are taken to say it."""
_SPOKEN_NEARBY = 0.6
"""The same of what all in the record said: who approves with a word is cited for what another proposed."""
_STRANGE = 0.3
"""Part of a statement's terms that only tools showed, from which it is theirs."""

_TYPED = 500
"""Characters of one line that a person may have typed; what is longer, or has several lines, may be pasted."""
_FENCE = re.compile(r"^\s*(?:```|~~~)")
_URL_ONLY = re.compile(r"^\s*<?https?://\S+\s*$")
# The host's own records of facts: a link to a pull request, what a conversation was about before it was compacted.
_HOST_FACTS = frozenset({"pr_link", "summary", "title"})


class Around(Protocol):
    """What stands around the events of a statement."""

    def strange(self, wanted: frozenset[str]) -> frozenset[str]:
        """Those of these terms that tools showed, and that neither people nor agents ever used."""
        ...

    def brought_by_tools(self, name: str) -> bool:
        """Whether a name came up in what tools showed, and no person named it and no agent acted on it."""
        ...


class Evidence:
    """What the events or statements under a text say, by speaker.

    Args:
        people: what people said in their own words.
        agents: what agents said and did.
        around: what stands around them, None where that is unknown.
        nearby: gives the terms of all that people and agents said around them.
    """

    def __init__(
        self,
        people: Iterable[str] = (),
        agents: Iterable[str] = (),
        around: Around | None = None,
        nearby: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self.people = "\n".join(people)
        self.agents = "\n".join(agents)
        self._around = around
        self._nearby = nearby

    @classmethod
    def of_statements(cls, statements: Iterable[Statement]) -> "Evidence":
        """What checked statements say, for a sentence that is made of them.

        Those that structure tells (by "tool") were put together from what was said, or from files of the project.
        """
        given = tuple(statements)
        people = [one.text for one in given if one.by == "human"]
        return cls(people, [one.text for one in given if one.by != "human"])

    @property
    def spoken(self) -> str:
        """What people and agents said."""
        return f"{self.people}\n{self.agents}"

    def speaker(self, text: str) -> Speaker:
        """Whose words a sentence is made of: people's, else agents', else those of tools, or nobody's."""
        wanted = terms(text)
        if not wanted:
            return "human" if self.people else "assistant"
        if self._around and len(self._around.strange(wanted)) >= _STRANGE * len(wanted):
            return "tool"
        if _share(wanted, self._people_terms) >= _SPOKEN:
            return "human"
        if _share(wanted, self._spoken_terms) >= _SPOKEN:
            return "assistant"
        spoken = self.spoken.strip() and _share(wanted, self._nearby()) >= _SPOKEN_NEARBY
        return "assistant" if spoken else "tool"

    def names(self, name: str) -> bool:
        """Whether people or agents named something, and not only because a tool had shown it."""
        if name.lower() not in self.spoken.lower():
            return False
        return self._around is None or not self._around.brought_by_tools(name)

    @cached_property
    def _people_terms(self) -> frozenset[str]:
        return terms(self.people)

    @cached_property
    def _spoken_terms(self) -> frozenset[str]:
        return self._people_terms | terms(self.agents)


class Record:
    """The events of a chunk, or those that an answer cites, as evidence.

    Args:
        events: in order.
        known: addresses that the record itself shows as made here.
    """

    def __init__(self, events: Sequence[Event], known: Iterable[str] = ()) -> None:
        self.events = events
        self._known = tuple(known)
        self._by_ref: dict[str, list[Event]] = {}
        for event in events:
            self._by_ref.setdefault(event.ref, []).append(event)

    def __contains__(self, ref: str) -> bool:
        return ref in self._by_ref

    def at(self, refs: Iterable[str]) -> list[Event]:
        """The events with these refs."""
        return [event for ref in dict.fromkeys(refs) for event in self._by_ref.get(ref, ())]

    def evidence(self, refs: Iterable[str]) -> Evidence:
        """What the events with these refs say, and the calls whose results are among them."""
        people: list[str] = []
        agents: list[str] = [*self._known]
        for event in self.at(refs):
            if event.role == "human":
                people.append(_own(event.text))
            elif _is_agents(event):
                agents.append(event.text)
            elif event.tool_use_id in self._calls:
                agents.append(self._calls[event.tool_use_id].text)
        return Evidence(people, agents, self, lambda: self._spoken_terms)

    @cached_property
    def whole(self) -> Evidence:
        """What all events say."""
        return self.evidence(self._by_ref)

    def strange(self, wanted: frozenset[str]) -> frozenset[str]:
        """See `Around.strange`."""
        unsaid = wanted - self._spoken_terms
        # What tools showed is long: it is looked into only where that can matter.
        return unsaid & self._shown_terms if len(unsaid) >= _STRANGE * len(wanted) else frozenset()

    def brought_by_tools(self, name: str) -> bool:
        """See `Around.brought_by_tools`."""
        wanted = name.lower()
        if any(wanted in known.lower() for known in self._known):
            return False
        shown = said = False
        for event in self.events:
            if event.role == "human" and wanted in _own(event.text).lower():
                return False
            if _is_agents(event) and wanted in event.text.lower():
                if event.kind == "tool_use":
                    return False
                said = said or not shown
            shown = shown or wanted in _shown(event).lower()
        return shown and not said

    @cached_property
    def _spoken_terms(self) -> frozenset[str]:
        return terms(self.whole.spoken)

    @cached_property
    def _shown_terms(self) -> frozenset[str]:
        return terms("\n".join(map(_shown, self.events)))

    @cached_property
    def _calls(self) -> Mapping[str | None, Event]:
        return {one.tool_use_id: one for one in self.events if one.kind == "tool_use" and one.tool_use_id}


def _share(wanted: Collection[str], said: Collection[str]) -> float:
    return len([term for term in wanted if term in said]) / len(wanted)


def _is_agents(event: Event) -> bool:
    return event.role == "assistant" or event.kind in _HOST_FACTS


def _shown(event: Event) -> str:
    """What an event shows of others' texts."""
    if _is_agents(event):
        return ""
    return _pasted(event.text) if event.role == "human" else event.text


def _own(text: str) -> str:
    """What a person typed: a short line, or a longer text without code blocks and what looks pasted."""
    return text if _is_typed(text) else "\n".join(line for line, pasted in _lines(text) if not pasted)


def _pasted(text: str) -> str:
    return "" if _is_typed(text) else "\n".join(line for line, pasted in _lines(text) if pasted)


def _is_typed(text: str) -> bool:
    return len(text) <= _TYPED and "\n" not in text.strip()


def _lines(text: str) -> Iterable[tuple[str, bool]]:
    """Each line, and whether it is pasted: in a code block, quoted, or in a paragraph from where that looks like a
    log, code or a diff."""
    fenced = pasted = False
    for line in text.split("\n"):
        mark = bool(_FENCE.match(line))
        fenced ^= mark
        pasted = bool(line.strip()) and (pasted or (looks_pasted(line) and not _URL_ONLY.match(line)))
        yield line, mark or fenced or pasted or line.lstrip().startswith(">")
