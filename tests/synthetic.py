"""Invented Claude Code sessions of any number, for tests and benchmarks."""

import json
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_SUBJECTS = ("retry", "cache", "parser", "login", "export", "schema", "queue", "upload", "metrics", "backup")
_VERBS = ("Add", "Remove", "Rename", "Split", "Speed up", "Document", "Test", "Simplify")
_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def write_session(
    path: Path, *, session_id: str, start: datetime, turns: int, seed: int, cwd: str = "/src/shop"
) -> None:
    """Write one session of `turns` turns; the same arguments write the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = session_records(session_id, start, turns, seed, cwd)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def session_records(
    session_id: str, start: datetime, turns: int, seed: int, cwd: str = "/src/shop"
) -> list[dict[str, Any]]:
    """The records of one session: prompt, answer with an edit, its result, a commit, a closing text."""
    chance = random.Random(seed)
    records: list[dict[str, Any]] = []
    for turn in range(turns):
        subject, verb = chance.choice(_SUBJECTS), chance.choice(_VERBS)
        hexes = f"{chance.getrandbits(28):07x}"
        moment = start + timedelta(minutes=7 * turn)
        call = f"toolu_{seed}_{turn}"
        words = f"{verb} the {subject} of module_{chance.randrange(200)} so that job {hexes} stays below {turn + 3} s."
        bodies: list[tuple[str, Any]] = [
            ("user", words),
            (
                "assistant",
                [{"type": "text", "text": f"The {subject} is slow because it reads file_{hexes}.py twice."}],
            ),
            (
                "assistant",
                [
                    {
                        "type": "tool_use",
                        "id": call,
                        "name": "Bash",
                        "input": {"command": f"git commit -m '{verb} {subject} {hexes}'"},
                    }
                ],
            ),
            (
                "user",
                [
                    {
                        "type": "tool_result",
                        "tool_use_id": call,
                        "content": f"[main {hexes}] {verb} {subject} {hexes}\n 1 file changed",
                    }
                ],
            ),
            ("assistant", [{"type": "text", "text": f"Committed {hexes}: the {subject} now reads it once."}]),
        ]
        for role, content in bodies:
            records.append(_record(records, session_id, role, content, moment, cwd, chance))
            moment += timedelta(seconds=20)
    return records


def write_team(
    folder: Path,
    sessions: int,
    *,
    authors: Sequence[str] = ("ann", "ben", "cleo"),
    turns: int = 3,
    per_day: int = 20,
) -> Path:
    """Write `folder`/<author>/projects/-src-shop/<id>.jsonl for so many sessions; the folder."""
    for number in range(sessions):
        session_id = str(uuid.UUID(int=(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)))
        start = _START + timedelta(days=number // per_day, minutes=20 * (number % per_day))
        path = folder / authors[number % len(authors)] / "projects" / "-src-shop" / f"{session_id}.jsonl"
        write_session(path, session_id=session_id, start=start, turns=turns, seed=number)
    return folder


def _record(
    before: Sequence[dict[str, Any]],
    session_id: str,
    role: str,
    content: Any,
    moment: datetime,
    cwd: str,
    chance: random.Random,
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": content}
    if role == "assistant":
        message |= {
            "id": f"msg_{chance.getrandbits(64):016x}",
            "type": "message",
            "model": "claude-invented-1",
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }
    return {
        "parentUuid": before[-1]["uuid"] if before else None,
        "isSidechain": False,
        "type": role,
        "message": message,
        "uuid": str(uuid.UUID(int=chance.getrandbits(128))),
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "userType": "external",
        "cwd": cwd,
        "sessionId": session_id,
        "version": "2.1.330",
        "gitBranch": "main",
    }
