"""The skill /upload-context in an agent's own folder of skills: the same text as the plugin's, under its short name."""

import re
import shlex
import shutil
from pathlib import Path

from rlm_context.changes import Change, read_text
from rlm_context.programs import own_program

NAME = "upload-context"
_TEXT = Path(__file__).with_name("upload_context.md")
_OURS = re.compile(r"\A---\n(?:(?!---\n).*\n)*?  source: rlm-context\n")
"""A line of the skill's head, which tells our file from one that people wrote themselves."""


def skill_text(program: str) -> str:
    """The skill, with the program as it is typed in a shell."""
    return _TEXT.read_text(encoding="utf-8").replace("rlm-context upload", f"{program} upload")


def written(folder: Path) -> Change | None:
    """The change that puts the skill into a folder of skills; None where one of somebody else's has its name.

    Raises:
        SettingsError: the file that is there cannot be read.
    """
    path = folder / NAME / "SKILL.md"
    before = read_text(path)
    if before is not None and not _OURS.match(before):
        return None
    # By its name where a shell finds it, so that it moves along.
    program = "rlm-context" if shutil.which("rlm-context") else shlex.join(own_program())
    return Change(path, before, skill_text(program), has_folder=True)


def removed(folder: Path) -> Change | None:
    """The change that takes the skill out again; None where it is not there, or somebody else's.

    Raises:
        SettingsError: the file that is there cannot be read.
    """
    path = folder / NAME / "SKILL.md"
    before = read_text(path)
    if before is None or not _OURS.match(before):
        return None
    return Change(path, before, None, has_folder=True)
