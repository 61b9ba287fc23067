"""Measure the frames of the page while a field with thousands of boxes is moved and zoomed.

    python benchmarks/page_boxes.py result --boxes 4000

The first field of a run is shown with copies of its objects all over it, and without any, and moved
and zoomed in the same way: what both take is the browser's.  Needs Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Route, sync_playwright

from galpipe.web.serve import serve_in_thread
from galpipe.web.settings import ServerSettings

RECORD = """() => {
  window.frames_ = [];
  let last = performance.now();
  const next = (now) => {
    window.frames_.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}"""


def scattered(field: dict[str, Any], count: int) -> dict[str, Any]:
    """Return a field with copies of its objects at other places."""
    random = np.random.default_rng(0)
    objects = []
    for number in range(count):
        found = dict(field["objects_list"][number % len(field["objects_list"])])
        side = 12 + 20 * float(random.random())
        x = float(random.uniform(0, field["width"] - side))
        y = float(random.uniform(0, field["height"] - side))
        objects.append(found | {"source_id": f"copy-{number}", "box": [x, y, x + side, y + side]})
    return field | {"objects_list": objects, "objects": count, "galaxies": count}


def frames(browser: Any, address: str, boxes: int) -> np.ndarray:
    """Return the durations of the frames in milliseconds, while the picture is moved."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})

    def answer(route: Route) -> None:
        route.fulfill(json=scattered(json.loads(route.fetch().text()), boxes))

    page.route("**/api/runs/*/fields/0", answer)
    page.goto(address)
    page.wait_for_selector(".deep[data-ready=true]")
    page.wait_for_timeout(1500)
    page.evaluate(RECORD)
    page.mouse.move(500, 300)
    for zoom in (-300, -300, 300, 300):
        page.mouse.wheel(0, zoom)
        page.wait_for_timeout(500)
        page.mouse.down()
        for step in range(40):
            page.mouse.move(500 + 4 * step, 300 + 2 * step)
        page.mouse.up()
        page.mouse.move(500, 300)
    measured = np.array(page.evaluate("window.frames_"))
    page.close()
    return measured


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--boxes", type=int, default=4000)
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    settings = ServerSettings(outputs=(options.run,), port=0)
    with serve_in_thread(settings) as server, sync_playwright() as started:
        address = f"{server.address}/#/run/{server.state.opened[0].id}/0"
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for count in (0, options.boxes, 0, options.boxes):
            times = frames(browser, address, count)
            print(
                f"{count} boxes: {len(times)} frames, median {np.median(times):.0f} ms, "
                f"99th percentile {np.quantile(times, 0.99):.0f} ms, longest {times.max():.0f} ms",
                flush=True,
            )
        browser.close()


if __name__ == "__main__":
    main()
