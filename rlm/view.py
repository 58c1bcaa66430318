"""A trajectory as one HTML page: the tree of runs, code and output of each step, cost over time.

The page is self-contained: no script, no address of anything outside. Every text is escaped, because transcripts,
prompts and what models wrote are hostile data.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import jinja2

from rlm.trajectory import Record

_WIDTH, _HEIGHT = 900, 120

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ root.question | truncate(80) }}</title>
<style>
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --bad: #c0392b; --good: #1e8449; --ink: #2471a3; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h1, .text { white-space: pre-wrap; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .6rem .8rem; margin: .4rem 0; border-radius: 4px; overflow-x: auto;
  font: 13px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.code { border-left: 3px solid var(--ink); } pre.error { border-left: 3px solid var(--bad); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; padding: .2rem .8rem; }
summary { cursor: pointer; } .run { margin-left: 1rem; } .facts { opacity: .7; font-size: .85rem; }
.answer { border-left: 3px solid var(--good); padding-left: .8rem; } .partial { border-color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: .85rem; } .scroll { overflow-x: auto; }
th, td { text-align: left; padding: .2rem .5rem; border-top: 1px solid var(--line); vertical-align: top; }
svg { width: 100%; height: auto; background: var(--soft); border-radius: 6px; }
polyline { fill: none; stroke: var(--ink); stroke-width: 2; } svg text { font-size: 12px; fill: currentColor; }
</style></head><body>
{% macro step_view(step) %}
<details{% if step.error %} open{% endif %}><summary>Step {{ step.step }} <span class="facts">
{{ "%.2f" | format(step.seconds) }} s{% if step.cached %}, from the cache{% endif %}
{%- if step.usage %}, {{ step.usage.input_tokens }} tokens in, {{ step.usage.output_tokens }} out{% endif %}
{%- if step.calls %}, {{ step.calls | length }} calls{% endif %}{% if step.error %}, failed{% endif %}</span></summary>
<details><summary class="facts">what the model was told</summary><pre>{{ step.prompt }}</pre></details>
<details><summary class="facts">what it wrote</summary><pre>{{ step.reply }}</pre></details>
{% for code in step.code %}<pre class="code">{{ code }}</pre>
{% if step.output[loop.index0] %}<pre>{{ step.output[loop.index0] }}</pre>{% endif %}{% endfor %}
{% if step.error %}<pre class="error">{{ step.error }}</pre>{% endif %}
{% if step.calls %}<div class="scroll"><table><tr><th>call</th><th>asked</th><th>answered</th><th>s</th></tr>
{% for call in step.calls %}<tr><td>{{ call.name }}{% if call.cached %} (cached){% endif %}</td>
<td>{{ call.prompt }}</td><td>{{ call.error or call.reply or "" }}{% if call.run %}run {{ call.run }}{% endif %}</td>
<td>{{ call.seconds if call.seconds is defined else "" }}</td></tr>{% endfor %}</table></div>{% endif %}
</details>{% endmacro %}
{% macro children_view(children) %}{% for child in children %}<div class="run">
<p class="text">{{ child.question }}</p>{{ run_view(child) }}</div>{% endfor %}{% endmacro %}
{% macro run_view(run) %}
<p class="facts">Run {{ run.number }}: {{ run.facts }}</p>
{% for step in run.steps %}{{ step_view(step) }}{{ children_view(run.children_of(step)) }}{% endfor %}
{{ children_view(run.unclaimed) }}
<p class="text answer{% if run.stopped_by != 'answer' %} partial{% endif %}">
{%- if run.stopped_by != 'answer' %}[stopped by {{ run.stopped_by }}: {{ run.message }}] {% endif %}{{ run.answer }}</p>
{% endmacro %}
<h1>{{ root.question.split("\\n\\n")[0] | truncate(200) }}</h1>
{% if root.question | length > 200 or "\\n\\n" in root.question %}
<details><summary class="facts">the whole question</summary>
<pre>{{ root.question }}</pre></details>{% endif %}
<svg viewBox="0 0 {{ width }} {{ height }}" role="img" aria-label="Cost over time">
<polyline points="{{ points }}"/>
<text x="8" y="18">${{ "%.4f" | format(usd) }} in {{ "%.1f" | format(seconds) }} s</text>
</svg>
{{ run_view(root) }}
</body></html>
"""


@dataclass(slots=True)
class _Run:
    """One run, put together from its records."""

    number: int
    question: str
    facts: str
    steps: list[Record] = field(default_factory=list)
    children: dict[int, "_Run"] = field(default_factory=dict)
    stopped_by: str = "nothing: the record ends here"
    message: str = ""
    answer: str = ""

    def children_of(self, step: Record) -> list["_Run"]:
        """The children that a step started, as far as they are recorded."""
        numbers = [call.get("run") for call in step["calls"]]
        return [self.children[number] for number in numbers if number in self.children]

    @property
    def unclaimed(self) -> list["_Run"]:
        """Children of a step that was cut off, so that no record says which it was."""
        claimed = {child.number for step in self.steps for child in self.children_of(step)}
        return [child for number, child in self.children.items() if number not in claimed]


def render(records: Sequence[Record]) -> str:
    """The page for the records of one root run, whole or cut off.

    Raises:
        ValueError: there is no run in them.
    """
    if not records or records[0].get("kind") != "run":
        raise ValueError("no run in these records")
    root = _tree(records)
    steps = [record for record in records if record["kind"] == "step"]
    seconds = max(record["at"] for record in records)
    usd = max((step["usd"] for step in steps), default=0.0)
    return _template().render(
        root=root, points=_points(steps, seconds, usd), usd=usd, seconds=seconds, width=_WIDTH, height=_HEIGHT
    )


def write_view(records: Sequence[Record], path: Path) -> None:
    """Write the page to a file that only the user can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(render(records))


def _tree(records: Sequence[Record]) -> _Run:
    runs: dict[int, _Run] = {}
    for record in records:
        if record["kind"] == "run":
            facts = f"{record['context']} Root model {record['root']}, sub-calls {record['sub']}."
            run = runs[record["run"]] = _Run(record["run"], record["question"], facts)
            if record["parent"] in runs:
                runs[record["parent"]].children[run.number] = run
        elif record["kind"] == "step":
            runs[record["run"]].steps.append(record)
        else:
            run = runs[record["run"]]
            run.stopped_by, run.message, run.answer = (
                record["stopped_by"],
                record["message"],
                record["answer"],
            )
    return next(iter(runs.values()))


def _points(steps: list[Record], seconds: float, usd: float) -> str:
    """Cost over time as the points of a polyline; steps of children are among them."""
    spent = [(0.0, 0.0), *((step["at"], step["usd"]) for step in steps)]
    return " ".join(
        f"{at / (seconds or 1) * _WIDTH:.1f},{(1 - cost / (usd or 1) * 0.9) * (_HEIGHT - 4):.1f}"
        for at, cost in spent
    )


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
