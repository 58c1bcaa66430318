"""Doing what `install` and `uninstall` planned, and what was done, as JSON and for a person."""

import shlex
from pathlib import Path
from typing import Any

import msgspec

from data_models.env import home
from rlm_context import agent_tools
from rlm_context.changes import Change, apply
from rlm_context.checks import Check
from rlm_context.installing import Plan


class ChangedFile(msgspec.Struct, frozen=True):
    """A file, how it changes (or would), and the copy of what stood there, "" for none."""

    file: str
    diff: str
    changed: bool
    backup: str


class AgentCommand(msgspec.Struct, frozen=True):
    """A command of the agent's own: whether it was run and did its work, and if not, why."""

    command: str
    done: bool
    reason: str


class Done(msgspec.Struct, kw_only=True):
    """All of it. `shared` is the git remote that is shared now, `synced` the document of the sync."""

    changes: list[ChangedFile]
    commands: list[AgentCommand]
    remarks: list[str]
    shared: str = ""
    synced: dict[str, Any] | None = None
    checks: list[Check] = []


def carry_out(plan: Plan, *, dry_run: bool) -> Done:
    """Do what was planned, or only say it.

    Raises:
        OSError: a file cannot be written; what was done before stands.
    """
    folder = home()
    return Done(
        changes=[_change(change, folder, dry_run) for change in plan.changes],
        commands=[_run(command, dry_run) for command in plan.commands],
        remarks=list(plan.remarks),
    )


def told(done: Done, *, dry_run: bool) -> str:
    """What was changed, for a person."""
    lines = []
    for change in done.changes:
        lines.append(change.diff.rstrip())
        if change.changed:
            verb = "Changed" if Path(change.file).exists() else "Removed"
            lines.append(f"{verb} {change.file}" + (f"; before: {change.backup}" if change.backup else ""))
    for one in done.commands:
        failed = f"; not done: {one.reason}. Run it yourself" if one.reason else ""
        lines.append(f"{'Would run' if dry_run else 'Ran' if one.done else 'To run'}: {one.command}{failed}")
    if not lines:
        lines.append("Everything is as it should be.")
    elif dry_run:
        lines.append("Nothing was done.")
    return "\n".join([*lines, *done.remarks])


def _change(change: Change, folder: Path, dry_run: bool) -> ChangedFile:
    backup = None if dry_run else apply(change, folder)
    return ChangedFile(str(change.path), change.diff, not dry_run, str(backup) if backup else "")


def _run(command: list[str], dry_run: bool) -> AgentCommand:
    reason = "" if dry_run else agent_tools.run(command)
    return AgentCommand(shlex.join(command), not dry_run and not reason, reason)
