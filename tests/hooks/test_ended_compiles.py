"""A compile that was ended is told, since it could not say so itself."""

import subprocess

import pytest

from rlm_context.hooks import trigger


def test_a_compile_that_a_signal_ended(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It failed, and the workers' log says by which signal."""
    ended = subprocess.CompletedProcess("compile", -11)
    monkeypatch.setattr(trigger.subprocess, "run", lambda *arguments, **settings: ended)
    assert trigger.compile_projects_of("/store", ["tide"], own_server=False) is False
    assert "ended by SIGSEGV" in capfd.readouterr().err
