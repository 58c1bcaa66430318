"""The conformance suite over every agent module that reads a host's files."""

import json
from pathlib import Path
from typing import Any

from transcripts.claude_code import ClaudeCode
from transcripts.codex import Codex
from transcripts.gemini import GeminiCli

from .conformance import AgentConformance

PROMPTS = ("Why is the kiln so slow, and who asked for it?", 'Größer als 10 °C: „nein“, \\ und "ja".')
ANSWER = "The kiln module reads its own file twice."


def written(path: Path, records: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


class TestClaudeCode(AgentConformance):
    """Claude Code's module keeps the promises."""

    agent = ClaudeCode()
    prompts = PROMPTS

    def write_sample(self, home: Path) -> Path:
        def user(uuid: str, content: Any) -> dict[str, Any]:
            message = {"role": "user", "content": content}
            return {"type": "user", "uuid": uuid, "cwd": "/home/ada/kiln", "message": message}

        said = {"id": "msg_1", "role": "assistant", "content": [{"type": "text", "text": ANSWER}]}
        records = [
            user("u1", PROMPTS[0]),
            {"type": "assistant", "uuid": "a1", "message": said},
            user("u2", [{"type": "text", "text": PROMPTS[1]}]),
        ]
        name = "5f0c1d2e-0000-4000-8000-0000000000cc.jsonl"
        return written(home / "projects" / "-home-ada-kiln" / name, records).parents[1]


class TestCodex(AgentConformance):
    """Codex's module keeps the promises."""

    agent = Codex()
    prompts = PROMPTS

    def write_sample(self, home: Path) -> Path:
        def item(role: str, kind: str, text: str) -> dict[str, Any]:
            kinds = {"content_item_kinds": ["user.text" if role == "user" else "unknown"]}
            payload = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
            payload["internal_chat_message_metadata_passthrough"] = kinds
            return {"timestamp": "2026-03-04T12:00:00.000Z", "type": "response_item", "payload": payload}

        uuid = "019f0000-1111-7222-8333-44445555aaaa"
        meta = {"id": uuid, "cwd": "/home/ada/kiln", "cli_version": "0.169.0"}
        records = [
            {"timestamp": "2026-03-04T12:00:00.000Z", "type": "session_meta", "payload": meta},
            item("user", "input_text", PROMPTS[0]),
            item("assistant", "output_text", ANSWER),
            item("user", "input_text", PROMPTS[1]),
        ]
        day = home / "sessions" / "2026" / "03" / "04"
        return written(day / f"rollout-2026-03-04T12-00-00-{uuid}.jsonl", records).parents[3]


class TestGeminiCli(AgentConformance):
    """Gemini CLI's module keeps the promises."""

    agent = GeminiCli()
    prompts = PROMPTS

    def write_sample(self, home: Path) -> Path:
        def message(number: int, kind: str, content: Any, **more: Any) -> dict[str, Any]:
            uuid = f"00000000-0000-4000-8000-{number:012x}"
            return {
                "id": uuid,
                "timestamp": "2026-03-04T12:00:00.000Z",
                "type": kind,
                "content": content,
                **more,
            }

        told = {"functionResponse": {"id": "c1", "name": "read_file", "response": {"output": "LIMIT = 900"}}}
        call = {"id": "c1", "name": "read_file", "args": {"file_path": "a kiln.py"}, "result": [told]}
        context = "<session_context>\n- **Workspace Directories:**\n  - /home/ada/kiln\n</session_context>"
        records = [
            {"sessionId": "5f0c1d2e-0000-4000-8000-0000000000dd", "projectHash": "ab", "kind": "main"},
            {"$set": {"messages": [message(1, "user", [{"text": context}])]}},
            message(2, "user", [{"text": PROMPTS[0]}]),
            message(3, "gemini", ANSWER, toolCalls=[call], thoughts=[{"description": "where it reads"}]),
            message(4, "user", [{"text": PROMPTS[1]}], displayContent=None),
            {"$rewindTo": "00000000-0000-4000-8000-000000000003"},
        ]
        project = home / ".gemini" / "tmp" / "kiln"
        written(project / "chats" / "session-2026-03-04T12-00-5f0c1d2e.jsonl", records)
        (project / ".project_root").write_text("/home/ada/kiln")
        return project.parent
