"""One small compile and one question with real models, for less than one cent: `make live`.

    python -m benchmarks.live

Needs `ANTHROPIC_API_KEY` (or `ANTHROPIC_BASE_URL` of a server on this machine) and no `RLM_CONTEXT_REAL_MODELS=0`;
exits 2 without. The invented sessions of `examples/sessions/mira` are compiled in a throwaway home, by the cheapest
model for all parts, the root included. `--max-usd` holds both commands under a cent together; what that does not pay
for is done without a model and is printed as degraded. Prints what was asked, what it cost by the dated price table,
and exits 1 where no model was heard, or the cent was passed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rlm.clients.errors import BlockedError
from rlm.clients.network import check_allowed

ROOT = Path(__file__).parents[1]
MODEL = "anthropic:claude-haiku-5-5"
SOURCE = ROOT / "examples" / "sessions" / "mira"
QUESTION = "What was decided, and why?"
CENT = 0.01
_COMPILE_USD, _ASK_USD = 0.007, 0.003


def main() -> int:
    """Run both commands; the exit code."""
    if reason := why_not():
        print(f"live: nothing was sent: {reason}")
        return 2
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = _environment(home)
        source = ["--source", str(SOURCE), "--project", "tidewatch"]
        compiled = _run(environment, "compile", *source, "--max-usd", str(_COMPILE_USD))
        answer = _run(environment, "ask", QUESTION, "--project", "tidewatch", "--max-usd", str(_ASK_USD))
    spent = compiled["totals"]["llm"]
    usd = spent["usd"] + answer["usd"]
    print(answer["answer"], end="\n\n")
    print(f"compile: {spent['calls']} calls, ${spent['usd']:.5f}")
    for reason in compiled["projects"][0]["degraded"]:
        print(f"  degraded: {reason}")
    print(f"ask: {answer['usage']['calls']} calls, ${answer['usd']:.5f}, stopped by {answer['stopped_by']}")
    print(f"together ${usd:.5f}, by the prices of {answer['prices_date']}")
    return int(usd > CENT or not spent["calls"] or not answer["usage"]["calls"])


def why_not() -> str:
    """Why no model can be asked; "" where one can."""
    if not os.environ.get("ANTHROPIC_API_KEY"):
        return "ANTHROPIC_API_KEY is not set"
    try:
        check_allowed(os.environ.get("ANTHROPIC_BASE_URL") or "https://api.anthropic.com")
    except BlockedError as error:
        return error.message
    return ""


def _environment(home: str) -> dict[str, str]:
    models = {f"RLM_CONTEXT_MODELS__{part}": MODEL for part in ("MAP", "TREE", "ROOT", "SUB")}
    own = {name: value for name, value in os.environ.items() if not name.startswith("RLM_CONTEXT_")}
    switch = {name: value for name, value in os.environ.items() if name == "RLM_CONTEXT_REAL_MODELS"}
    return {**own, **switch, **models, "RLM_CONTEXT_HOME": home, "RLM_CONTEXT_BACKEND": "model"}


def _run(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """One command's document."""
    command = [sys.executable, "-m", "rlm_context", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


if __name__ == "__main__":
    sys.exit(main())
