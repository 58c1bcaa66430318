"""What a compile would send to models, before anything is sent or written: calls, tokens and dollars by step.

The map is counted with the very requests that it would send, less those whose answers are in memo. What comes after
depends on what models answer, so its sizes are typical ones, the constants below. A token is four UTF-8 bytes of a
prompt, and all input is priced as if no provider cached any of it: the dollars are rather too many than too few.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from hashlib import sha256

from compiler.account import REPLY
from compiler.buckets import Spec, plan_tree
from compiler.chunk import chunk_session
from compiler.costs import model_of, models_asked
from compiler.foreseen import Foreseen
from compiler.memoised import recall
from compiler.models import chunks, prompts
from compiler.models.root_pass import prompt as root_prompt
from compiler.models.root_pass.rlm import BUDGET
from compiler.pending import Pending
from compiler.plan import versions
from compiler.runtime import Runtime
from compiler.work import NODE
from data_models.knowledge import Chunk, Node
from data_models.records import CatalogEntry
from rlm.clients.protocol import Completion, Request
from rlm.clients.usage import Usage
from rlm.prices import price_of
from rlm.prompt import SHOWN
from store.batches import open_batches
from store.generations import heads

_PER_CHUNK = 12
"""Statements that a chunk summary has."""
_PER_DIGEST, _PER_ROLLUP = 40, 150
"""Statements that a digest or a rollup has at most."""
_STATEMENT = 50
"""Tokens of a statement in a request."""
_MAP_ANSWER, _JOIN_ANSWER, _REDUCE_ANSWER = 900, 900, 2_500
"""Tokens that models write: a chunk summary, a digest or rollup, the compiled context in one answer."""
_RUN_BEGINS, _TURN_ANSWER = 4_000, 800
"""Tokens of a recursive run's first request, and of the code that a turn writes."""
_SUB_ASKED, _SUB_ANSWER = 6_000, 500
"""Tokens of a sub-call and of its answer."""
_REDUCE_LINES = 150
"""Lines among which the plain reduce chooses."""


def estimate(runtime: Runtime, sessions: Iterable[Pending], *, full: bool = False) -> list[Foreseen]:
    """What a compile of these sessions would send.

    Args:
        runtime: the process's runtime.
        sessions: those that it would work on; read one after the other.
        full: whether it would make everything anew.

    Returns:
        The steps in their order; none with the backend `extractive`.
    """
    models = models_asked(runtime.settings)
    if not models:
        return []
    mapped = _Map(runtime, Foreseen(step="map", model=models["map"]), full)
    for session in sessions:
        mapped.read(session)
    digests = Foreseen(step="digests", model=models["tree"])
    rollups = Foreseen(step="rollups", model=models["tree"])
    for project, entries in mapped.entries.items():
        _Tree(runtime, project, entries, digests, rollups, full).count()
    steps = [mapped.step, digests, rollups, *_root(models, len(mapped.entries))]
    prices = runtime.account().prices
    for step in steps:
        price = price_of(model_of(step.model), prices)
        used = Usage(input_tokens=step.input_tokens, output_tokens=step.output_tokens)
        step.usd = price.cost(used) if price else None
    return steps


