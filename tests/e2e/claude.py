"""Claude Code as a process, and what its model was sent."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.rlm.servers.messages import MESSAGES, MessagesServer

ROOT = Path(__file__).parents[2]
PROJECT = "git.example.com/acme/tidewatch"
MARKETPLACE = "rlm-context@rlm-context"
TOOL = "mcp__plugin_rlm-context_rlm-context__"


@dataclass
class Claude:
    """Attributes: the program, its home, the folder it works in, its model, and where the command rlm-context is."""

    program: str
    home: Path
    checkout: Path
    models: MessagesServer
    commands: Path | None

    def run(self, *arguments: str) -> str:
        """Run it to its end; what it printed."""
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.checkout,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def install_plugin(self) -> None:
        """From the repository's own marketplace file, as a user does."""
        self.run("plugin", "marketplace", "add", str(ROOT))
        self.run("plugin", "install", MARKETPLACE)

    def sent(self) -> list[dict[str, Any]]:
        """The requests that its model got."""
        return [received.body for received in self.models.requests(MESSAGES)]

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name.startswith("RLM_CONTEXT_")}
        path = [str(self.commands)] if self.commands else []
        return ours | {
            "PATH": os.pathsep.join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
            "HOME": str(self.home),
            "CLAUDE_CONFIG_DIR": str(self.home / ".claude"),
            "ANTHROPIC_API_KEY": "sk-test-0123456789",
            "ANTHROPIC_BASE_URL": self.models.url,
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }


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
