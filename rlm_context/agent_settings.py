"""Our hooks inside an agent's settings, which belong to the user: put in, taken out, and nothing else touched.

Claude Code's settings and Codex's hooks.json have the same shape: {"hooks": {EVENT: [{"matcher": …, "hooks":
[{"type": "command", "command": …, "timeout": SECONDS, "async": true}]}]}}. Codex alone has "additionalContextLimit"
beside the timeout, in tokens of four bytes.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data_models.errors import SettingsError
from rlm_context.agent_hooks import Entry

_OURS = ("rlm_context/hooks/__main__.py", "rlm-context hook ", "session_end_upload.sh")
"""What our commands hold; the last is the upload script that came before this program, and is replaced."""


def with_hooks(settings: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """The settings with these hooks in place of any of ours that they had.

    Raises:
        SettingsError: they have not the shape of settings.
    """
    changed = without_hooks(settings)
    hooks = changed.setdefault("hooks", {})
    for hook, command in entries:
        matcher = {"matcher": hook.matcher} if hook.matcher else {}
        background = {"async": True} if hook.in_background else {}
        limit = {"additionalContextLimit": hook.context_tokens} if hook.context_tokens else {}
        entry = {"type": "command", "command": command, "timeout": hook.seconds, **background, **limit}
        hooks.setdefault(hook.event, []).append({**matcher, "hooks": [entry]})
    return changed


def without_hooks(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without our hooks, and without what only they had filled.

    Raises:
        SettingsError: they have not the shape of settings.
    """
    changed = copy.deepcopy(dict(settings))
    hooks = _checked(changed.get("hooks", {}), dict, "hooks")
    for event in list(hooks):
        groups = _checked(hooks[event], list, event)
        hooks[event] = [kept for group in groups if (kept := _without_ours(group, event)) is not None]
        if groups and not hooks[event]:
            del hooks[event]
    if settings.get("hooks") and not hooks:
        del changed["hooks"]
    return changed


def has_hooks(settings: Mapping[str, Any]) -> bool:
    """Whether any of our hooks stands in them; raises SettingsError."""
    return without_hooks(settings) != settings


def our_commands(settings: Mapping[str, Any]) -> Iterator[str]:
    """The commands of ours in them; raises SettingsError."""
    for event, group, member in our_places(settings):
        yield settings["hooks"][event][group]["hooks"][member]["command"]


def our_places(settings: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Where ours stand in them: the event, the number of the group there, the number in it; raises SettingsError."""
    for event, groups in _checked(settings.get("hooks", {}), dict, "hooks").items():
        for number, group in enumerate(_checked(groups, list, event)):
            members = enumerate(_members(group, event))
            yield from ((event, number, place) for place, member in members if _is_ours(member))


def _without_ours(group: Any, event: str) -> dict[str, Any] | None:
    """A group of hooks without ours; None where nothing else was in it."""
    members = _members(group, event)
    kept = [member for member in members if not _is_ours(member)]
    return group if len(kept) == len(members) else {**group, "hooks": kept} if kept else None


def _members(group: Any, event: str) -> list[Any]:
    members: list[Any] = _checked(_checked(group, dict, event).get("hooks", []), list, event)
    return members


def _is_ours(member: Any) -> bool:
    command = member.get("command") if isinstance(member, dict) else None
    return isinstance(command, str) and any(mark in command for mark in _OURS)


def _checked(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise SettingsError(f"{name} is not what an agent's settings hold there, so nothing was changed")
    return value
