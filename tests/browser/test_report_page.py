"""The page of `rlm-context report` as a browser shows it."""

import pytest

from tests.browser.scene import Scene
from tests.browser.window import Window


def background(browser: Window) -> int:
    """How bright the page is, from 0 to 765."""
    colour = browser.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.strip("rgba()").split(",")[:3])


@pytest.mark.parametrize(("browser", "bright"), [("light", True), ("dark", False)], indirect=["browser"])
def test_it_shows_its_plots(lived: Scene, browser: Window, bright: bool) -> None:
    """Every plot takes up room, in light and dark; nothing is said on the console, nobody is asked for anything."""
    browser.page.goto(lived.report.as_uri())
    plots = [plot.bounding_box() for plot in browser.page.locator("svg").all()]
    assert plots
    assert all(box and box["width"] > 100 and box["height"] > 20 for box in plots), plots
    assert (background(browser) > 382) == bright
    assert (browser.errors, browser.asked) == ([], set())


def test_nothing_is_cut_off_on_a_narrow_page(lived: Scene, browser: Window) -> None:
    """On a telephone's width the page does not scroll sideways."""
    browser.page.set_viewport_size({"width": 390, "height": 800})
    browser.page.goto(lived.report.as_uri())
    assert browser.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_numbers_of_plots_can_be_read_on_a_narrow_page(lived: Scene, browser: Window) -> None:
    """A plot keeps its size and is scrolled by itself: its letters are no smaller than half of the text's."""
    browser.page.set_viewport_size({"width": 390, "height": 800})
    browser.page.goto(lived.report.as_uri())
    label = browser.page.locator("svg text").first.bounding_box()
    text = browser.page.locator("figcaption").first.evaluate(
        "one => parseFloat(getComputedStyle(one).fontSize)"
    )
    assert label is not None
    assert label["height"] > text / 2


@pytest.mark.parametrize("browser", ["dark"], indirect=True)
def test_it_is_printed_on_white(lived: Scene, browser: Window) -> None:
    """Also by somebody who reads it in the dark: ink is dark then, and the paper bright."""
    browser.page.goto(lived.report.as_uri())
    browser.page.emulate_media(media="print", color_scheme="dark")
    assert background(browser) > 700
    ink = browser.page.evaluate("getComputedStyle(document.body).color")
    assert sum(int(part) for part in ink.strip("rgba()").split(",")[:3]) < 200
