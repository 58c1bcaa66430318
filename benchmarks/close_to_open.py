"""From one person's closed session to the next person's request, with the real Claude Code.

    RLM_CONTEXT_TEST_CLAUDE=PATH python -m benchmarks.close_to_open [--runs 5]

Two homes, one store in a folder, the plugin in both; models are a server on this machine that answers at once. Ann's
session decides something and ends; time runs from the end of her program to Ben's first request that holds the
decision with its citation. Ben, on a machine that has nothing of the project yet, opens as soon as the new generation
is published, and works in steps of half a second. Once where Ann's home has no Prefect server yet, and once where one
runs. Then what it costs Ben: from the start of his program to its first request, with nothing of ours, with hooks in
his settings, and with the plugin, by turns. `claude -p` waits for the server of the plugin's tools; in a terminal it
starts while the person types.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.local_server import local_server, wait_until_healthy
from tests.e2e.claude import MARKETPLACE, Claude, told
from tests.e2e.places import held, log_of, until_done, uploads
from tests.e2e.team import Team, cited, two_homes
from tests.rlm.servers.messages import MESSAGES
from tests.rlm.servers.web import Received

_PATIENCE = 120.0


def until(look: Callable[[], object], log: Path) -> float:
    """The time at which `look` gives something."""
    deadline = time.monotonic() + _PATIENCE
    while not look():
        if time.monotonic() > deadline:
            sys.exit(f"it never came to it: {log_of(log)}")
        time.sleep(0.02)
    return time.monotonic()


def from_close_to_open(team: Team) -> list[tuple[str, float]]:
    """What happened after Ann's program had ended, and how many seconds after."""
    session = team.decide()
    closed = time.monotonic()
    uploaded = until(lambda: session in uploads(team.store), team.ann.ours)
    published = until(lambda: ("ann", session) in held(team.store), team.ann.ours)
    before = len(team.ben.models.received)
    team.open()
    requests = asked(team.ben, before)
    told_in = next((each for each in requests if cited(told(each.body))), None)
    if told_in is None:
        sys.exit("no request of Ben's holds the decision")
    steps = {
        "uploaded": uploaded,
        "published": published,
        "Ben's first request": requests[0].at,
        f"in Ben's request {requests.index(told_in) + 1}": told_in.at,
    }
    return [(name, at - closed) for name, at in steps.items()]


def asked(member: Claude, before: int) -> list[Received]:
    """The requests of a member's model after so many, without those for a title and the like."""
    later = member.models.received[before:]
    return [each for each in later if each.path == MESSAGES and each.body.get("tools")]


def seconds_to_request(member: Claude) -> float:
    """From the start of a new session's program to its first request."""
    member.models.reply = lambda call: "In the database."
    before = len(member.models.received)
    began = time.monotonic()
    member.run("-p", "Where is alert state kept?")
    return asked(member, before)[0].at - began


def compared(ben: Claude, runs: int) -> dict[str, list[float]]:
    """Seconds to Ben's first request, by turns; the plugin is there and on when this begins and ends."""
    taken: dict[str, list[float]] = {"with nothing": [], "with hooks": [], "with the plugin": []}
    for _ in range(runs):
        ben.run("plugin", "disable", MARKETPLACE)
        taken["with nothing"].append(seconds_to_request(ben))
        ben.rlm("install", "claude-code")
        taken["with hooks"].append(seconds_to_request(ben))
        ben.rlm("uninstall", "claude-code")
        ben.run("plugin", "enable", MARKETPLACE)
        taken["with the plugin"].append(seconds_to_request(ben))
    return taken


def show(title: str, steps: list[tuple[str, float]]) -> None:
    """A row for each step."""
    print(f"\n{title}: seconds after Ann's program had ended")
    for name, seconds in steps:
        print(f"  {name:<20} {seconds:6.2f}")


def measure(program: str, folder: Path, runs: int) -> None:
    """All of it, each way from a session to the next one in a team of its own."""
    with plugged_in(program, folder / "cold") as team:
        show("no Prefect server in Ann's home", from_close_to_open(team))
        until_done(team.ann.ours)
    with plugged_in(program, folder / "warm") as team:
        with local_server(team.ann.ours, linger=1) as server:
            wait_until_healthy(team.ann.ours, server)
            show("a Prefect server in Ann's home", from_close_to_open(team))
            until_done(team.ann.ours)
        print("\nseconds from the start of Ben's program to its first request")
        for name, row in compared(team.ben, runs).items():
            print(f"  {name:<20} median {statistics.median(row):5.2f}   least {min(row):5.2f}")


@contextmanager
def plugged_in(program: str, folder: Path) -> Iterator[Team]:
    """A team that uses the plugin."""
    folder.mkdir()
    with two_homes(program, folder) as team:
        for member in (team.ann, team.ben):
            member.install_plugin()
        yield team


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    program = os.environ.get("RLM_CONTEXT_TEST_CLAUDE") or shutil.which("claude")
    if not program:
        sys.exit("no Claude Code: npm install -g @anthropic-ai/claude-code, or RLM_CONTEXT_TEST_CLAUDE=PATH")
    for name in [name for name in os.environ if name.startswith(("RLM_CONTEXT_", "PREFECT_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        measure(program, Path(folder), arguments.runs)


if __name__ == "__main__":
    main()
