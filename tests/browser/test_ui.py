"""What Prefect's UI shows of what hooks, the night and a busy store left behind."""

from tasks.inert import inert
from tasks.links import artifact_key
from tests.browser.scene import PROJECT, Scene
from tests.browser.window import Window
from tests.flows.helpers import Api


def task_run(scene: Scene, run: str, name: str) -> str:
    """The id of a flow run's task run."""
    return str(Api(scene.server).task_runs(run, name)[name]["id"])


def newest_brief(scene: Scene) -> str:
    """The id of the newest version of the brief's artifact."""
    return str(Api(scene.server).artifact(artifact_key("brief", PROJECT))["latest_id"])


def test_runs_of_a_hook_and_of_the_night_are_listed(lived: Scene, browser: Window) -> None:
    """Each is named after what it did, with its deployment, its project and whose sessions it took in."""
    browser.login(lived)
    browser.page.goto(f"{lived.ui}/runs/flow-run/{lived.hooked}")
    browser.sees("generation 2, 1 new sessions")
    for text in (f"compile {PROJECT}", "on-session-end", "author:jonas", "by:jonas", "Completed"):
        browser.says(text)
    browser.page.goto(f"{lived.ui}/runs")
    for text in ("nightly-recompile", "on-session-end", "by:mira", "author:adaeze"):
        browser.says(text)


def test_a_write_that_fails_twice_is_seen_retrying(lived: Scene, browser: Window) -> None:
    """The history of the task run: waiting to retry and retrying, twice, then completed; its log says why."""
    publish = task_run(lived, lived.retried, f"publish generation 1, {PROJECT}")
    browser.login(lived)
    browser.page.goto(f"{lived.ui}/events?resource=prefect.task-run.{publish}")
    browser.sees("Task run completed")
    told = [
        line
        for line in browser.words().splitlines()
        if line.startswith("prefect.task-run.") and line[17:].isalpha()
    ]
    again = ["AwaitingRetry", "Retrying"]
    assert [line[17:] for line in reversed(told)] == ["Pending", "Running", *again, *again, "Completed"]
    browser.page.goto(f"{lived.ui}/runs/task-run/{publish}")
    browser.sees("Finished in state Completed()")
    browser.says("StoreError('busy') - Retry 1/3")
    browser.says("StoreError('busy') - Retry 2/3")


def test_the_brief_and_its_history_are_shown(lived: Scene, browser: Window) -> None:
    """Its page shows the newest generation, a link leads to its sessions, and each generation is a version."""
    browser.login(lived)
    browser.page.goto(f"{lived.ui}/artifacts/artifact/{newest_brief(lived)}")
    browser.page.get_by_role("heading", name="Key decisions").wait_for()
    browser.says("Generation 3 of github.com/acme/tidewatch")
    link = browser.page.get_by_role("link", name="sessions", exact=True).get_attribute("href")
    browser.page.goto(f"{lived.ui}{link}")  # a click opens it in a tab of its own
    browser.sees(f"Sessions that generation 3 of {PROJECT} took in")
    browser.page.goto(f"{lived.ui}/artifacts/key/{artifact_key('brief', PROJECT)}")
    for generation in (1, 2, 3):
        browser.sees(f"show generation {generation}, {PROJECT}")
    browser.page.goto(f"{lived.ui}/artifacts/key/{artifact_key('progress', PROJECT)}")
    browser.sees(f"Sessions ingested and summarised for generation 3 of {PROJECT}")


def test_the_ui_asks_no_other_host(lived: Scene, browser: Window) -> None:
    """All its pages are served, with all that they need, by the server on this machine."""
    browser.login(lived)
    pages = ("dashboard", "runs", "flows", "deployments", "artifacts", "automations", "events", "settings")
    for page in pages:
        browser.page.goto(f"{lived.ui}/{page}", wait_until="networkidle")
    assert browser.asked == {lived.ui.removeprefix("http://")}


def test_the_second_ui_asks_one_tracking_service(lived: Scene, browser: Window) -> None:
    """Behind "Switch to V2 UI" Prefect asks Amplitude for its configuration, whatever is set; the docs say so."""
    with browser.page.expect_request(lambda request: "127.0.0.1" not in request.url):
        browser.page.goto(f"{lived.ui}/v2/")
    assert browser.asked - {lived.ui.removeprefix("http://")} == {"sr-client-cfg.amplitude.com"}


def test_what_a_transcript_brings_is_inert(lived: Scene, browser: Window) -> None:
    """Images, scripts and frames of a transcript are text: nothing is fetched or run, and no link hides its target."""
    hostile = (
        "![x](http://192.0.2.1/a.png) ![y][ref] <img src=x onerror=alert(1)> <iframe src=//192.0.2.2></iframe>\n\n"
        "[press](javascript:alert(2)) <script>alert(3)</script>\n\n[ref]: http://192.0.2.3/b.png\n"
    )
    dialogs: list[str] = []
    browser.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    made = Api(lived.server).call(
        "POST", "/artifacts/", {"type": "markdown", "key": "hostile", "data": f"{inert(hostile)}\n\nits end"}
    )
    browser.login(lived)
    browser.page.goto(f"{lived.ui}/artifacts/artifact/{made['id']}", wait_until="networkidle")
    browser.sees("its end")
    shown = browser.page.locator(".artifact").first
    assert shown.locator("iframe, script, img[src*='192.0.2']").count() == 0
    # An address that stands in the text may be one to press: it leads where it says.
    links = shown.locator("a[href*='192.0.2'], a[href^=javascript]").all()
    assert [link.get_attribute("href") for link in links] == [link.inner_text() for link in links]
    assert browser.asked == {lived.ui.removeprefix("http://")}
    assert dialogs == []
