"""What tool calls say: files changed, commits and pull requests made, commands that failed and passed."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import msgspec

from data_models.events import Event

EDIT_TOOLS = frozenset(
    {"Edit", "Write", "MultiEdit", "NotebookEdit", "apply_patch", "edit", "write", "replace", "write_file"}
)
SHELL_TOOLS = frozenset(
    {"Bash", "shell", "exec_command", "local_shell", "bash", "shell_command", "run_shell_command"}
)

_COMMITTED = re.compile(r"^\[(\S+)(?: \(root-commit\))? ([0-9a-f]{7,40})\] (.+)$", re.M)
_MESSAGE = re.compile(
    r"-m\s+(?:\"\$\(cat <<-?\s*'?\"?(\w+)'?\"?\n(.*?)\n\s*\1|\"((?:[^\"\\]|\\.)*)\"|'([^']*)')", re.S
)
_PULL = re.compile(r"https://[\w.-]+/[\w.-]+/[\w.-]+/(?:pull|-/merge_requests|pulls)/\d+")
_MARKER = re.compile(r"^(?:EOF|END)$|^\)\"$|<<-?'?\"?\w+'?\"?", re.M)
_TITLE = re.compile(r"--title\s+(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)')")
_REMARK = re.compile(r"(?:\n# [^\n]*)+\Z")
_TRAILER = re.compile(r"^(?:[A-Z][\w-]+(?:-[\w]+)+: |🤖|Generated with|Signed-off-by|Co-authored)", re.I)
_CHECK = re.compile(
    r"(?:^|&&|;|\|\||\n)\s*(?:[A-Z_]+=\S+\s+)*((?:mise run|make|just|task|npm run|pnpm|yarn|npm"
    r"|cargo|go|pytest|python3? -m"
    r"|uv run|tox|ruff|mypy|eslint|golangci-lint|gradle|\./gradlew|mvn|dotnet|bundle exec|rspec"
    r"|rake|mix|swift|bazel)\b[^\n|;&<>]*)"
)
_CHECK_WORD = re.compile(
    r"\b(?:test|tests|lint|build|check|fmt|format|vet|typecheck|ci|pytest|clippy|verify|mypy|ruff"
    r"|rspec)\b|test[:_]"
)
_OPENS_ISSUE = re.compile(r"(?:^|_)(?:create|save|open|add)_?(?:issue|ticket)s?$", re.I)
_ISSUE_NUMBER = re.compile(r"\b([A-Z][A-Z0-9]{1,9}-\d{1,6})\b|/issues/(\d+)\b")
_LONGEST_ANSWER = 20_000
_PATCHED = re.compile(r"^\*\*\* (?:Update|Add|Delete) File: (.+)$", re.M)
_SCRATCH = re.compile(r"\bgit init\b|\bcd \"?(?:/tmp|\$TMP|/var/folders|\$\(mktemp)")


class Committed(NamedTuple):
    """A commit or pull request that the record shows as made. `body` holds the message below the subject."""

    ref: str
    branch: str
    subject: str
    body: str
    pull_request: bool
    call: Event
    result: Event


def arguments(event: Event) -> dict[str, Any]:
    """The arguments of a tool call, {} where its text is not a JSON object."""
    if not event.text.startswith("{"):
        return {}
    try:
        value = msgspec.json.decode(event.text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def command_of(event: Event) -> str:
    """The shell command of a call, "" if it is none."""
    if event.tool not in SHELL_TOOLS:
        return ""
    if not event.text.startswith("{"):
        return _REMARK.sub("", event.text)
    given = arguments(event)
    command = given.get("command", given.get("cmd", ""))
    if isinstance(command, list):
        return str(command[-1]) if command else ""
    return str(command)


def check_of(command: str) -> str:
    """The first test, lint or build command in a shell line, without its pipes; "" if there is none."""
    for match in _CHECK.finditer(command):
        found = match[1].strip()
        if _CHECK_WORD.search(found):
            return " ".join(found.split())[:80].rstrip(" 2")
    return ""


def check_name(command: str) -> str:
    """A check's command without its arguments: "go test ./pkg -run X" gives "go test"."""
    words = command.split()
    for index, word in enumerate(words):
        if index and (
            (word.startswith(("-", ".", "/", "'", '"')) and word != "-m") or "/" in word or "=" in word
        ):
            return " ".join(words[:index])
    return " ".join(words)


