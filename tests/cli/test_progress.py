"""What a person who waits for a compile is told."""

import logging

import pytest

from rlm_context.progress import steps_shown

progress = logging.getLogger("rlm_context.progress")


def told(projects: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of a compile of these projects that does one step of each."""
    with steps_shown(len(projects)) as begins:
        for project in projects:
            begins(project)
            progress.info("publish")
    return capsys.readouterr().err.splitlines()


def test_one_project_needs_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever compiles one knows which."""
    assert told(["acme/tide"], capsys) == ["compile: starting Prefect", "compile: publish"]


def test_of_several_each_step_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """And how many there are; what would steer a terminal is left out of a name."""
    assert told(["acme/tide", "acme/\x1b[2Jshop"], capsys) == [
        "compile: starting Prefect",
        "compile 1 of 2, acme/tide: publish",
        "compile 2 of 2, acme/[2Jshop: publish",
    ]
