"""Three nights of an invented team, and what they leave in docs: `python -m tests.browser.nights docs`.

The team is as large as a real one whose sessions cannot be shown. Its models are a server on loopback that repeats what
it is asked about; all else is the product, on a Prefect server of a home of its own.
"""

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from compiler.reporting.leave import REPORT_KEY
from compiler.runtime import open_runtime
from compiler.uploading.upload import upload
from flows.local_server import live_server
from flows.prefect_api import prefect_api
from tests.browser.scene import SESSIONS
from tests.browser.window import window
from tests.compiler.models.server_model import fitting, settings_for
from tests.flows.helpers import Api
from tests.rlm.servers.priced import PricedServer
from tests.synthetic import write_team

PROJECTS = {"acme/gauges": (84, 110), "acme/harbour": (26, 70), "acme/website": (17, 30)}
"""Sessions of each made-up project, and turns of each session; besides them there is the one of the examples."""
EXAMPLES = "acme/tidewatch"
AUTHORS = ("mira", "jonas", "adaeze", "tomasz")
TITLES = ("First night: most is handed over in batches", "Second night: they are collected", "Third night")
PAGE = "nightly-report.html"
HEAD = f"""# Three nights

What three nights in a row leave, for an invented team with about as many sessions as a real one whose own cannot be
shown. Four people, four projects; that of [examples/sessions](../examples/README.md) is one of them. The models are a
server on loopback, so dollars are of invented answers at the prices of the table. `python -m tests.browser.nights docs`
makes this page anew; figures of nights over the real sample are in [prefect.md](prefect.md#the-night).

The page of figures that the last of them left in the store is [{PAGE}]({PAGE}),
a file to open in a browser:

![Its first screen: all projects, then the sessions of the first over time, by author](images/report-night.png)

Below are the artifacts of the nights, as Prefect shows them, without their links.
"""


def main() -> None:
    """Write the page, the page of figures and its picture into the folder of the first argument."""
    docs, chromium = Path(sys.argv[1]), shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, PricedServer() as models:
        _settle_in(Path(folder), models)
        told = list(_nights(models))
        page = open_runtime().store.get(REPORT_KEY).decode().replace(folder, "/home/mira")
    (docs / PAGE).write_text(page, encoding="utf-8")
    parts = [f"## {title}\n\n{_inside(text)}" for title, text in zip(TITLES, told, strict=True)]
    (docs / "nights.md").write_text("\n".join([HEAD, *parts]), encoding="utf-8")
    with window(chromium, scheme="light", width=960, height=1240) as browser:
        browser.page.goto((docs / PAGE).resolve().as_uri())
        browser.page.screenshot(path=docs / "images" / "report-night.png")


def _settle_in(home: Path, models: PricedServer) -> None:
    """A home of its own for this process, its models, and everybody's sessions in its store."""
    others = ("RLM_CONTEXT_", "PREFECT_", "CLAUDE_", "CODEX_", "ANTHROPIC_", "OPENAI_", "XDG_")
    for name in [name for name in os.environ if name.startswith(others)]:
        del os.environ[name]
    models.reply, models.polls = fitting, 1_000_000
    os.environ |= {"HOME": str(home), "RLM_CONTEXT_HOME": str(home / ".rlm-context"), **settings_for(models)}
    for number, (project, (sessions, turns)) in enumerate(PROJECTS.items()):
        source = write_team(home / f"source-{number}", sessions, authors=AUTHORS, turns=turns, per_day=4)
        _upload(source, project)
    _upload(SESSIONS, EXAMPLES)


def _upload(source: Path, project: str) -> None:
    for folder in sorted(source.iterdir()):
        os.environ["RLM_CONTEXT_AUTHOR"] = folder.name
        upload(open_runtime(), [folder], project=project)


def _nights(models: PricedServer) -> Iterator[str]:
    """The artifact of each night; the provider has answered its batches after the first."""
    home = open_runtime().home
    with prefect_api(home):
        # Not before: Prefect reads its settings when it is imported.
        from flows.nightly import nightly_recompile
        from tasks.nightly import ARTIFACT

        server = live_server(home)
        assert server is not None
        for _ in TITLES:
            asyncio.run(nightly_recompile())
            yield str(Api(server).artifact(ARTIFACT)["data"])
            models.end_batches()


def _inside(artifact: str) -> str:
    """An artifact as part of a page: its headings one lower, its links to Prefect's pages as words."""
    text = artifact.partition("\n\n")[2].replace("\n## ", "\n### ").removeprefix("## ")
    text = text if text.startswith("- ") else f"### {text}"
    return re.sub(r"\[([^\]]+)\]\(/artifacts/[^)]*\)", r"\1", text)


if __name__ == "__main__":
    main()
