"""Patterns of the user's own, and e-mail addresses: what is replaced only where a setting asks for it."""

import re
from collections.abc import Iterator, Mapping

import re2

from data_models import env
from data_models.errors import SettingsError
from transcripts.redaction.spans import EXACT, Span

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DOMAIN = re.compile(r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9])")
_LOCAL = re.compile(r"[A-Za-z0-9._%+-]{1,64}\Z")
_NOT_PEOPLE = ("git", "x-access-token")


class OwnRules:
    """The user's patterns, compiled by RE2, which is linear in the text whatever the pattern.

    Args:
        rules: name = pattern. A group named `secret` limits what is replaced.

    Raises:
        SettingsError: a name or a pattern cannot be used; the message names the rule.
    """

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = [(name, *_compiled(name, pattern)) for name, pattern in sorted(rules.items())]

    def find(self, text: str) -> Iterator[Span]:
        """Every match in `text`, which holds no lone surrogate."""
        for kind, pattern, group in self._rules:
            for match in pattern.finditer(text):
                start, end = match.span(group)
                if start < end:
                    yield Span(start, end, kind, EXACT)


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses: a domain, then at most 64 characters back, so that no text makes it quadratic."""
    for match in _DOMAIN.finditer(text):
        local = _LOCAL.search(text, max(0, match.start() - 64), match.start())
        if local is not None and local[0] not in _NOT_PEOPLE:
            yield Span(local.start(), match.end(), "email", EXACT)


def _compiled(name: str, pattern: str) -> tuple[re2._Regexp, int]:
    where = f"mend redaction.rules in {env.config_file()}"
    if _NAME.fullmatch(name) is None:
        raise SettingsError(
            f"redaction rule {name!r}: a name is up to 40 lower-case letters, digits and hyphens",
            next_command=where,
        )
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise SettingsError(f"redaction rule {name}: {reason}", next_command=where) from error
    return compiled, compiled.groupindex.get("secret", 0)
