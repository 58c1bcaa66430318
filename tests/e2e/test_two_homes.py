"""What one person's session decided stands before the next person's model, with its citation."""

from pathlib import Path

import pytest

from tests.e2e.places import held, log_of, until_done, uploads
from tests.e2e.team import cited, read_by, two_homes


@pytest.mark.parametrize("way", ["plugin", "install"])
def test_a_decision_reaches_the_teammate(program: str, home: Path, way: str) -> None:
    """Ann works and closes: SessionEnd fires, the spool drains, a generation appears. Ben opens, and his first
    request holds her decision with a citation of her session."""
    with two_homes(program, home) as team:
        for member in (team.ann, team.ben):
            member.install_plugin() if way == "plugin" else member.install_hooks()
        session = team.decide()
        until_done(team.ann.ours)
        assert uploads(team.store) == [session], log_of(team.ann.ours)
        assert list(held(team.store)) == [("ann", session)]
        assert not list((team.ann.ours / "spool" / "pending").glob("*"))
        assert team.ben.rlm("show").returncode == 0
        team.ben.run("-p", "Where is alert state kept?")
        first = read_by(team.ben)[0]
        assert cited(first) == session[-8:], first
