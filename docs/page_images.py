"""Make the pictures of the pages in ``docs/images``, from the demonstration field.

    python docs/page_images.py

Needs the extra ``web``, Playwright, and Chromium as on Debian.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from galpipe import run
from galpipe.files.atomic import write_jpeg
from galpipe.web.serve import serve_in_thread
from galpipe.web.settings import ServerSettings
from galpipe.web.state import example_path

IMAGES = Path(__file__).parent / "images"
WINDOW = {"width": 1440, "height": 900}
QUALITY = 88


def save(page: Any, name: str) -> None:
    """Write what the page shows."""
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    write_jpeg(IMAGES / f"{name}.jpg", cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), QUALITY)


def show_galaxy(page: Any, address: str) -> None:
    """Open a field, with the largest galaxy chosen."""
    page.goto(address)
    page.wait_for_selector(".deep[data-ready=true]")
    page.click("th button >> text=Size")
    page.click("tbody tr[data-id] >> nth=0")
    page.wait_for_selector(".panel .vote >> nth=0")
    page.click("text=Whole")
    page.mouse.move(0, 0)
    page.wait_for_timeout(3000)


def main() -> None:
    """Make the pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        result = run(example_path("demonstration"), Path(folder) / "result")
        chromium = shutil.which("chromium")
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with serve_in_thread(ServerSettings(outputs=(result.output,), port=0)) as server:
            page = browser.new_page(viewport=WINDOW, color_scheme="dark")
            page.set_default_timeout(300_000)
            show_galaxy(page, f"{server.address}/#/run/{server.state.opened[0].id}/0")
            save(page, "serve")
            page.emulate_media(color_scheme="light")
            page.click("summary >> text=Stretch")
            page.wait_for_timeout(500)
            save(page, "serve-stretch")
            page.emulate_media(color_scheme="dark")
            page.goto((result.output / "report.html").as_uri())
            page.wait_for_timeout(3000)
            save(page, "report")
        browser.close()


if __name__ == "__main__":
    main()
