"""A real browser for the tests of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

__all__ = ["browser", "check_accessibility", "page"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; a test that asks for it is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page, none of whose scripts may fail."""
    opened = browser.new_page(viewport={"width": 1280, "height": 860})
    opened.set_default_timeout(120_000)
    problems: list[str] = []

    def note(message: Any) -> None:
        # A request that the server refuses is no error of the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            problems.append(message.text)

    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", note)
    yield opened
    opened.close()
    assert problems == []


def check_accessibility(page: Any) -> None:
    """Assert that axe finds nothing serious, light and dark, and that no text is tiny."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page).response["violations"]
        serious = [
            (item["id"], [node["html"][:120] for node in item["nodes"][:3]])
            for item in found
            if item["impact"] in ("serious", "critical")
        ]
        assert serious == [], scheme
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
          .filter((element) => element.innerText && element.offsetParent)
          .map((element) => parseFloat(getComputedStyle(element).fontSize))"""
    )
    assert min(sizes) >= 12
