"""The page in a real browser, where one is installed: it requests nothing, moves, and is accessible."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ganctl import report
from tests.handmade_runs import rich, translating

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    unprivileged = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=unprivileged)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    runs = [rich(folder / "rich"), translating(folder / "translating")]
    for run in runs:
        report.write(run, run.report)
    return {run.path.name: run.report for run in runs}


@pytest.fixture
def open_page(browser: Browser, pages: dict[str, Path]) -> Iterator[OpenPage]:
    """Opens a page; in the end it must have requested nothing and logged no error."""
    requests, messages = list[str](), list[str]()
    contexts = []

    def open_in_browser(
        name: str = "rich", width: int = 1280, scheme: Literal["light", "dark"] = "light", touch: bool = False
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(pages[name].as_uri())
        return page

    yield open_in_browser
    for context in contexts:
        context.close()
    assert {url for url in requests if not url.startswith("data:")} <= {path.as_uri() for path in pages.values()}
    assert messages == []


def test_every_chart_is_drawn(open_page: OpenPage) -> None:
    page = open_page()
    assert page.locator("canvas").count() == 6
    count_colours = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
    assert min(canvas.evaluate(count_colours) for canvas in page.locator("canvas").all()) > 20


@pytest.mark.parametrize("name", ["rich", "translating"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_check_finds_nothing(open_page: OpenPage, name: str, scheme: Literal["light", "dark"]) -> None:
    page = open_page(name, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


def test_the_keyboard_moves_through_the_progress(open_page: OpenPage) -> None:
    page = open_page()
    slider, preview = page.get_by_label("Epoch", exact=True), page.locator("#preview")
    before = preview.get_attribute("src")
    expect(page.locator("#epoch")).to_have_text("epoch 50")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#epoch")).to_have_text("epoch 49")
    expect(preview).to_have_attribute("alt", "Progress picture of epoch 49")
    expect(slider).to_have_attribute("aria-valuetext", "epoch 49")
    assert preview.get_attribute("src") != before
    page.keyboard.press("Home")
    expect(page.locator("#epoch")).to_have_text("epoch 0")
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 120


def test_the_progress_plays_and_pauses(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Play").click()
    expect(page.locator("#epoch")).to_have_text(re.compile("epoch [1-9]$"))
    page.get_by_role("button", name="Pause").click()
    paused = page.locator("#epoch").inner_text()
    page.wait_for_timeout(400)
    assert page.locator("#epoch").inner_text() == paused


def test_a_slider_uncovers_the_translation(open_page: OpenPage) -> None:
    page = open_page("translating")
    slider, picture = page.locator(".compare input").first, page.locator(".compare .before").first
    clip_path = "image => getComputedStyle(image).clipPath"
    before = picture.evaluate(clip_path)
    slider.focus()
    page.keyboard.press("End")
    assert picture.evaluate(clip_path) != before
    box = page.locator(".compare").first.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 20)
    assert 15 <= int(slider.input_value()) <= 30


@pytest.mark.parametrize("name", ["rich", "translating"])
def test_on_a_phone_nothing_is_wider_than_the_screen(open_page: OpenPage, name: str) -> None:
    page = open_page(name, width=360, touch=True)
    page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_chart_says_the_values_under_the_pointer_and_the_last_ones_otherwise(open_page: OpenPage) -> None:
    page = open_page()
    chart, value = page.locator("#chart-losses .u-over"), page.locator("#chart-losses .value").first
    last = value.inner_text()
    chart.hover(position={"x": 5, "y": 50})
    expect(value).not_to_have_text(last)
    page.mouse.move(1, 1)
    expect(value).to_have_text(last)


def test_a_command_is_copied(open_page: OpenPage) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: ganctl make-gif").click()
    expect(page.locator("#copy-status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("ganctl make-gif ")


def test_the_first_tab_stop_leads_past_the_header(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#play")).to_be_focused()
