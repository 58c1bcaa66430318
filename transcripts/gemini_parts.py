"""The parts of a Gemini message, and what the host puts among them. Formats of Gemini CLI 0.61.0."""

import re
from typing import Any

CONTEXT = "<session_context>"
"""Begins what the host begins a session's history with: the date, the workspace's folders and what lies in them."""

_FOLDERS = re.compile(r"^- \*\*Workspace Directories:\*\*\n(?:  - (.+)\n)(?:  - .*\n)*", re.MULTILINE)
_HOOK = re.compile(r"<hook_context>[^<]*</hook_context>\s*")
"""What a hook injected, ours among it. The host escapes "<" in it, so our own fence would not be known again."""


def parts_of(content: Any) -> list[Any]:
    """The parts of a message's content: a list of them, or one; a part is an object or a string."""
    return content if isinstance(content, list) else [] if content is None else [content]


def text_of(part: Any) -> str | None:
    """A part's text; None where it is of another kind."""
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else None


def texts(content: Any) -> list[str]:
    """The texts of a message's content that are not empty."""
    return [text for part in parts_of(content) if (text := text_of(part))]


def workspace(text: str | None) -> str | None:
    """The first of the workspace's folders, where `text` is what the host begins a session with."""
    found = _FOLDERS.search(text) if text and text.startswith(CONTEXT) else None
    return found[1] if found else None


def without_listing(text: str) -> str:
    """What the host begins a session with, reduced to the folders; any other text as it is."""
    if not text.startswith(CONTEXT):
        return text
    found = _FOLDERS.search(text)
    return f"{CONTEXT}\n{found[0] if found else ''}</session_context>"


def without_hooks(text: str) -> str:
    """The text without what hooks injected."""
    return _HOOK.sub("", text) if "<hook_context>" in text else text
