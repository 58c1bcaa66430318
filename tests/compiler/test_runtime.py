"""Settings that a team fixed in its store win; no others may stand there."""

import json
from pathlib import Path

import pytest

from compiler.runtime import open_runtime
from data_models import env
from data_models.errors import SettingsError
from data_models.settings import load_settings


def _fix(settings: dict[str, object]) -> None:
    store = open_runtime().store
    info = json.loads(store.get("store.json"))
    store.put("store.json", json.dumps(info | {"settings": settings}).encode())


def test_team_settings_beat_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store fixes is what everybody's next compile uses."""
    monkeypatch.setenv("RLM_CONTEXT_CHUNK_TOKENS", "1000")
    assert open_runtime().settings.chunk_tokens == 1000
    _fix({"chunk_tokens": 2000, "redaction": {"emails": True}})
    settings = open_runtime().settings
    assert (settings.chunk_tokens, settings.redaction.emails) == (2000, True)


@pytest.mark.parametrize("settings", [{"home": "/somewhere"}, {"author": "eve"}, {"chunk_tokens": "many"}])
def test_a_store_cannot_fix_what_is_ones_own(settings: dict[str, object]) -> None:
    """A store can neither move a home nor rename an author, and a wrong value is named."""
    _fix(settings)
    with pytest.raises(SettingsError) as caught:
        open_runtime()
    assert next(iter(settings)) in caught.value.message
    assert caught.value.next_command


def test_a_home_may_be_named_with_a_tilde(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and hooks read the same folder out of it."""
    monkeypatch.setenv("RLM_CONTEXT_HOME", "~/elsewhere")
    assert load_settings().home == env.home() == home / "elsewhere"
