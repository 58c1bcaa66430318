"""Names in a text by which something outside can be reached or brought in: addresses, commands, packages, tools."""

import re
from collections.abc import Iterator

_URL = re.compile(r"\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s`'\"<>()\[\]{}|\\^“”]+", re.IGNORECASE)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_ONION = re.compile(r"\b[a-z2-7]{16,56}\.onion\b", re.IGNORECASE)
# Ends of host names that are no ends of file names or of dotted names in code.
_ENDS = (
    "com|org|net|edu|gov|mil|int|info|biz|dev|app|xyz|top|site|online|club|shop|store|cloud|tech|live|link|click|zip"
    "|space|website|page|pro|ai|ru|cn|de|uk|fr|nl|eu|jp|br|in|it|es|pl|ch|se|us|ca|au|to|me|tv|cc|ws|gg|tk|ml|ga|cf"
    "|example|test|invalid|internal|corp|lan|onion"
)
_HOST = re.compile(
    rf"(?<![\w./@-])(?:[a-z0-9](?:[a-z0-9-]{{0,61}}[a-z0-9])?\.)+(?:{_ENDS})(?![\w(-]|\.\w)(?:[/:][^\s`'\"<>)]*)?",
    re.IGNORECASE,
)
_HERE = re.compile(
    r"^(?:\w+://)?(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1\]?)(?:[:/]|$)", re.IGNORECASE
)
_PIPED = re.compile(
    r"\|\s*(?:sudo\s+)?(?:(?:ba|z|da|k)?sh|python3?|node|perl|ruby|php|pwsh|powershell|iex)\b"
    r"|\b(?:bash|sh|zsh|eval|source|iex)\b\s*(?:-c\s*)?[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget|base64)"
    r"|\bbase64\s+(?:-d|-D|--decode)\b|/dev/tcp/|\bnc\s+-\w*e|\brm\s+-[rRf]{1,3}\s+[/~*.$]|\bchmod\s+(?:\+s|[0-7]?777)\b"
    r"|>>?\s*~?/?\S*(?:\.ssh/|authorized_keys|/etc/|\.bashrc|\.zshrc|\.profile|crontab)",
    re.IGNORECASE,
)
_PACKAGE = r"[@\w][\w@./:+-]*"
_BROUGHT = re.compile(
    r"\b(?:pip3?|pipx|uv|conda|poetry|npm|pnpm|yarn|bun|brew|apt|apt-get|dnf|yum|apk|gem|cargo|go|composer|dotnet|helm"
    r"|choco|scoop|winget|snap|nix|code|claude|docker|podman|kubectl|git|gh|mcp)\s+(?:pip\s+|mcp\s+|plugin\s+|tool\s+)?"
    r"(?:install|i|add|get|pull|run|exec|dlx|x|tap|clone|apply|create|--install-extension)\s+((?:-[\w-]+(?:=\S+)?\s+)*)"
    rf"({_PACKAGE})|\b(?:npx|uvx|pnpx|bunx|curl|wget|iwr|ssh|scp|rsync|nc|ncat|telnet)\s+((?:-[\w-]+\s+)*)({_PACKAGE})",
    re.IGNORECASE,
)
_PLAIN = (
    "based|scoped|specific|only|first|level|aware|time|side|like|driven|backed|wide|free|safe|friendly|style|in|up|out"
    "|off|on|by|to|the|end|run|size|case"
)
"""Ends of plain compound words ("file-based"), which are no names."""
_TAKEN_UP = re.compile(
    r"\b(?:us(?:e|es|ed|ing)|run(?:s|ning)?|ran|install(?:s|ed|ing)?|invok(?:e|es|ed|ing)"
    r"|prefer(?:s|red)?|adopt(?:s|ed|ing)?|enabl(?:e|es|ed|ing)|load(?:s|ed|ing)?|import(?:s|ed|ing)?"
    r"|depend(?:s|ed|ing)? on|(?:switch|migrat|mov)(?:e|es|ed|ing|ch|ched|ching)? to|replac\w+ \S+ with"
    r"|download(?:s|ed|ing)?|fetch(?:es|ed|ing)?|execut(?:e|es|ed|ing)|trust(?:s|ed|ing)?|add(?:s|ed|ing)?"
    r"|via|through|with)\s+"
    r"(?:(?:the|a|an|its|their|our|only|always|new|official|package|tool|server|library|plugin|extension|mcp|command"
    r"|script|binary|image|action|module|registry|mirror|proxy|skill|agent|hook)\s+){0,4}"
    r"(?:`([@\w][\w@./:+-]{1,80}(?: [\w@./:= -]{1,80})?)`|"
    rf"([A-Za-z@][\w@/]*[-_](?!(?:{_PLAIN})\b)[\w@/.-]*\w))",
    re.IGNORECASE,
)


def addresses(text: str) -> Iterator[str]:
    """URLs, host names, e-mail and IP addresses, as they stand there; this machine's own are left out."""
    for pattern in (_URL, _EMAIL, _ADDRESS, _ONION, _HOST):
        for match in pattern.finditer(text):
            found = match[0].rstrip(".,;:!?")
            if not _HERE.match(found):
                yield found


def dangerous(text: str) -> str:
    """A piece of shell that runs what came from elsewhere, opens a door, or deletes much; "" if there is none."""
    match = _PIPED.search(text)
    return match[0] if match else ""


def brought_in(text: str) -> Iterator[str]:
    """Packages, programs and hosts that a command in the text would fetch."""
    for match in _BROUGHT.finditer(text):
        yield (match[2] or match[4]).rstrip(".,;:!?")


def taken_up(text: str) -> Iterator[str]:
    """Names of code that a text says were used, run or preferred."""
    for match in _TAKEN_UP.finditer(text):
        yield (match[1] or match[2]).strip().rstrip(".,;:!?")
