"""Making a session slim: what is kept is redacted, and no bytes are too strange."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from transcripts.agent import Part
from transcripts.events import read_events
from transcripts.slim import OUTPUT_LIMIT, slim_session
from transcripts.sources import find_sessions

from .conftest import FIXTURES, Session, keep, unpacked

SECRET = "hunter2-hunter2"
NOT_TEXT = {"type", "subtype", "role", "operation", "isMeta"}


def redact(text: str, counts: dict[str, int], /) -> str:
    """A redactor that knows one secret."""
    if SECRET not in text:
        return text
    counts["test"] = counts.get("test", 0) + text.count(SECRET)
    return text.replace(SECRET, "[REDACTED]")


def plant(value: Any, key: str = "") -> Any:
    """The value with a secret in every string and every key of a tool's input."""
    if isinstance(value, str):
        return value if key in NOT_TEXT else f"{value} {SECRET}"
    if isinstance(value, list):
        return [plant(item, key) for item in value]
    if isinstance(value, dict):
        extra = {f"{SECRET}-key": SECRET} if key == "input" else {}
        return {name: plant(item, name) for name, item in value.items()} | extra
    return value


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_every_kept_string_is_redacted(tmp_path: Path, agent: str) -> None:
    """A secret in any string, id, path, title or key of any record is in neither blob nor results."""
    folder = tmp_path / agent
    shutil.copytree(FIXTURES / agent, folder)
    for path in folder.rglob("*.jsonl"):
        lines = [
            line for line in path.read_text().split("\n") if line.startswith('{"') and line.endswith("}")
        ]
        records = [json.loads(line) for line in lines if '"cut by a tool"' not in line]
        keep_source = [plant(r) if r["type"] != "session_meta" else r for r in records]
        path.write_text("\n".join(json.dumps(record) for record in keep_source) + "\n{half " + SECRET)
    for path in folder.rglob("tool-results/*"):
        path.write_text(f"out {SECRET}\n")
    (files,) = find_sessions(folder).sessions
    slim = slim_session(files, redact)
    assert SECRET not in json.dumps(unpacked(slim.blob))
    assert SECRET not in repr(msgspec.structs.replace(slim, blob=b""))
    assert slim.redactions["test"] > 50


def test_a_file_name_is_redacted_too(tmp_path: Path) -> None:
    """A reject names the file, so the file's name is redacted as well."""
    path = tmp_path / SECRET / "one.jsonl"
    path.parent.mkdir()
    path.write_text('{"type":"user","uuid":"u","message":{}}\nbroken\n')
    (files,) = find_sessions(path).sessions
    assert [reject.file for reject in slim_session(files, redact).rejects] == ["[REDACTED]/one.jsonl"]


class ByName:
    """A redactor that judges by the key alone."""

    def __call__(self, text: str, counts: dict[str, int], /) -> str:
        """Find nothing."""
        return text

    def field(self, name: str, value: str, counts: dict[str, int], /) -> str:
        """Replace what stands under one key."""
        return "[REDACTED]" if name == "api_key" else value


def test_keys_tell_secrets(session: Session) -> None:
    """A string that only its key gives away is redacted, in tool inputs, arguments and unknown records."""
    block = {"type": "tool_use", "id": "t", "name": "call", "input": {"a": [{"api_key": ["plain words"]}]}}
    lines = [
        {"type": "assistant", "message": {"content": [block, {"type": "new", "api_key": "plain words"}]}},
        {"type": "never-seen", "api_key": "plain words"},
    ]
    session.path.write_text("\n".join(map(json.dumps, lines)))
    slim = slim_session(session.files, ByName())
    assert json.dumps(unpacked(slim.blob)).count("[REDACTED]") == 3
    call = {"type": "function_call", "name": "f", "arguments": '{"api_key": "plain words"}'}
    session.path.write_text(json.dumps({"type": "response_item", "payload": call}))
    codex = msgspec.structs.replace(session.files, agent="codex")
    assert "plain words" not in json.dumps(unpacked(slim_session(codex, ByName()).blob))


