"""Twenty sessions that end in the same second: all are kept, and few compiles are made of them.

The hook's program is run as the agent runs it: twenty agents at once would say more about the machine.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_context.hooks import __main__ as hooks_program
from store.registry import open_store
from tests.e2e.places import checkout_in, held, log_of, until_done, uploads, with_workers
from tests.hooks.helpers import event, session_id, transcript

pytestmark = pytest.mark.timeout(300)

_SESSIONS = 20
_HOOK = [sys.executable, "-I", "-S", str(Path(hooks_program.__file__)), "session-end"]


def test_twenty_sessions_end_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty receipts, at most three compiles, all twenty in the newest generation, and nothing is left waiting."""
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "someone")
    ours, checkout = home / "rlm-context", checkout_in(home)
    sessions = [session_id(number) for number in range(_SESSIONS)]
    events = [_ended(home, number, checkout) for number in range(_SESSIONS)]
    with with_workers(ours):
        hooks = [_started(ended) for ended in events]
        told = [hook.communicate(timeout=60)[1] for hook in hooks]
        assert [hook.returncode for hook in hooks] == [0] * _SESSIONS
        assert set(told) == {b""}
        until_done(ours)
    store = ours / "store"
    assert uploads(store) == sessions, log_of(ours)
    assert sorted(session for _, session in held(store)) == sessions
    assert 1 <= len(list(open_store(str(store)).keys("runs"))) <= 3
    assert not list((ours / "spool" / "pending").glob("*"))


def _ended(home: Path, number: int, checkout: Path) -> Path:
    """A session of this machine; a file of what the agent says at its end."""
    told = transcript(home, number, checkout).with_suffix(".told")
    told.write_text(json.dumps(event(number, checkout, home, reason="other")))
    return told


def _started(ended: Path) -> subprocess.Popen[bytes]:
    """The hook, with all that it reads there: it waits for nobody."""
    with ended.open("rb") as told:
        return subprocess.Popen(_HOOK, stdin=told, stderr=subprocess.PIPE)
