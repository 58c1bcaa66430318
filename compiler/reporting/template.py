"""The report's page. Self-contained: no script, no address of anything outside, and every text escaped."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>rlm-context report, {{ figures.made | minute }} UTC</title>
<style>
:root { color-scheme: light; --paper: #ffffff; --ink: #1c1e21; --soft: #5a6068; --line: #d5d9de; --bad: #a61b1b;
  --s0: #0072b2; --s1: #e69f00; --s2: #009e73; --s3: #cc79a7; --s4: #d55e00; --s5: #b8a900; --s6: var(--ink);
  --s7: #8a9099; }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; --paper: #16181b; --ink: #e8eaed;
  --soft: #a4abb3; --line: #3a3f45;
  --bad: #ff8a80; --s0: #56b4e9; --s5: #f0e442; } }
body { font: 15px/1.5 system-ui, sans-serif; background: var(--paper); color: var(--ink); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
a { color: inherit; } h1 { font-size: 1.5rem; margin-bottom: .2rem; }
h2 { margin-top: 3rem; border-bottom: 2px solid var(--line); overflow-wrap: anywhere; }
h2, td, li, .facts, figcaption { unicode-bidi: isolate; } h3 { margin: 2rem 0 .4rem; }
.facts, figcaption { color: var(--soft); } .bad { color: var(--bad); }
figure { margin: 0; } svg { width: 100%; min-width: 40rem; height: auto; display: block; }
svg text { font-size: 12px; fill: var(--soft); } svg line { stroke: var(--line); }
{% for n in range(8) %}.f{{ n }} { fill: var(--s{{ n }}); background: var(--s{{ n }}); } {% endfor %}
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: .4rem 0; }
.legend span { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .4em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } td.d { white-space: nowrap; }
td.bar { width: 30%; } td.bar span { display: block; height: .7em; margin-top: .4em; border-radius: 2px; }
summary { cursor: pointer; color: var(--soft); margin: .3rem 0; } code { font-size: .9em; }
@media print { body { margin: 0; max-width: none; } svg { min-width: 0; }
  td { overflow-wrap: anywhere; } h2 { break-before: page; } h2:first-of-type { break-before: auto; }
  figure, tr { break-inside: avoid; } .f0, .f1, .f2, .f3, .f4, .f5, .f6, .f7 { print-color-adjust: exact; } }
</style></head><body>
{% macro chart(plot, title, caption, head, rows) %}
<h3>{{ title }}</h3>
<figure><div class="scroll"><svg viewBox="0 0 {{ plot.width }} {{ plot.height }}" \
role="img" aria-label="{{ title }}. {{ caption }}">
{% for y, label in plot.grid %}
<line x1="{{ plot.left }}" x2="{{ plot.right }}" y1="{{ y | round(1) }}" y2="{{ y | round(1) }}"/>
<text x="{{ plot.left - 6 }}" y="{{ (y + 4) | round(1) }}" text-anchor="end">{{ label }}</text>{% endfor %}
{% for bar in plot.bars %}<rect class="f{{ bar.series }}" x="{{ bar.x | round(2) }}" y="{{ bar.y | round(2) }}" \
width="{{ bar.width | round(2) }}" height="{{ bar.height | round(2) }}"><title>{{ bar.says }}</title></rect>
{% endfor %}
{% for x, label in plot.labels %}
<text x="{{ x | round(1) }}" y="{{ plot.bottom + 18 }}" text-anchor="middle">{{ label }}</text>
{% endfor %}</svg></div>
{% if plot.series | length > 1 %}<ul class="legend">{% for name in plot.series %}
<li><span class="f{{ loop.index0 }}"></span>{{ name }}</li>{% endfor %}</ul>{% endif %}
<figcaption>{{ caption }}</figcaption></figure>
<details><summary>As a table</summary>{{ grid(head, rows) }}</details>
{% endmacro %}
{% macro grid(head, rows) %}<div class="scroll"><table><thead><tr>
{% for name, kind in head %}{% if name %}<th scope="col" class="{{ kind }}">{{ name }}</th>{% else %}<td></td>
{%- endif %}{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row %}<td class="{{ head[loop.index0][1] }}">
{%- if head[loop.index0][1] == "bar" %}<span class="f0" style="width: {{ cell }}%"></span>
{%- else %}{{ cell }}{% endif %}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>{% endmacro %}
<h1>rlm-context report</h1>
<p class="facts">{{ figures.made | minute }} UTC. Store: {{ figures.store }}.
{% if figures.night %}Last nightly: {{ figures.night.ended | minute }} UTC
{%- if figures.night.stored %}, {{ figures.night.stored.objects | number }} objects,
{{ "%.1f" | format(figures.night.stored.bytes / 1e6) }} MB{% endif %}.{% else %}No nightly has run yet.{% endif %}</p>
{% for line in alarms %}<p class="bad">{{ line }}</p>{% endfor %}
{% if pages | length > 1 %}<h2>All projects</h2>
<div class="scroll"><table><thead><tr><th scope="col">project</th><th scope="col" class="n">generation</th>
<th scope="col">of (UTC)</th><th scope="col" class="n">sessions</th><th scope="col" class="n">authors</th>
<th scope="col" class="n">runs failed</th><th scope="col" class="n">US dollars</th></tr></thead><tbody>
{% for page in pages %}<tr><td><a href="#project-{{ loop.index }}">{{ page.name }}</a></td>
{% for cell, kind in page.row %}<td class="{{ kind }}">{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endif %}
{% for page in pages %}
<h2 id="project-{{ loop.index }}">{{ page.name }}</h2>
<p class="facts">{{ page.facts }}</p>
{% for part in page.parts %}
{% if part.plot %}{{ chart(part.plot, part.title, part.caption, part.head, part.rows) }}
{% else %}<h3>{{ part.title }}</h3><p class="facts">{{ part.caption }}</p>
{% if part.rows %}{{ grid(part.head, part.rows) }}{% endif %}
{% endif %}{% endfor %}
{% endfor %}
</body></html>
"""