def test_a_secret_split_by_colour_codes_is_one_string(session: Session) -> None:
    """Terminal codes go before redaction, so that they cannot hide a secret or stay in the text."""
    coloured = f"\x1b[31m{SECRET[:5]}\x1b[0m\x1b]8;;http://x\x07{SECRET[5:]}\x1b[K"
    session.path.write_text(json.dumps({"type": "user", "message": {"content": coloured}}) + "\n")
    slim = slim_session(session.files, redact)
    assert unpacked(slim.blob)[1]["record"]["message"]["content"] == "[REDACTED]"


def test_same_input_same_bytes() -> None:
    """Two runs over the same files give the same blob."""
    (files,) = find_sessions(FIXTURES / "claude").sessions
    assert slim_session(files, keep) == slim_session(files, keep)


def test_embedded_bytes_become_their_size(session: Session) -> None:
    """Base64 of images, in blocks or in text, is not kept."""
    data = "QUJD" * 100
    blocks = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
        {"type": "text", "text": f"see data:image/png;base64,{data}"},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "x", "file": {"base64": data}}]},
    ]
    slim = session.slim(json.dumps({"type": "user", "message": {"content": blocks}}).encode() + b"\n")
    assert "QUJDQUJD" not in json.dumps(unpacked(slim.blob))
    assert "[300 bytes]" in json.dumps(unpacked(slim.blob))


USER = b'{"type":"user","uuid":"u","message":{"role":"user","content":"%s"}}'


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (USER % "a\u2028b\x85c".encode(), "a\u2028b\x85c"),
        (b"\0\0\0" + USER % b"after nuls", "after nuls"),
        (b"  " + USER % b"padded" + b" \r", "padded"),
        (USER % b"bad \xff byte", "bad \ufffd byte"),
        (USER % b"lone \\ud800 half", "lone \ufffd half"),
        (USER % b"raw \t tab", "raw \t tab"),
        (USER[:-1] % b"numbers" + b',"x":NaN,"y":1e999}', "numbers"),
        (USER % (b"m" * 1_000_000), "m" * 1_000_000),
    ],
    ids=["line separators", "nuls", "padding", "utf-8", "surrogate", "control", "numbers", "1 MB"],
)
def test_strange_bytes_are_read(session: Session, line: bytes, text: str) -> None:
    """Unusual but meaningful lines give their record and no reject."""
    events, rejects = session.read(line)
    assert [event.text for event in events] == [text]
    assert rejects == []


@pytest.mark.parametrize(
    ("content", "number", "reason"),
    [
        (b'{"a":1}{"b":2}\n', 1, "not JSON"),
        (b"\n\n[1, 2]\n", 3, "not a JSON object"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}\n", 1, "nested too deep"),
        (b'{"type":"user","mess', 1, "half a line at the end of the file"),
    ],
    ids=["two values", "no object", "depth", "half"],
)
def test_rejects_name_file_line_and_reason(
    session: Session, content: bytes, number: int, reason: str
) -> None:
    """A line that cannot be read is a reject of the upload, and of every later reading of the blob."""
    slim = session.slim(content)
    _, again = read_events(slim.blob)
    assert [(reject.line, reject.reason) for reject in slim.rejects] == [(number, reason)]
    assert list(slim.rejects) == again
    assert again[0].file == f"-home-ada-kiln/{session.path.name}"