class _Map:
    """Counts the map's requests, and keeps of each session what the tree has to know."""

    def __init__(self, runtime: Runtime, step: Foreseen, full: bool) -> None:
        self._runtime = runtime
        self._full = full
        self._held: dict[str, Set[str]] = {}
        self._model = model_of(step.model)
        self._asked: set[str] = set()
        self.step = step
        self.entries: dict[str, list[CatalogEntry]] = defaultdict(list)

    def read(self, session: Pending) -> None:
        """Count one session's chunks."""
        receipt = session.receipt
        cut = chunk_session(receipt.session_id, session.events, self._runtime.settings.chunk_tokens)
        for chunk in cut:
            for request in chunks.requests(self._model, chunk):
                self._count(request, self._handed_over(receipt.project))
        self.entries[receipt.project].append(_outline(session, cut))

    def _handed_over(self, project: str) -> Set[str]:
        """The calls of a project that a provider works on. Who wants everything anew waits for none of them: a batch is
        cancelled then, and what it had not answered is asked."""
        if project not in self._held:
            found = [] if self._full else open_batches(self._runtime.store, project)[0]
            records = [batch.record for batch in found if batch.record.model == self.step.model]
            self._held[project] = {
                digest for record in records for digests in record.uploads.values() for digest in digests
            }
        return self._held[project]

    def _count(self, request: Request, handed_over: Set[str]) -> None:
        digest = request.digest(self._model)
        known = recall(self._runtime.memo, REPLY, digest, Completion) is not None
        if known or digest in self._asked:
            self.step.cached += 1
        elif digest in handed_over:
            self.step.batched += 1
        else:
            self.step.add(request.size // 4, _MAP_ANSWER)
        self._asked.add(digest)


def _outline(session: Pending, cut: Sequence[Chunk]) -> CatalogEntry:
    """The entry that a session will have, as far as the shape of the tree depends on it."""
    receipt = session.receipt
    times = [event.time for event in session.events if event.time is not None]
    owner = f"{receipt.author}\0{receipt.session_id}"
    return CatalogEntry(
        receipt="",
        session_id=receipt.session_id,
        agent=receipt.agent,
        author=receipt.author,
        title="",
        branch=receipt.branch,
        started=min(times, default=receipt.event_ms),
        ended=max(times, default=receipt.event_ms),
        events=len(session.events),
        prompts=0,
        slim=receipt.slim,
        parquet=receipt.slim,
        chunks=tuple(chunk.id for chunk in cut),
        digest=sha256(owner.encode("utf-8", "surrogatepass")).hexdigest(),
    )


class _Tree:
    """Counts the nodes that a project's tree lacks, from the top as `compiler.tree` makes them."""

    def __init__(
        self,
        runtime: Runtime,
        project: str,
        new: Sequence[CatalogEntry],
        digests: Foreseen,
        rollups: Foreseen,
        full: bool,
    ) -> None:
        self._runtime = runtime
        self._full = full
        self._digests = digests
        self._rollups = rollups
        self._statements: dict[str, int] = {}
        known = _catalog(runtime, project)
        self._entries = {**known, **{(one.author, one.session_id): _same(one, known) for one in new}}

    def count(self) -> None:
        """Add the calls to the steps."""
        specs, months = plan_tree(self._runtime.backend.tree_id, self._entries.values())
        for month in months:
            self._look(specs, month)

    def _look(self, specs: Mapping[str, Spec], node_id: str) -> int:
        """How many statements a node has, at most; counted where it has to be made."""
        if node_id not in self._statements:
            self._statements[node_id] = self._looked(specs, node_id)
        return self._statements[node_id]

    def _looked(self, specs: Mapping[str, Spec], node_id: str) -> int:
        spec = specs[node_id]
        known = recall(self._runtime.memo, NODE, node_id, Node)
        if known is not None and not self._full:
            return len(known.statements)
        paid = known is not None and not known.degraded
        if spec.entry is None:
            below = sum(self._look(specs, child) for child in spec.children)
            _join(self._rollups, prompts.ROLLUP, min(below, _PER_ROLLUP), paid)
            return min(below, _PER_ROLLUP)
        below = _PER_CHUNK * len(spec.entry.chunks)
        if len(spec.entry.chunks) > 1:  # what one chunk says is what the session says
            _join(self._digests, prompts.DIGEST, below, paid)
        return min(below, _PER_DIGEST)


def _join(step: Foreseen, system: str, statements: int, paid: bool) -> None:
    if paid:
        step.cached += 1
    else:
        step.add(len(system) // 4 + _STATEMENT * statements, _JOIN_ANSWER)


def _catalog(runtime: Runtime, project: str) -> Mapping[tuple[str, str], CatalogEntry]:
    """The sessions that the compile would build on; none where another version made them."""
    parents = heads(runtime.store, project)
    if not parents or parents[0].manifest.versions != versions(runtime):
        return {}
    return runtime.catalog([parents[0].manifest])


def _same(entry: CatalogEntry, known: Mapping[tuple[str, str], CatalogEntry]) -> CatalogEntry:
    """The entry that is there already, where the session says nothing new: then its node is there too."""
    found = known.get((entry.author, entry.session_id))
    return found if found and found.chunks == entry.chunks else entry


def _root(models: Mapping[str, str], projects: int) -> list[Foreseen]:
    """The root passes: one for each project with something new."""
    if "sub" not in models:
        reduce = Foreseen(step="root", model=models["root"])
        asked = len(root_prompt.REDUCE) // 4 + _STATEMENT * _REDUCE_LINES
        reduce.add(asked * projects, _REDUCE_ANSWER * projects, projects)
        return [reduce]
    turns, calls = BUDGET.iterations, BUDGET.calls
    root = Foreseen(step="root", model=models["root"], at_most=True)
    # Each turn reads all that came before it: what the earlier ones wrote, and what they were shown.
    read = turns * _RUN_BEGINS + (_TURN_ANSWER + SHOWN // 4) * turns * (turns - 1) // 2
    root.add(read * projects, turns * _TURN_ANSWER * projects, turns * projects)
    sub = Foreseen(step="sub-calls", model=models["sub"], at_most=True)
    sub.add(calls * _SUB_ASKED * projects, calls * _SUB_ANSWER * projects, calls * projects)
    return [root, sub]
