"""Two people's machines and the store that they share."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.claude import Claude, told
from tests.e2e.places import checkout_in, with_workers, without_workers
from tests.rlm.servers.messages import MessagesServer

DECISION = "Alert state is kept in the table alert_state, because a restart must not send every alert again."
_CITED = re.compile(re.escape(DECISION) + r"[^\n]*?\[s:(\w+)#\d+\]")


@dataclass(frozen=True)
class Team:
    """Ann, whose sessions are uploaded and compiled, and Ben, who opens later; and their store, a folder."""

    ann: Claude
    ben: Claude
    store: Path

    def decide(self) -> str:
        """Ann works until a decision stands, and closes; her session's id."""
        self.ann.models.reply = lambda call: f"Decision: {DECISION}"
        self.ann.run("-p", "Decide where alert state is kept, and say why.")
        return self.ann.transcripts()[-1].stem


@contextmanager
def two_homes(program: str, folder: Path) -> Iterator[Team]:
    """A team whose members have set nothing up but the store and that this project is shared.

    Workers work on Ann's machine only: what Ben's session would upload is not looked at.
    """
    store = folder / "team-store"
    with ExitStack() as stack:
        ann, ben = (
            _member(program, folder / name, store, stack.enter_context(MessagesServer()))
            for name in ("ann", "ben")
        )
        stack.enter_context(with_workers(ann.ours))
        stack.enter_context(without_workers(ben.ours))
        yield Team(ann, ben, store)


def read_by(member: Claude) -> list[str]:
    """What each request of a member's model said, without what asks for a title and the like."""
    return [told(body) for body in member.sent() if body.get("tools")]


def cited(text: str) -> str:
    """The digits of the session that the decision is cited from in a text; "" where it is not told."""
    found = _CITED.search(text)
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