def commits_of(call: Event, result: Event) -> list[Committed]:
    """The commits and pull requests that one shell call made, by what its output says."""
    command = command_of(call)
    if _SCRATCH.search(command):
        return []
    made: list[Committed] = []
    if "git" in command and "commit" in command:
        messages = [_message(match) for match in _MESSAGE.finditer(command)]
        for index, match in enumerate(_COMMITTED.finditer(result.text[:20_000])):
            message = "\n\n".join(messages) if index == 0 else ""
            made.append(
                Committed(match[2][:9], match[1], match[3].strip(), _body(message), False, call, result)
            )
    if "pr create" in command or "mr create" in command:
        url = _PULL.search(result.text[:20_000])
        title = _TITLE.search(command)
        if url and title and not result.is_error:
            body = _MARKER.sub("", command.split("--body", 1)[1]) if "--body" in command else ""
            made.append(Committed(url[0], "", (title[1] or title[2] or "").strip(), body, True, call, result))
    return made


def issues_of(call: Event, result: Event) -> str:
    """The title of an issue that one call opened, with its number where the tracker's answer shows it; else ""."""
    if result.is_error:
        return ""
    if call.tool in SHELL_TOOLS:
        command = command_of(call)
        match = _TITLE.search(command) if "issue create" in command else None
        title = (match[1] or match[2] or "") if match else ""
    elif call.tool and _OPENS_ISSUE.search(call.tool):
        given = arguments(call)
        title = "" if given.get("id") else str(given.get("title", ""))
    else:
        return ""
    number = _ISSUE_NUMBER.search(result.text[:_LONGEST_ANSWER])
    named = (number[1] or f"#{number[2]}") if number else ""
    return f"{named} {title.strip()}".strip() if title.strip() else ""


def _message(match: re.Match[str]) -> str:
    return (
        (match[2] or match[3] or match[4] or "").replace('\\"', '"').replace("\\`", "`").replace("\\$", "$")
    )


def _body(message: str) -> str:
    lines = message.strip().split("\n")[1:]
    return "\n".join(line for line in lines if not _TRAILER.match(line.strip())).strip()


def changed_files(call: Event, roots: Iterable[str]) -> list[str]:
    """The files that a call edits, relative to the working folder where they stand below it."""
    if call.tool not in EDIT_TOOLS and not (call.tool in SHELL_TOOLS and "*** Begin Patch" in call.text):
        return []
    if call.file_path:
        paths = [call.file_path]
    else:
        patch = str(arguments(call).get("input", "")) or command_of(call) or call.text
        paths = [match.strip() for match in _PATCHED.findall(patch)]
    return [short for path in paths if (short := relative(path, roots))]


def relative(path: str, roots: Iterable[str]) -> str:
    """A path relative to the shortest root above it; "" for files outside of all roots."""
    if not path.startswith("/"):
        return "" if path.startswith(("~", "..")) else str(PurePosixPath(path))
    for root in sorted(roots, key=len):
        if path.startswith(root.rstrip("/") + "/"):
            return path[len(root.rstrip("/")) + 1 :]
    return ""


_FAILED = re.compile(
    r"^(?:Exit code [1-9]|--- FAIL|FAIL\b|E\s{2,}\w|error(?:\[E\d+\])?:|ERROR\b"
    r"|\[\w[\w:.-]*\] ERROR|make: \*\*\*|npm ERR!)|\b[1-9]\d* (?:failed|failures?|errors?)\b",
    re.M,
)


def failed(result: Event) -> bool:
    """Whether the output of a check says that it failed."""
    return result.is_error or bool(_FAILED.search(result.text[-8_000:]))
