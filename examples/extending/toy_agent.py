"""An agent: `~/.toy/sessions/<id>.jsonl`, a line {"timestamp": …, "by": "me" | "bot" | "tool", "text": …, "cwd": …}."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from data_models.events import Kind, Role
from transcripts.agent import Facts, Found, SessionFiles, Unknown
from transcripts.clean import Cleaner, parse_time
from transcripts.collect import Collector, Position

_VOICES: Mapping[str, tuple[Role, Kind]] = {
    "me": ("human", "prompt"),
    "bot": ("assistant", "text"),
    "tool": ("tool", "tool_result"),
}
_RECORD = msgspec.json.Decoder(dict[str, Any])


class ToyAgent:
    name = "toy"

    def default_folders(self) -> list[Path]:
        return [Path.home() / ".toy" / "sessions"]

    def find(self, folder: Path) -> Found | None:
        if folder.name != "sessions" or folder.parent.name != ".toy":
            return None
        files = sorted(path for path in folder.glob("*.jsonl") if path.is_file())
        return Found(tuple(SessionFiles(self.name, path.stem, "", path) for path in files))

    def recognises(self, record: Mapping[str, Any]) -> bool:
        return record.keys() >= {"by", "text"} and str(record["by"]) in _VOICES

    def session_id(self, path: Path) -> str | None:
        return path.stem

    def slim(self, line: bytes, clean: Cleaner) -> dict[str, Any] | None:
        record = _RECORD.decode(line)
        kept = {name: clean.value(record[name]) for name in ("by", "text", "cwd") if name in record}
        return kept | {"timestamp": clean.time(record.get("timestamp"))}

    def facts(self, record: Mapping[str, Any]) -> Facts:
        return Facts(cwd=record["cwd"] if isinstance(record.get("cwd"), str) else None)

    def events(self, record: Mapping[str, Any], at: Position, into: Collector) -> None:
        at.time = parse_time(record.get("timestamp"))
        if str(record.get("by")) in _VOICES:
            into.add(at, *_VOICES[str(record["by"])], str(record.get("text", "")))
        else:
            into.unknown(at, "speaker", record.get("by"))

    def unknown(self, record: Mapping[str, Any]) -> Iterable[Unknown]:
        return () if self.recognises(record) else (Unknown("", f"speaker {record.get('by')}"),)
