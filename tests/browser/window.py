"""A headless Chromium for which every host but 127.0.0.1 is unknown, and what its pages asked for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, sync_playwright

from tests.browser.scene import Scene
from tests.waiting import until

PATIENCE_MS = 60_000


class Window:
    """One page of a browser.

    Attributes:
        page: the page.
        asked: hosts (with port) that it sent requests to, or tried to.
        errors: what it said on its console as errors, and exceptions nobody caught.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: set[str] = set()
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def login(self, scene: Scene) -> None:
        """Give the UI its password, as its first page asks for it."""
        self.page.goto(scene.ui)
        self.page.locator("input[type=password]").fill(scene.server.auth)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{scene.ui}/dashboard")

    def sees(self, text: str) -> None:
        """Wait until this text can be read on the page."""
        self.page.get_by_text(text).first.wait_for()

    def says(self, text: str) -> None:
        """Wait until this text is among all that can be read on the page: its parts are asked for one by one."""
        until(lambda: text in self.words(), step=0.1)

    def words(self) -> str:
        """All that can be read on the page."""
        return self.page.inner_text("body")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob", "file"):
            self.asked.add(address.netloc)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)


@contextmanager
def window(
    chromium: str, *, scheme: Literal["light", "dark"] = "dark", width: int = 1280, height: int = 900
) -> Iterator[Window]:
    """Open a browser for the block.

    Args:
        chromium: the program.
        scheme: the colours that its user prefers.
        width, height: of the page, in pixels.
    """
    unknown = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    sandbox: list[str] = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses root with one
    size: Any = {"width": width, "height": height}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[unknown, *sandbox])
        yield Window(browser.new_page(viewport=size, color_scheme=scheme))
        browser.close()
