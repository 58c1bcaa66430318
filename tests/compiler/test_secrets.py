"""What a transcript may carry a secret in, and who may read what we write."""

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard

from compiler.local_copy import refresh
from compiler.runtime import Runtime
from data_models.project import normalise_remote
from tests.compiler.conftest import Compile
from tests.synthetic import write_team

_ZSTD = b"\x28\xb5\x2f\xfd"
_PLACES = ("cwd", "gitBranch", "uuid", "parentUuid", "requestId", "version", "slug", "type", "timestamp")


def _secret(place: str) -> str:
    return "ghp_" + (re.sub("[^a-z]", "", place.lower()) + "Zq8vT3LmN0pRs7WxYb2Cd4Ef6Gh9Jk1Qw5Er")[:36]


def _plant(path: Path) -> list[str]:
    """Write a secret into every kind of place of one session and its parts; all of them."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    secrets = [_secret(place) for place in _PLACES]
    for place, secret in zip(_PLACES, secrets, strict=True):
        records.append(records[0] | {place: f"/{secret}" if place == "cwd" else secret})
    records[0]["cwd"] = "/src/" + secrets[0]
    reply = records[1]["message"]
    for field in ("model", "id", "stop_reason"):
        secrets.append(_secret(f"reply-{field}"))
        reply[field] = secrets[-1]
    for kind, field in (("tool", "name"), ("tool", "id"), ("unknown", "type")):
        secrets.append(_secret(f"{kind}-block-{field}"))
        block = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
        records[2]["message"]["content"].append(block | {field: secrets[-1]})
    for kind in ("summary", "customTitle", "prUrl"):
        secrets.append(_secret(kind))
        records.append(
            {"type": {"customTitle": "custom-title", "prUrl": "pr-link"}.get(kind, kind), kind: secrets[-1]}
        )
    secrets += [
        _secret("agent"),
        _secret("agent-meta"),
        _secret("output-name"),
        _secret("output"),
        _secret("cut"),
    ]
    agent, about, name, output, cut = secrets[-5:]
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + '{"cut ' + cut)
    beside = path.with_suffix("")
    (beside / "subagents").mkdir(parents=True)
    (beside / "tool-results").mkdir()
    lines = "".join(json.dumps(record | {"agentId": agent}) + "\n" for record in records[:3])
    (beside / "subagents" / f"agent-{agent}.jsonl").write_text(lines)
    (beside / "subagents" / f"agent-{agent}.meta.json").write_text(json.dumps({"agentType": about}))
    (beside / "tool-results" / f"{name}.txt").write_text(f"token {output}\n")
    return secrets


def _contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they unpack to."""
    data = path.read_bytes()
    yield data
    start = data.find(_ZSTD)
    while start >= 0:
        with contextlib.suppress(zstandard.ZstdError):
            yield zstandard.ZstdDecompressor().decompressobj().decompress(data[start:])
        start = data.find(_ZSTD, start + 1)
    if data.startswith(b"PAR1"):
        yield repr(pq.read_table(path).to_pylist()).encode()


def test_no_secret_reaches_home_or_store(runtime: Runtime, compile_team: Compile, tmp_path: Path) -> None:
    """Planted in fields, keys, names of files and parts: in no file, name or unpacked content of ours."""
    source = write_team(tmp_path / "team", 2)
    secrets = _plant(next(source.rglob("*.jsonl")))
    compile_team(source)
    refresh(runtime, "shop")
    written = [path for path in runtime.home.rglob("*") if path.is_file()]
    assert len(written) > 20
    found = {
        (secret, str(path.relative_to(runtime.home)))
        for path in written
        for data in [str(path).replace("!", "").encode(), *_contents(path)]
        for secret in secrets
        if secret[4:].lower().encode() in data.lower()
    }
    assert not found


def test_only_the_user_may_read_what_is_written(runtime: Runtime, compile_team: Compile, team: Path) -> None:
    """Files 0600, folders 0700, with the most open umask there is."""
    before = os.umask(0)
    try:
        compile_team(team)
        refresh(runtime, "shop")
    finally:
        os.umask(before)
    modes = {
        (path.is_dir(), stat.S_IMODE(path.lstat().st_mode))
        for path in [runtime.home, *runtime.home.rglob("*")]
    }
    assert modes == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize("end", ["?private_token=abc", "#abc", ".git?x=https://other/y/z"])
def test_a_remote_names_a_project_without_its_query(end: str) -> None:
    """A token in the query of a remote's address is no part of the project's name."""
    assert normalise_remote(f"https://user:word@git.example.com/shop/api{end}") == "git.example.com/shop/api"
