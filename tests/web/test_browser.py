"""The page in a real browser, from an upload to a correction that is kept."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from galpipe.files.atomic import write_png
from galpipe.web.settings import ServerSettings
from galpipe.web.state import example_path

from ..browser import check_accessibility
from .conftest import Server, running


@pytest.fixture(scope="module")
def shipped() -> Iterator[Server]:
    """A server with the models that galpipe brings."""
    with running(ServerSettings()) as started:
        yield started


def field_files() -> list[str]:
    """The bands of NGC 6976 where there are real images, else the demonstration field."""
    folder = os.environ.get("GALPIPE_DATA")
    found = sorted(Path(folder).glob("fields/fits/reprojected_sdss_*.fits*")) if folder else []
    return [str(path) for path in found] or [str(example_path("demonstration"))]


def transform(page: Any) -> tuple[float, float, float]:
    text = page.get_attribute("canvas.boxes", "data-transform")
    x, y, scale = (float(part) for part in text.split())
    return x, y, scale


# Colour of the canvas of the boxes, and brightness of the picture below it, in a rectangle.
PIXELS = """([selector, x, y, width, height]) => {
  const canvas = document.querySelector(selector);
  const ratio = canvas.width / canvas.clientWidth;
  const data = canvas.getContext("2d").getImageData(
    x * ratio, y * ratio, Math.max(1, width * ratio), Math.max(1, height * ratio)).data;
  return [...data];
}"""


def pixels(page: Any, selector: str, *rectangle: float) -> np.ndarray:
    flat = page.evaluate(PIXELS, [selector, *rectangle])
    return np.array(flat, float).reshape(-1, 4)


def test_a_field_from_upload_to_correction(shipped: Server, page: Any) -> None:
    page.goto(shipped.address)
    files = field_files()
    page.set_input_files("input[multiple]", files)
    page.click("text=Find the galaxies")
    page.wait_for_url(re.compile("#/job/"))
    page.wait_for_url(re.compile("#/run/"))
    page.wait_for_selector(".deep[data-ready=true]")
    run = page.url.rpartition("/run/")[2].partition("/")[0]
    place = f"/api/runs/{run}/fields/0"
    field = shipped.client.get(place).json()
    info = shipped.client.get(f"{place}/picture").json()
    objects = field["objects_list"]
    assert len(objects) > 5

    # Boxes are at their pixels, around the light.
    page.wait_for_function("document.querySelector('canvas.boxes').dataset.transform")
    page.wait_for_timeout(800)
    x, y, scale = transform(page)
    chosen = _alone(objects)
    xmin, ymin, xmax, ymax = chosen["box"]
    if info["origin"] == "lower":
        ymin, ymax = info["height"] - ymax, info["height"] - ymin
    left, right = x + xmin * scale, x + xmax * scale
    top, bottom = y + ymin * scale, y + ymax * scale
    line = pixels(page, "canvas.boxes", left - 5, top, 4, bottom - top)
    classes = shipped.client.get(f"/api/runs/{run}").json()["classes"]
    colour = next(item["colour"] for item in classes if item["name"] == chosen["label"])
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    assert np.abs(line[:, :3] - wanted).max(axis=1).min() < 40
    assert not pixels(page, "canvas.boxes", left + 1, top + 1, right - left - 2, 1)[:, 3].any()
    picture = ".openseadragon-canvas canvas"
    middle = pixels(page, picture, left, top, right - left, bottom - top)[:, :3]
    beside = pixels(page, picture, left, bottom + 6, right - left, 6)[:, :3]
    assert middle.max() > beside.mean() + 40

    # A click on one shows its probabilities, as the API states them.
    bounds = page.locator(".stage").bounding_box()
    page.mouse.click(bounds["x"] + (left + right) / 2, bounds["y"] + (top + bottom) / 2)
    page.wait_for_selector(f".panel .identifier >> text='{chosen['source_id']}'")
    page.wait_for_selector(".panel .vote >> nth=0")
    shown = page.locator(".panel .probabilities tbody .number").all_inner_texts()
    assert shown == [f"{value:.3f}" for value in chosen["probabilities"]]
    votes = shipped.client.get(f"{place}/votes/{chosen['source_id']}").json()
    marks = page.locator(".panel .track .vote").count()
    assert marks == len(votes["members"]) * len(classes)
    if info["sky"]:
        readout = page.locator(".readout").inner_text()
        found = [float(number) for number in re.findall(r"([-+\d.]+)°", readout)]
        np.testing.assert_allclose(found, [chosen["ra"], chosen["dec"]], atol=2e-3)

    # The table is filtered and sorted.
    label, count = Counter(item["label"] for item in objects).most_common(1)[0]
    page.select_option(".filters select >> nth=0", label)
    assert page.locator("tbody tr[data-id]").count() == count
    assert page.locator(".count").inner_text() == f"{count} of {len(objects)}"
    page.select_option(".filters select >> nth=0", "")
    page.click("th button >> text=Prob.")
    first = page.locator("tbody tr[data-id]").first.get_attribute("data-id")
    assert first == max(objects, key=lambda item: item["probability"])["source_id"]

    # A corrected class is kept, and can be undone.
    other = next(item["name"] for item in classes if item["name"] != chosen["label"])
    page.click(f'tr[data-id="{chosen["source_id"]}"]')
    page.select_option(".panel fieldset select", other)
    page.wait_for_selector(".saved >> text=/^saved$/")
    page.reload()
    page.click(f'tr[data-id="{chosen["source_id"]}"]')
    page.wait_for_function(
        "name => document.querySelector('.panel fieldset select')?.value === name", arg=other
    )
    saved = shipped.state.jobs[run].result / "corrections"
    assert other in (saved / "labels.csv").read_text()

    # Corrections are downloaded for a training.
    page.click("summary >> text=Download")
    with page.expect_download() as started:
        page.click("text=Corrections, for a training")
    assert started.value.suggested_filename.endswith("-corrections.zip")
    page.click("summary >> text=Download")

    # A box is drawn with the mouse.
    page.keyboard.press("Escape")
    page.click("text=Add a box")
    page.mouse.move(bounds["x"] + 300, bounds["y"] + 200)
    page.mouse.down()
    page.mouse.move(bounds["x"] + 340, bounds["y"] + 260)
    page.mouse.up()
    page.wait_for_selector(".actions >> text='Undo (2)'")
    drawn = shipped.client.get(f"{place}/corrections").json()["objects"][-1]
    x, y, scale = transform(page)
    edges = drawn["box"]
    if info["origin"] == "lower":
        edges = [edges[0], info["height"] - edges[3], edges[2], info["height"] - edges[1]]
    screen = [
        x + edges[0] * scale,
        y + edges[1] * scale,
        x + edges[2] * scale,
        y + edges[3] * scale,
    ]
    np.testing.assert_allclose(screen, [300, 200, 340, 260], atol=1.5)
    page.click("text='Undo (2)'")
    page.click("text='Undo (1)'")
    page.wait_for_selector(".actions button:disabled >> text=Undo")
    check_accessibility(page)
    _look_at_the_phone(page, chosen["source_id"])


def _alone(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The largest object that no other overlaps."""

    def overlaps(one: dict[str, Any], two: dict[str, Any]) -> bool:
        a, b = one["box"], two["box"]
        return a[0] < b[2] + 9 and b[0] < a[2] + 9 and a[1] < b[3] + 9 and b[1] < a[3] + 9

    free = [
        item
        for item in objects
        if item["probabilities"]
        and not any(overlaps(item, other) for other in objects if other is not item)
    ]
    return max(free, key=lambda item: item["box"][2] - item["box"][0])


