"""Opening clients: names, missing packages, missing keys, and the switch that keeps tests from real providers."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_models.errors import SettingsError
from rlm.clients.errors import BlockedError, CredentialsError, MissingExtraError
from rlm.clients.network import VARIABLE, is_loopback
from rlm.clients.options import Options
from rlm.clients.registry import PROVIDERS, open_client

HERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "name", ["", "anthropic", "anthropic:", ":claude", "nobody:model", "claude-haiku-4-5"]
)
def test_a_name_that_names_no_model_is_a_setting_to_mend(name: str) -> None:
    """The error lists the providers that there are."""
    with pytest.raises(SettingsError) as caught:
        open_client(name)
    assert all(provider in (caught.value.next_command or "") for provider in PROVIDERS)


def test_a_model_may_hold_colons() -> None:
    """Local servers name models so."""
    pytest.importorskip("openai")
    assert open_client("openai:qwen3:8b", Options(HERE)).model == "qwen3:8b"


@pytest.mark.parametrize(("name", "module"), [("openai:m", "openai"), ("agent-sdk:m", "claude_agent_sdk")])
def test_a_missing_package_says_how_to_install_it(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command is in the error."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        open_client(name, Options(HERE))
    assert caught.value.next_command == f"pip install 'rlm-context[{name.partition(':')[0]}]'"


@pytest.mark.parametrize("name", ["anthropic:claude-haiku-4-5", "openai:gpt"])
def test_a_missing_key_is_told_before_any_call(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening fails, with the variable to set."""
    pytest.importorskip(name.partition(":")[0])
    monkeypatch.setenv(VARIABLE, "1")
    with pytest.raises(CredentialsError) as caught:
        open_client(name)
    assert "API_KEY" in (caught.value.next_command or "")


@pytest.mark.parametrize("provider", list(PROVIDERS))
def test_no_test_reaches_a_real_provider(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch is off in tests: with a key and without a base URL, opening any client fails."""
    from tests.rlm.clients import fake_agent_sdk

    if provider == "openai":
        pytest.importorskip("openai")
    monkeypatch.setitem(sys.modules, "claude_agent_sdk", fake_agent_sdk.module())
    for options in (Options(api_key="k"), Options("https://models.example", "k")):
        with pytest.raises(BlockedError):
            open_client(f"{provider}:model", options)


def test_a_base_url_of_the_environment_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the package reads by itself is no way around the switch."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://models.example")
    with pytest.raises(BlockedError):
        open_client("anthropic:claude-haiku-4-5", Options(api_key="k"))


def test_the_switch_is_on_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users need not set anything: without the variable, a real provider's client opens."""
    monkeypatch.delenv(VARIABLE)
    assert open_client("anthropic:claude-haiku-4-5", Options(api_key="k")).model == "claude-haiku-4-5"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost"])
def test_this_machine_is_loopback(host: str) -> None:
    """The names of this machine."""
    assert is_loopback(f"http://{host}:8080/v1")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.anthropic.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "http://2130706433",
        "http://0.0.0.0",
        "",
    ],
)
def test_everything_else_is_not(url: str) -> None:
    """Neither what looks like this machine nor what is nothing."""
    assert not is_loopback(url)


@given(st.ip_addresses())
def test_only_loopback_addresses_are_loopback(address: object) -> None:
    """Over all addresses."""
    host = f"[{address}]" if ":" in str(address) else str(address)
    assert is_loopback(f"http://{host}/") == address.is_loopback  # type: ignore[attr-defined]


def test_keys_are_not_shown() -> None:
    """Options can be printed."""
    assert "secret" not in repr(Options(api_key="secret"))


def test_naming_models_imports_no_providers_package() -> None:
    """The packages take seconds to import: the registry leaves them alone."""
    code = (
        "import sys, rlm.clients.registry, rlm.clients.errors\n"
        "heavy = {'anthropic', 'openai', 'claude_agent_sdk', 'httpx2', 'jsonschema'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
