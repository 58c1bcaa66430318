"""A repository that was renamed is one project everywhere: for who compiles, for hooks, for searches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from data_models.env import store_url
from rlm_context.hooks.here import project_here, renamed, team_aliases
from rlm_context.mcp_server.places import indexes
from store.receipts import projects
from tests.hooks.events.test_refresh import HASTE
from tests.hooks.helpers import REMOTE, context_of, event, hook, undated
from tests.hooks.newer import compiled_by_ann, ended, index_is_here, start_hook

OLD = "git.example.com/acme/ebb"
OTHER = "git.example.com/acme/moon"


@pytest.fixture
def old_checkout(home: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose remote still has the old name; the team said so in its store, and one session is compiled."""
    monkeypatch.setenv("RLM_CONTEXT_STORE", str(home / "team"))
    monkeypatch.setenv("RLM_CONTEXT_AUTHOR", "bob")
    (home / "team").mkdir()
    fixed = {"format": 1, "settings": {"project_aliases": {OLD: REMOTE}}}
    (home / "team" / "store.json").write_text(json.dumps(fixed))
    (checkout / ".git" / "config").write_text(
        f'[remote "origin"]\n\turl = git@git.example.com:{OLD[16:]}.git\n'
    )
    compiled_by_ann(home, 1, OLD)
    return checkout


def test_a_team_renames_a_project_for_all(
    home: Path, old_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that knew nothing learns it: compile, refresh, session-start, search and MCP agree."""
    compiled_by_ann(home, 2, OTHER)
    assert projects(open_runtime(make_store=False).store) == [OTHER, REMOTE]
    (home / "rlm-context" / "cache" / "team").rename(home / "was")  # as if nothing had been opened here
    told = event(9, old_checkout, home, source="startup")
    text = context_of(ended(start_hook("refresh", told, HASTE)))
    assert text.startswith(f'<rlm-context project="{REMOTE}" ')
    index_is_here(home)
    started = context_of(hook("session-start", event(8, old_checkout, home, source="startup")))
    assert undated(started) == undated(text)
    monkeypatch.chdir(old_checkout)
    found = subprocess.run(
        [sys.executable, "-m", "rlm_context", "search", "--json", "slow"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"RLM_CONTEXT_STORE": str(home / "team")},
    )
    assert {hit["project"] for hit in json.loads(found.stdout)["hits"]} == {REMOTE}
    assert [index.project for index in indexes("")] == [REMOTE]


def test_the_old_brief_is_not_shown_when_a_team_renames(home: Path, old_checkout: Path) -> None:
    """A copy under the old name gives way as soon as the store says the new one."""
    (home / "team" / "store.json").write_text('{"format":1}')
    compiled_by_ann(home, 3, OLD)
    first = context_of(ended(start_hook("refresh", event(9, old_checkout, home, source="startup"), HASTE)))
    assert f'project="{OLD}"' in first
    index_is_here(home)
    fixed = {"format": 1, "settings": {"project_aliases": {OLD: REMOTE}}}
    (home / "team" / "store.json").write_text(json.dumps(fixed))
    second = context_of(ended(start_hook("refresh", event(8, old_checkout, home, source="startup"), HASTE)))
    assert f'project="{REMOTE}"' in second
    (home / "team" / "store.json").write_text('{"format":1}')
    open_runtime(make_store=False)
    assert project_here(str(old_checkout)) == OLD


@pytest.mark.parametrize("file", [None, {"a": "of the file", "b": "b of the file"}])
@pytest.mark.parametrize("variable", [None, {"a": "of the variable"}])
@pytest.mark.parametrize("team", [None, {"a": "of the team"}])
def test_hooks_read_the_settings_as_everything_else(
    file: dict[str, str] | None,
    variable: dict[str, str] | None,
    team: dict[str, str] | None,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The team's names over the variable's over the file's, entry by entry, with and without pydantic."""
    ours = home / "rlm-context"
    ours.mkdir()
    if file:
        ours.joinpath("config.toml").write_text(
            "[project_aliases]\n" + "".join(f'{old} = "{new}"\n' for old, new in file.items())
        )
    if variable:
        monkeypatch.setenv("RLM_CONTEXT_PROJECT_ALIASES", json.dumps(variable))
    if team:
        (ours / "store").mkdir()
        (ours / "store" / "store.json").write_text(
            json.dumps({"format": 1, "settings": {"project_aliases": team}})
        )
    aliases = open_runtime().settings.project_aliases
    for name in ("a", "b", "c"):
        assert renamed(name) == aliases.get(name, name)


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"store": 5}',
        '{"store": "STORE", "project_aliases": 5}',
        '{"store": "STORE", "project_aliases": {"a": 5}}',
    ],
)
def test_a_damaged_copy_of_names_is_made_again(damage: str, home: Path, old_checkout: Path) -> None:
    """Until the store is opened again nothing is renamed; no error."""
    open_runtime(make_store=False)
    (path,) = (home / "rlm-context" / "cache" / "team").glob("*.json")
    path.write_text(damage.replace("STORE", store_url()))
    assert renamed(OLD) == OLD
    open_runtime(make_store=False)
    assert team_aliases() == {OLD: REMOTE}
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