def _look_at_the_phone(page: Any, source: str) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    page.reload()
    page.wait_for_selector(".deep[data-ready=true]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click(f'tr[data-id="{source}"]')
    page.wait_for_selector(f".panel .identifier >> text='{source}'")
    page.wait_for_selector(".panel .probabilities")
    # The picture, which is above the table, comes into view.
    assert _top_of_the_picture(page) >= 0
    page.locator(".panel fieldset").scroll_into_view_if_needed()
    page.click("text=Change the box")
    assert _top_of_the_picture(page) >= 0
    page.keyboard.press("Escape")
    page.click("summary >> text=Stretch")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("summary >> text=Stretch")


def _top_of_the_picture(page: Any) -> float:
    page.wait_for_timeout(100)
    return float(page.locator(".sky").bounding_box()["y"])


def test_a_damaged_field_is_explained(shipped: Server, page: Any, tmp_path: Path) -> None:
    torn = tmp_path / "torn.fits"
    torn.write_bytes(b"SIMPLE  =                    T" + b" " * 3000)
    page.goto(shipped.address)
    page.set_input_files("input[multiple]", str(torn))
    page.click("text=Find the galaxies")
    text = page.wait_for_selector(".job [role=alert]").inner_text()
    assert "torn.fits" in text
    page.click("text=Back to all results")
    page.wait_for_selector(".list >> text=torn.fits")


def test_a_field_without_galaxies_says_what_could_be_done(
    server: Server, page: Any, tmp_path: Path
) -> None:
    dark = np.random.default_rng(0).integers(0, 9, (112, 128, 3)).astype(np.uint8)
    job = server.finish(server.start(write_png(tmp_path / "dark.png", dark).read_bytes()))
    page.goto(f"{server.address}/#/run/{job['run']}")
    panel = page.locator(".panel")
    panel.locator("h2 >> text=No galaxy was found in this field").wait_for()
    page.wait_for_selector(".deep[data-ready=true]")
    assert "--score-threshold 0.3" in panel.inner_text()
    assert "Choose a galaxy" not in panel.inner_text()
    assert page.locator(".table").count() == 0
    check_accessibility(page)

    # A box that a person adds is a galaxy to choose; after it is deleted, there is none again.
    page.click("text=Add a box")
    bounds = page.locator(".stage").bounding_box()
    page.mouse.move(bounds["x"] + 300, bounds["y"] + 200)
    page.mouse.down()
    page.mouse.move(bounds["x"] + 340, bounds["y"] + 260)
    page.mouse.up()
    page.wait_for_selector(".table tr[data-id]")
    page.keyboard.press("Delete")
    panel.locator("h2 >> text=No galaxy was found in this field").wait_for()
