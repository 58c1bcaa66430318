"""Makes the pictures of docs/images anew: `python -m tests.browser.screenshots docs/images`.

They show the invented sessions of `examples/sessions`, as a home looks after a compile that was retried, one that a
hook triggered, and a night (`scene.py`).
"""

import shutil
import sys
import tempfile
from pathlib import Path

from tasks.links import artifact_key
from tests.browser.scene import PROJECT, Scene, scene
from tests.browser.window import Window, window
from tests.flows.helpers import Api


def main() -> None:
    """Write the pictures into the folder of the first argument."""
    folder, chromium = Path(sys.argv[1]), shutil.which("chromium")
    if chromium is None:
        raise SystemExit("no Chromium: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, scene(Path(home)) as lived:
        with window(chromium) as browser:
            _prefect(lived, browser, folder)
        with window(chromium, scheme="light", width=960) as browser:
            browser.page.goto(lived.report.as_uri())
            browser.page.screenshot(path=folder / "report.png")


def _prefect(lived: Scene, browser: Window, folder: Path) -> None:
    api = Api(lived.server)
    named = f"publish generation 1, {PROJECT}"
    publish = api.task_runs(lived.retried, named)[named]["id"]
    brief = api.artifact(artifact_key("brief", PROJECT))["latest_id"]
    pages = {
        "runs": ("runs", "nightly-recompile", 1090),
        "run": (f"runs/flow-run/{lived.retried}", "generation 1 of 4 sessions", 900),
        "retries": (f"events?resource=prefect.task-run.{publish}", "Task run completed", 1500),
        "brief": (f"artifacts/artifact/{brief}", "Key decisions", 680),
    }
    browser.login(lived)
    for name, (path, text, height) in pages.items():
        browser.page.set_viewport_size({"width": 1280, "height": height})
        browser.page.goto(f"{lived.ui}/{path}", wait_until="networkidle")
        browser.sees(text)
        browser.page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main()
