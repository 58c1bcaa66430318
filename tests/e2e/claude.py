"""Claude Code as a process and in a terminal, and what its model was sent."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.e2e.agent import Agent
from tests.e2e.terminal import Terminal
from tests.rlm.servers.messages import MESSAGES, MessagesServer

ROOT = Path(__file__).parents[2]
PROJECT = "git.example.com/acme/tidewatch"
MARKETPLACE = "rlm-context@rlm-context"
KEY = "sk-test-0123456789"
TOOL = "mcp__plugin_rlm-context_rlm-context__"
_FENCE = re.compile(r"<rlm-context project=.*?</rlm-context>", re.DOTALL)


@dataclass
class Claude(Agent):
    """Attributes: the program, its home, the folder it works in, its model, and where the command rlm-context is.

    `settings` are variables of its environment, besides those of this test that are ours.
    """

    program: str
    home: Path
    checkout: Path
    models: MessagesServer
    commands: Path | None
    settings: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> str:
        """Run it to its end; what it printed."""
        done = self.start(self.program, *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def install_hooks(self) -> None:
        """Into its user's settings, as a user does."""
        done = self.rlm("install", "claude-code")
        assert done.returncode == 0, (done.stdout, done.stderr)

    def install_plugin(self) -> None:
        """From the repository's own marketplace file, as a user does."""
        self.run("plugin", "marketplace", "add", str(ROOT))
        self.run("plugin", "install", MARKETPLACE)

    def sent(self) -> list[dict[str, Any]]:
        """The requests that its model got."""
        return [received.body for received in self.models.requests(MESSAGES)]

    @property
    def ours(self) -> Path:
        """Its user's home of rlm-context."""
        return Path(self.environment()["RLM_CONTEXT_HOME"])

    def transcripts(self) -> list[Path]:
        """Those of its sessions, the one written last at the end."""
        found = (self.home / ".claude" / "projects").glob("*/*.jsonl")
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def environment(self) -> dict[str, str]:
        """All that it knows of its surroundings."""
        ours = {name: value for name, value in os.environ.items() if name.startswith("RLM_CONTEXT_")}
        path = [str(self.commands)] if self.commands else []
        return ours | {
            "PATH": os.pathsep.join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": self.models.url,
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **self.settings,
        }


class ClaudeTerminal(Terminal):
    """One run of Claude Code in a terminal.

    Args:
        claude: the program and its surroundings.
        arguments: what it is started with.
    """

    prompt = "❯"

    def __init__(self, claude: Claude, *arguments: str) -> None:
        _known_user(claude)
        super().__init__(claude, claude.program, *arguments)

    def __enter__(self) -> Self:
        self.until(lambda: self.prompt in self.screen())
        return self


def told(body: dict[str, Any]) -> str:
    """All texts of a request, as the model reads them."""
    return "\n".join(_texts([body.get("system", []), body["messages"]]))


def briefs(text: str) -> list[str]:
    """What a text holds of the compiled context: each fence with all in it."""
    return _FENCE.findall(text)


def statements(text: str) -> set[str]:
    """The lines of a fence that say something."""
    return {line for line in text.split("\n") if line.startswith("- ")}


def results(body: dict[str, Any]) -> list[str]:
    """The results of tools in a request, as the model reads them."""
    found = []
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block.get("type") == "tool_result":
                content = block["content"]
                found.append(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    return found


def calls(tool: str, arguments: dict[str, Any], number: int = 1) -> list[dict[str, Any]]:
    """A model's message that calls a tool."""
    return [{"type": "tool_use", "id": f"toolu_{number:04}", "name": tool, "input": arguments}]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts([value.get("content", ""), value.get("text", "")])
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _known_user(claude: Claude) -> None:
    """Answer what a first interactive start asks: theme, key, whether the folder is trusted."""
    path = claude.home / ".claude" / ".claude.json"
    path.parent.mkdir(exist_ok=True)
    settings = json.loads(path.read_text()) if path.exists() else {}
    settings |= {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY[-20:]]},
    }
    settings.setdefault("projects", {}).setdefault(str(claude.checkout), {})["hasTrustDialogAccepted"] = True
    path.write_text(json.dumps(settings))
