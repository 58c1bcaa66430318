"""Which option a person meant by "2" or "option B": the agent's list just before says it."""

import re

from compiler.extractive.text import strip_markup

_OPTION = re.compile(
    r"^\s*(?:[-*+]\s+)?(?:#{1,6}\s*)?(?:\*\*)?\s*(?:(?:option|approach|variant"
    r"|choice)\s+)?([1-9A-E])(?:\*\*)?\s*(?:[.):]|\s[-–—])\s*(.+)$",
    re.I,
)
_MOST = 6_000


def chosen_option(text: str, name: str) -> str:
    """The text of the option called `name` ("1", "B") in an agent's message; "" if it lists none.

    The last list of the message counts: what comes at the end is what the agent asked.
    """
    found = ""
    for line in text[-_MOST:].split("\n"):
        match = _OPTION.match(line)
        if match and match[1].upper() == name:
            found = strip_markup(match[2]).replace("**", "").strip()
    return found
