"""What one person's session decided stands before the next person's model, with its citation."""

import json
from pathlib import Path

import pytest

from tests.e2e.claude import Claude, briefs, statements
from tests.e2e.places import held, log_of, until_done, uploads, with_workers
from tests.e2e.team import LATER, cited, two_homes

pytestmark = pytest.mark.timeout(300)

_WEEK_MS = 7 * 86_400_000


@pytest.mark.parametrize("way", ["plugin", "install"])
def test_a_decision_reaches_the_teammate(program: str, home: Path, way: str) -> None:
    """Ann works and closes: SessionEnd fires, the spool drains, a generation appears. Ben opens on a new machine, and
    while he works a request holds the brief with her decision and a citation of her session. He opens again with a copy
    that is a week old: that is what he starts with, and what she decided since reaches him alone, once."""
    with two_homes(program, home) as team, with_workers(team.ann.ours):
        for member in (team.ann, team.ben):
            member.install_plugin() if way == "plugin" else member.install_hooks()
        first = team.decide()
        until_done(team.ann.ours)
        assert uploads(team.store) == [first], log_of(team.ann.ours)
        assert list(held(team.store)) == [("ann", first)]
        assert not list((team.ann.ours / "spool" / "pending").glob("*"))
        [whole] = briefs(team.open()[-1])
        assert cited(whole) == first[-8:], whole
        second = team.decide(LATER)
        until_done(team.ann.ours)
        put_back(team.ben)
        known, new = briefs(team.open(LATER)[-1])
        assert "published 7 days ago" in known
        assert cited(known) == first[-8:]
        assert not cited(known, LATER)
        assert cited(new, LATER) == second[-8:], new
        assert not statements(known) & statements(new)


def put_back(member: Claude) -> None:
    """Date a member's copy of the brief a week back."""
    [path] = (member.ours / "cache" / "projects").glob("*/brief.json")
    brief = json.loads(path.read_text())
    path.write_text(json.dumps(brief | {"created": brief["created"] - _WEEK_MS}))
