"""A trajectory as bounded Markdown: turns, code, calls and cost over time, for where a page of HTML cannot be shown.

Everything that a model, a tool or a user wrote stands in code blocks that it cannot end, so nothing of it is Markdown
or HTML. `rlm.view` shows a run whole.
"""

import re
from collections.abc import Iterator, Sequence

from rlm.prompt import cut
from rlm.trajectory import Record

_CODE = 4_000
_OUTPUT = 1_500
_CALL = 120
_MOST_CALLS = 40
_FENCES = re.compile(r"`{3,}")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def to_markdown(records: Sequence[Record], limit: int = 200_000) -> str:
    """The run that these records tell of, whole or cut off.

    Args:
        records: of one root run and its children.
        limit: the most characters; turns that do not fit are counted at the end.

    Raises:
        ValueError: there is no run in them.
    """
    if not records or records[0].get("kind") != "run":
        raise ValueError("no run in these records")
    steps = [record for record in records if record["kind"] == "step"]
    end = next((record for record in records if record["kind"] == "end" and record["run"] == 1), None)
    parts = [_head(records[0], steps, end), _costs(steps)]
    room = limit - sum(map(len, parts))
    shown = 0
    for step in steps:
        part = "".join(_step(step))
        if len(part) > room:
            break
        room -= len(part)
        shown += 1
        parts.append(part)
    if shown < len(steps):
        parts.append(f"\n{len(steps) - shown} more turns are left out here.\n")
    return "".join(parts)


def _head(run: Record, steps: Sequence[Record], end: Record | None) -> str:
    calls = sum(len(step["calls"]) for step in steps)
    usd = max((step["usd"] for step in steps), default=0.0)
    stopped = end["stopped_by"] if end else "nothing: the record ends here"
    facts = f"{len(steps)} turns, {calls} calls, ${usd:.4f}, ended by: {stopped}"
    models = _block(f"root model {run['root']}, sub-calls {run['sub']}")
    return f"{facts}\n\n{models}"


def _costs(steps: Sequence[Record]) -> str:
    """Cost over time, a row a turn; figures and nothing else."""
    rows = "".join(
        f"| {step['run']} | {step['step']} | {step['at']:.1f} | {step['usd']:.4f} | {_tokens(step, 'input_tokens')} "
        f"| {_tokens(step, 'output_tokens')} | {len(step['calls'])} |\n"
        for step in steps
    )
    head = "| run | turn | s | $ so far | tokens in | out | calls |\n|--:|--:|--:|--:|--:|--:|--:|\n"
    return f"\n{head}{rows}"


def _tokens(step: Record, kind: str) -> str:
    return "from memo" if step["cached"] else f"{(step['usage'] or {}).get(kind, 0)}"


def _step(step: Record) -> Iterator[str]:
    failed = ", failed" if step["error"] else ""
    yield f"\n## Run {step['run']}, turn {step['step']} ({step['seconds']:.1f} s{failed})\n"
    for code, output in zip(step["code"], [*step["output"], *[""] * len(step["code"])], strict=False):
        yield _block(cut(code, _CODE), "python")
        yield _block(cut(output, _OUTPUT)) if output else ""
    yield _block(cut(step["error"], _OUTPUT)) if step["error"] else ""
    if step["calls"]:
        told = "\n".join(map(_call, step["calls"][:_MOST_CALLS]))
        more = len(step["calls"]) - _MOST_CALLS
        yield "\nCalls:\n" + _block(told + (f"\n{more} more" if more > 0 else ""))


def _call(call: Record) -> str:
    outcome = call.get("error") or call.get("reply") or (f"run {call['run']}" if "run" in call else "")
    asked = " ".join(str(call.get("prompt", "")).split())[:_CALL]
    return f"{call['name']}({asked}) {call.get('seconds', '')} s → {' '.join(str(outcome).split())[:_CALL]}"


def _block(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any in the text."""
    shown = _CONTROLS.sub("", text)
    fence = "`" * max(4, *(len(found) + 1 for found in _FENCES.findall(shown)), 4)
    return f"\n{fence}{language}\n{shown}\n{fence}\n"
