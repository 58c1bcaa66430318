"""Who may talk to the emulator, and what it says when it cannot answer."""

import modal
import pytest

from tests.modal.conftest import Command
from tests.modal_emulator.server import Emulator


def test_hello(modal_emulator: Emulator) -> None:
    """The right token is greeted."""
    modal.Client.from_env().hello()


def test_wrong_token(modal_emulator: Emulator) -> None:
    """A wrong secret is the client's AuthError, on any call."""
    client = modal.Client.from_credentials("ak-emulator", "as-wrong")
    with pytest.raises(modal.exception.AuthError):
        client.hello()
    with pytest.raises(modal.exception.AuthError):
        modal.Volume.from_name("files", create_if_missing=True, client=client).hydrate()
    client.close()
    assert modal.Volume.objects.list() == []


def test_wrong_token_on_the_command_line(modal_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The `modal` command fails and names the token."""
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-wrong")
    done = modal_command("volume", "list")
    assert done.returncode != 0
    assert "Token" in done.stderr + done.stdout


def test_what_is_missing_is_named(modal_emulator: Emulator) -> None:
    """An RPC that the emulator does not have says which one it was."""
    with pytest.raises(modal.exception.UnimplementedError, match="QueueGetOrCreate"):
        modal.Queue.from_name("queue", create_if_missing=True).hydrate()
