"""UserPromptSubmit: what earlier sessions say about the first prompt of a session, where they clearly say something.

The agent waits for it, at every prompt. So all that answers "nothing" comes first and needs the standard library only;
tantivy and the search are imported once in a session (`rlm_context.hooks.brief.passages`).
"""

import os
import sys

from data_models.env import home_folder, is_on
from rlm_context.hooks.files import shown_folder, write_small
from rlm_context.hooks.quick_json import quoted
from rlm_context.hooks.text import session_of, text_of

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from typing import Any

_ENVELOPE = '{"hookSpecificOutput":{"hookEventName":"UserPromptSubmit","additionalContext":'
_COMMANDS = ("/", "!", "#", "<")
"""How a prompt begins that is a command, a shell line, something to remember, or the host's own text."""
_FEWEST_WORDS = 5
READ = 4_000
"""Characters of a prompt that are looked at; a longer one is a pasted log, and says first what it is about."""


def user_prompt_submit(event: "dict[str, Any]") -> str:
    """What the agent is to read with this prompt: JSON with at most three cited passages; "" for nothing.

    Only the first prompt of a session that is worth a search is searched, whatever comes of it.

    Raises:
        OSError, ValueError, KeyError, TypeError: the home cannot be written, or the local copy is damaged.
        RlmContextError: the configuration file or the index cannot be used.
    """
    home, session_id, prompt = home_folder(), session_of(event), text_of(event, "prompt")[:READ]
    if not session_id or not is_worth_a_search(prompt):
        return ""
    searched = searched_file(home, session_id)
    if os.path.exists(searched) or not is_on("prompt_passages", default=False):
        return ""
    from rlm_context.hooks.brief.local import local_brief

    brief = local_brief(home, text_of(event, "cwd") or os.getcwd())
    if brief is None:
        return ""
    write_small(searched, b"")  # before the search: what fails or is slow once is not tried again
    _find_packages()
    from rlm_context.hooks.brief.passages import passages

    text = passages(home, brief, prompt, session_id)
    return f"{_ENVELOPE}{quoted(text)}}}}}" if text else ""


def is_worth_a_search(prompt: str) -> bool:
    """Whether a prompt is a person's words, and enough of them to be about something."""
    words = prompt.split()
    return len(words) >= _FEWEST_WORDS and not words[0].startswith(_COMMANDS)


def searched_file(home: str, session_id: str) -> str:
    """Notes that a session's first prompt was searched; goes with the notes of what the session was shown."""
    return os.path.join(shown_folder(home), f".prompt-{session_id}")


def _find_packages() -> None:
    """Make installed packages importable: hooks are started without `site`, and tantivy is one."""
    if sys.flags.no_site:
        import site

        site.main()
