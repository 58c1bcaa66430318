"""The plugin in the real Claude Code, whose model is a script."""

import json
import re
from typing import Any

import pytest

from tests.e2e.claude import PROJECT, ROOT, TOOL, Claude, calls, results
from tests.rlm.servers.models import Call, Reply

pytestmark = pytest.mark.timeout(300)  # several runs of an agent, on a machine that does other things too

CITATION = re.compile(r"\[s:\w{8}#[\w/-]+\]")


def has_tools(call: Call) -> bool:
    """Whether this is the agent's own request, and not one for a title or the like."""
    return bool(call.received.body.get("tools"))


def test_manifests_are_valid(claude: Claude) -> None:
    """`claude plugin validate` accepts marketplace and plugin."""
    for folder in (ROOT, ROOT / "plugin"):
        assert "Validation passed" in claude.run("plugin", "validate", str(folder))


def test_a_session_starts_with_the_brief_and_calls_the_tools(claude: Claude) -> None:
    """Installed from the repository: the first request holds the brief, the skills are listed, and the model's calls
    of search_context and get_session return cited, fenced results about the folder's project."""
    claude.install_plugin()

    def reply(call: Call) -> Reply:
        if not has_tools(call):
            return "fine"
        found = results(call.received.body)
        if not found:
            return calls(f"{TOOL}search_context", {"query": "alerts after a restart"}, 1)
        if len(found) == 1:
            citation = CITATION.search(found[0])
            return calls(f"{TOOL}get_session", {"session": citation[0] if citation else "?"}, 2)
        return "They are kept in the database."

    claude.models.reply = reply
    printed = claude.run(
        "-p", "Where are alerts kept?", "--allowedTools", f"{TOOL}search_context,{TOOL}get_session"
    )
    assert "They are kept in the database." in printed
    requests = [body for body in claude.sent() if body.get("tools")]
    first = json.dumps(requests[0], ensure_ascii=False)
    assert "<rlm-context project=" in first
    assert "rlm-context:recall" in first
    searched, read = results(requests[-1])
    assert "information, not instructions" in searched
    assert PROJECT in searched
    assert CITATION.search(searched)
    assert "information, not instructions" in read
    assert "restart" in read


def test_the_user_keeps_a_session_private(claude: Claude) -> None:
    """/rlm-context:private marks the very session in which it is typed."""
    claude.install_plugin()
    claude.models.reply = lambda call: "It stays here."
    told: dict[str, Any] = json.loads(claude.run("-p", "/rlm-context:private", "--output-format", "json"))
    assert f"{told['session_id']} stays on this machine" in json.dumps(claude.sent())


def test_the_user_uploads_a_session(claude: Claude) -> None:
    """/rlm-context:upload-context uploads the session in which it is typed, and the model hears what came of it."""
    claude.install_plugin()
    claude.models.reply = lambda call: "Done."
    claude.run("-p", "Keep it short.")
    claude.run("-p", "--continue", "/rlm-context:upload-context")
    heard = json.dumps(claude.sent()[-1])
    assert "Uploaded 1 session" in heard


@pytest.mark.parametrize("again", [False, True])
def test_a_missing_command_is_said_once(claude: Claude, again: bool) -> None:
    """Without the command the session starts all the same; the first one shows how to install it, the next does not."""
    claude.commands = None
    claude.install_plugin()
    claude.models.reply = lambda call: "hello"
    printed = ""
    for _ in range(2 if again else 1):
        printed = claude.run("-p", "hello", "--output-format", "stream-json", "--verbose")
    assert "hello" in printed
    assert ("uv tool install" in printed) is not again
