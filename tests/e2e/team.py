"""Two people's machines and the store that they share."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.claude import Claude, calls, told
from tests.e2e.places import checkout_in, without_workers
from tests.rlm.servers.messages import MessagesServer
from tests.rlm.servers.models import Call, Reply

DECISION = "Alert state is kept in the table alert_state, because a restart must not send every alert again."
LATER = "Gauges are asked every two minutes, because the harbour's line drops at shorter intervals."
_STEPS = 60


@dataclass(frozen=True)
class Team:
    """Ann, whose sessions are uploaded and compiled, and Ben, who opens later; and their store, a folder."""

    ann: Claude
    ben: Claude
    store: Path

    def decide(self, decision: str = DECISION) -> str:
        """Ann works until a decision stands, and closes; her session's id."""
        self.ann.models.reply = lambda call: f"Decision: {decision}"
        self.ann.run("-p", "Decide it, and say why.")
        return self.ann.transcripts()[-1].stem

    def open(self, decision: str = DECISION) -> list[str]:
        """Ben opens and works, in steps of half a second, until his model reads a decision or he gives up; what each
        request of his model says."""
        before = len(self.ben.sent())

        def work(call: Call) -> Reply:
            number = len(self.ben.sent()) - before
            if cited(told(call.received.body), decision) or number >= _STEPS:
                return "That is all."
            return calls("Bash", {"command": "sleep 0.5"}, number)

        self.ben.models.reply = work
        self.ben.run("-p", "Where is alert state kept?", "--allowedTools", "Bash")
        return [told(body) for body in self.ben.sent()[before:] if body.get("tools")]


@contextmanager
def two_homes(program: str, folder: Path) -> Iterator[Team]:
    """A team whose members have set nothing up but the store and that this project is shared.

    Workers work on Ann's machine only; what Ben's session would upload is not looked at.
    """
    store = folder / "team-store"
    with ExitStack() as stack:
        ann, ben = (
            _member(program, folder / name, store, stack.enter_context(MessagesServer()))
            for name in ("ann", "ben")
        )
        stack.enter_context(without_workers(ben.ours))
        yield Team(ann, ben, store)


def cited(text: str, decision: str = DECISION) -> str:
    """The digits of the session that a decision is cited from in a text; "" where it is not told."""
    found = re.search(re.escape(decision) + r"[^\n]*?\[s:(\w+)#\d+\]", text)
    return found[1] if found else ""


def _member(program: str, home: Path, store: Path, models: MessagesServer) -> Claude:
    home.mkdir()
    settings = {
        "RLM_CONTEXT_HOME": str(home / "rlm-context"),
        "RLM_CONTEXT_STORE": str(store),
        "RLM_CONTEXT_AUTHOR": home.name,
    }
    member = Claude(program, home, checkout_in(home), models, Path(sys.executable).parent, settings)
    shared = member.rlm("share", ".")
    assert shared.returncode == 0, shared.stderr
    return member