def test_endless_rejects_are_counted(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit rejects are a number, so that a file of rubbish needs no memory."""
    monkeypatch.setattr("transcripts.slim.REJECT_LIMIT", 3)
    slim = session.slim(b"x\n" * 10 + USER % b"hi")
    assert [reject.line for reject in slim.rejects] == [1, 2, 3, 0]
    assert slim.rejects[-1].reason == "7 more lines that cannot be read"
    assert read_events(slim.blob)[1] == list(slim.rejects)


def test_a_last_line_without_a_newline_is_read(session: Session) -> None:
    """A whole record counts even if its newline is not written yet."""
    assert read_events(session.slim(USER % b"whole").blob)[0][0].text == "whole"


def test_a_large_output_keeps_head_and_tail(session: Session) -> None:
    """A persisted result above the limit keeps both ends and says how much is left out."""
    session.path.write_bytes(USER % b"hi" + b"\n")
    output = session.path.with_name("big.txt")
    output.write_text("first\n" + "x" * OUTPUT_LIMIT + "\nlast")
    files = msgspec.structs.replace(session.files, parts=(Part("big.txt", output, "tool-result"),))
    slim = slim_session(files, keep)
    kept = unpacked(slim.blob)[-1]["output"]
    assert kept["text"].startswith("first\n")
    assert kept["text"].endswith("x\nlast")
    assert kept["left_out"] == 11
    assert slim.raw_bytes == len(USER % b"hi\n") + output.stat().st_size


def test_a_secret_across_a_cut_is_redacted(session: Session) -> None:
    """Shortening comes after redaction, so no half of a secret stays at either side of a cut."""
    session.path.write_bytes(USER % b"hi" + b"\n")
    half, output = OUTPUT_LIMIT // 2, session.path.with_name("big.txt")
    text = "x" * (half - 7) + SECRET + "y" * 50_000 + SECRET + "z" * (half - 7)
    output.write_text(text)
    files = msgspec.structs.replace(session.files, parts=(Part("big.txt", output, "tool-result"),))
    kept = unpacked(slim_session(files, redact).blob)[-1]["output"]["text"]
    assert "hunter2" not in kept
    file = {"type": "attachment", "attachment": {"type": "file", "content": "x" * 19_993 + SECRET}}
    session.path.write_text(json.dumps(file) + "\n")
    assert "hunter2" not in json.dumps(unpacked(slim_session(session.files, redact).blob))


def test_an_endless_line_is_a_reject(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line above the limit is never read whole, and the next line is read as usual."""
    monkeypatch.setattr("transcripts.lines.LONGEST_LINE", 1000)
    slim = session.slim(USER % (b"m" * 5000) + b"\n" + USER % b"next" + b"\n" + b"x" * 3000)
    assert [(reject.line, reject.reason[:11]) for reject in slim.rejects] == [
        (1, "longer than"),
        (3, "longer than"),
    ]
    assert [event.text for event in read_events(slim.blob)[0]] == ["next"]


def test_a_part_that_cannot_be_read_is_a_reject(session: Session, tmp_path: Path) -> None:
    """A missing part does not stop the session."""
    session.path.write_bytes(USER % b"hi" + b"\n")
    files = msgspec.structs.replace(session.files, parts=(Part("a", tmp_path / "no.jsonl", "subagent"),))
    slim = slim_session(files, keep)
    assert (slim.records, [reject.line for reject in slim.rejects]) == (1, [0])


def test_facts_of_the_session(session: Session) -> None:
    """The first cwd, the last branch and version and the newest time are the session's."""
    lines = [
        {
            "type": "user",
            "cwd": "/a",
            "gitBranch": "x",
            "version": "1",
            "timestamp": "2026-03-04T10:00:02.000Z",
        },
        {
            "type": "user",
            "cwd": "/b",
            "gitBranch": "y",
            "version": "2",
            "timestamp": "2026-03-04T10:00:01.000Z",
        },
    ]
    slim = session.slim("\n".join(map(json.dumps, lines)).encode())
    assert (slim.cwd, slim.branch, slim.host_version, slim.event_ms) == ("/a", "y", "2", 1772618402000)


def test_without_any_time_the_files_is_taken(session: Session) -> None:
    """A session of records without times is as old as its file."""
    slim = session.slim(b'{"type":"summary","summary":"s","leafUuid":"l"}\n')
    assert slim.event_ms == int(session.path.stat().st_mtime * 1000)
