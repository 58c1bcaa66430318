"""Collections of garbage that wait for a busy connection of SQLite hold nobody else up."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.helpers import PATIENT, ROOT

WORK = """
import gc, sqlite3, sys, threading

if sys.argv[2] == "aside":
    from flows import server_process
    server_process._COLLECT_SECONDS = 0.01
    server_process.collect_aside()

holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("pragma journal_mode = wal")
holder.execute("create table t (n)")
holder.execute("insert into t values (1), (2)")
holder.execute("begin immediate")

waiter = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False, timeout=0)
waits = threading.Event()
waiter.set_trace_callback(lambda statement: waits.set())

class Ring:
    def __init__(self):
        self.me, self.cursor = self, waiter.cursor()
        try:
            self.cursor.execute("insert into t values (3)")
        except sqlite3.OperationalError:
            waiter.execute("pragma busy_timeout = 5000")

def write():
    try:
        waiter.execute("begin immediate")
        print("written")
    except sqlite3.OperationalError as error:
        print(error)

ring = Ring()
waits.clear()
thread = threading.Thread(target=write)
thread.start()
waits.wait()
del ring
for _ in range(100_000):  # what a server does for its requests, and what the interpreter collects after
    one = []
    one.append(one)
holder.execute("commit")
thread.join()
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a statement that failed is not left with its cursor")
@pytest.mark.parametrize(("where", "came"), [("aside", "written"), ("here", "database is locked")])
def test_who_holds_the_lock_can_let_go(where: str, came: str, tmp_path: Path) -> None:
    """One thread holds the database's lock, another waits for it, and a cursor of the latter is garbage: the first goes
    on and lets go. With collections in the first thread it would have waited for the second, until that gave up."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", WORK, str(tmp_path / "some.db"), where],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENT,
    )
    assert done.stdout.strip() == came, done.stderr
