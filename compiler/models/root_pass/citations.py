"""What the root pass may cite: which records exist, when they were made, and what is said there."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice

from compiler.citations import parse
from compiler.extractive.words import terms
from compiler.models import guard
from compiler.models.evidence import Evidence, Record
from compiler.sessions import Sessions
from data_models.errors import DamagedError, KeyMissingError, NotFoundError
from data_models.events import Event
from data_models.knowledge import Citation, Node, Statement

_MOST_CITES = 8
_MOST_TRIED = 32
"""Texts of one line that are looked up: a model may write any number."""
_AROUND = 20
"""Events before and after a cited one that show what tools brought up there."""


class Citable:
    """Resolves citations that a model wrote, and knows what stands behind them.

    What the nodes cite was verified when they were made. Anything else is looked up in its session's events.

    Args:
        nodes: the month rollups.
        sessions: every session of the project.

    Attributes:
        unreadable: sessions whose events are damaged or missing: what only they could show does not count.
    """

    def __init__(self, nodes: Iterable[Node], sessions: Sessions) -> None:
        self._sessions = sessions
        self.unreadable: set[str] = set()
        self._ids = {digits: session_id for session_id, digits in sessions.short.items()}
        self._times: dict[Citation, int] = {}
        self._statements: dict[Citation, list[Statement]] = defaultdict(list)
        for node in nodes:
            for cited, time in _cited(node):
                if cited.session_id in sessions.by_id:
                    self._times[cited] = max(time, self._times.get(cited, 0))
            for one in node.statements:
                for cited in one.citations:
                    self._statements[cited].append(one)

    def read(self, written: Iterable[object]) -> tuple[tuple[Citation, ...], list[str]]:
        """Citations as a model writes them: texts that hold `[s:digits#seq]`, or what stands inside of that.

        Returns:
            Those that resolve, each once, and those that do not, as they were written.
        """
        found: dict[Citation, None] = {}
        wrong: list[str] = []
        for text in map(str, islice(written, _MOST_TRIED)):
            pairs = parse(text) or parse(f"[s:{text.strip(' []').removeprefix('s:')}]")
            wrong += [] if pairs else [text[:40]]
            for digits, seq in pairs[:_MOST_CITES]:
                citation = self._find(digits, seq)
                if citation:
                    found[citation] = None
                else:
                    wrong.append(f"[s:{digits}#{seq}]"[:80])
        return tuple(found)[:_MOST_CITES], wrong

    def time(self, citations: Iterable[Citation]) -> int:
        """When the newest of these records was made, in Unix milliseconds; 0 where it is not known."""
        return max((self._time(citation) for citation in citations), default=0)

    def statement(self, citation: Citation) -> Statement | None:
        """The statement that stands at a record: the heaviest whose first citation it is."""
        first = [one for one in self._statements.get(citation, ()) if one.citations[0] == citation]
        return max(first, key=lambda one: (one.weight, one.time, one.text), default=None)

    def fault(self, text: str, citations: Sequence[Citation]) -> guard.Fault:
        """Why a line may not be kept for what it says; "" where it may.

        What the nodes say is asked first. Only where that does not bear the line out, the records are read.
        """
        statements = [one for cited in citations for one in self._statements.get(cited, ())]
        said = Evidence.of_statements(statements)
        if statements and not guard.fault(text, said, told=True):
            return ""
        records = {cited: self._record(cited) for cited in citations}
        told = [record.evidence([cited.seq]) for cited, record in records.items()]
        people, agents = [one.people for one in told], [one.agents for one in told]
        evidence = Evidence([said.people, *people], [said.agents, *agents], _Records(list(records.values())))
        return guard.fault(text, evidence, told=True)

    def events(self, session_id: str) -> Sequence[Event]:
        """All events of a session; none where its file is damaged, which is noted."""
        try:
            return self._sessions.events(session_id)
        except (DamagedError, KeyMissingError):
            self.unreadable.add(session_id)
            return ()

    def _find(self, digits: str, seq: str) -> Citation | None:
        try:
            session_id = self._ids.get(digits) or self._sessions.find(digits).session_id
        except NotFoundError:
            return None
        citation = Citation(session_id, seq)
        return citation if citation in self._times or self._at(citation) else None

    def _time(self, citation: Citation) -> int:
        if citation not in self._times:
            self._times[citation] = max((event.time or 0 for event in self._at(citation)), default=0)
        return self._times[citation]

    def _record(self, citation: Citation) -> Record:
        """A record and those around it."""
        events = self.events(citation.session_id)
        at = [position for position, event in enumerate(events) if event.ref == citation.seq]
        return Record(events[max(at[0] - _AROUND, 0) : at[-1] + _AROUND + 1] if at else ())

    def _at(self, citation: Citation) -> list[Event]:
        return [event for event in self.events(citation.session_id) if event.ref == citation.seq]


class _Records:
    """What stands around several cited events."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def strange(self, wanted: frozenset[str]) -> frozenset[str]:
        """See `Around.strange`."""
        return frozenset().union(*(record.strange(wanted) for record in self._records)) - self._spoken

    def brought_by_tools(self, name: str) -> bool:
        """See `Around.brought_by_tools`."""
        return any(record.brought_by_tools(name) for record in self._records)

    @cached_property
    def _spoken(self) -> frozenset[str]:
        return terms("\n".join(record.whole.spoken for record in self._records))


def _cited(node: Node) -> Iterator[tuple[Citation, int]]:
    """Each citation in a node, with the time of what it stands for."""
    for statement in node.statements:
        yield from ((cited, statement.time) for cited in statement.citations)
    for stat in node.files:
        yield from ((cited, stat.last) for cited in stat.citations)
    for commit in node.commits:
        yield commit.citation, commit.time
