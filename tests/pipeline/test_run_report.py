"""The report of a run: what it states, what it leaves out, and the page in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import Result

import galpipe
from galpipe.imaging.draw import class_colour
from galpipe.pipeline import run_report
from galpipe.pipeline.collect import RunResult, collect
from galpipe.pipeline.detect import detect

from ..browser import check_accessibility
from .conftest import picture, write_fits, write_picture

HOSTILE = "a<script>alert(1)<script>&\"'.png"


@pytest.fixture(scope="module")
def result(
    tiny_detector_bundle: Path,
    tiny_classifier_bundle: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> RunResult:
    """A run over a FITS file, two pictures of hostile and empty kind, and two that fail."""
    folder = tmp_path_factory.mktemp("report")
    squares = {(16, 32): "red", (80, 64): "blue"}
    write_fits(folder / "in" / "sky.fits", squares)
    # A name of a file holds no slash, but anything else.
    hostile = folder / "in" / HOSTILE
    write_picture(folder / "in" / "plain.png", picture(160, 128, {(24, 40): "green"}))
    (folder / "in" / "plain.png").rename(hostile)
    write_picture(folder / "in" / "empty.png", picture(128, 128, {}))
    (folder / "in" / "<b>bad.png").write_bytes(b"no picture")
    return galpipe.run(
        [folder / "in", folder / "missing.fits"],
        folder / "out",
        detector=tiny_detector_bundle,
        classifier=tiny_classifier_bundle,
    )


def read(output: Path) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """The page, and the content of its data."""
    page = (output / "report.html").read_text()
    blocks = re.findall(r'<script type="application/json" [^>]*>(.*?)</script>', page, re.DOTALL)
    whole, *fields = map(json.loads, blocks)
    return page, whole, fields


def test_the_page_states_the_catalogue(result: RunResult) -> None:
    _, whole, fields = read(result.output)
    table = result.catalogue.table
    assert whole["objects"] == len(table) == sum(field["objects"] for field in fields)
    assert [field["name"] for field in fields] == [done.field for done in result.record.fields]
    for field in fields:
        rows = table[table["field"] == field["name"]]
        assert field["classes"] == rows["class_id"].tolist()
        for name, values in field["columns"].items():
            expected = [
                None if value != value else value for value in np.asarray(rows[name]).tolist()
            ]
            assert values == expected, name
    stated = {column["name"] for column in whole["columns"]}
    assert stated == set(table.colnames)
    for number, item in enumerate(whole["classes"]):
        assert item["colour"] == class_colour(number)
    names = [item["name"] for item in whole["classes"]]
    found = {item["name"]: item["count"] for item in whole["classes"]}
    assert names == ["dark", "red", "green", "blue", "galaxy"]
    assert found == {name: int(np.sum(table["class_name"] == name)) for name in names}
    for histogram in whole["histograms"]:
        assert sum(map(sum, histogram["counts"].values())) == len(table)
        assert all(
            len(bins) == len(histogram["edges"]) - 1 for bins in histogram["counts"].values()
        )


def test_the_pictures_are_beside_the_page(result: RunResult) -> None:
    _, _, fields = read(result.output)
    for field in fields:
        shown = cv2.imread(str(result.output / field["picture"]))
        assert shown.shape == (field["height"], field["width"], 3)
        assert all((result.output / crop).is_file() for crop in field["crops"])
        assert len(field["crops"]) == field["objects"]
        if field["objects"]:
            edges = [np.array(field["columns"][name]) for name in ("x", "y")]
            x, y = edges[0][0], edges[1][0]
            row = field["height"] - y if field["lower"] else y
            assert shown[int(row), int(x)].max() > 200


def test_the_page_says_how_it_was_made(result: RunResult) -> None:
    page, _, _ = read(result.output)
    assert result.record.started in page
    assert f"galpipe {galpipe.__version__}" in page
    for model in result.record.models.values():
        assert all(checksum in page for checksum in model["sha256"].values())
    assert all(name in page for name in ("catalogue.ecsv", "catalogue.csv", "run.json"))
    assert "missing.fits" in page


def test_names_are_no_markup(result: RunResult) -> None:
    page, _, _ = read(result.output)
    assert "<script>alert" not in page
    assert "<b>bad" not in page
    assert "&lt;b&gt;bad" in page
    # Nothing but the script of the page itself may run, and nothing is loaded from elsewhere.
    policy = re.search(r'Content-Security-Policy"\s+content="([^"]+)"', page)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "http" not in policy[1]


def test_what_is_too_much_for_a_page_is_counted_but_not_shown(
    result: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, before, fields = read(result.output)
    monkeypatch.setattr(run_report, "_OBJECTS", 1)
    monkeypatch.setattr(run_report, "_FAILURES", 1)
    collect(result.output)
    page, whole, shown = read(result.output)
    assert whole == before
    assert sum(len(field["classes"]) for field in shown) == 1
    assert len(shown) < len(fields)
    assert "These are the first of 2" in page
    monkeypatch.setattr(run_report, "_FIELDS", 0)
    collect(result.output)
    assert read(result.output)[2] == []
    monkeypatch.undo()
    collect(result.output)
    assert read(result.output)[2] == fields


def test_a_detection_without_classes_or_pictures(
    tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    found = detect(good_picture, tmp_path / "out", model=models["detector"], overlays=False)
    _, whole, (field,) = read(found.output)
    assert whole["classified"] == 0
    assert [item["name"] for item in whole["classes"]] == ["galaxy"]
    assert whole["classes"][0]["count"] == len(found.catalogue) > 0
    assert whole["histograms"][1]["name"] == "Score"
    assert field["picture"] == field["overlay"] == ""
    assert set(field["crops"]) == {""}
    assert not (found.output / "pictures").exists()


def test_the_command_is_stated(
    tmp_path: Path,
    good_picture: Path,
    models: dict[str, Path],
    galpipe_cli: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "my result"
    arguments = ["detect", good_picture, "-o", out, "--model", models["detector"]]
    monkeypatch.setattr("sys.argv", ["/bin/galpipe", *map(str, arguments)])
    done = galpipe_cli(*arguments)
    assert done.exit_code == 0, done.output
    assert "report:" in done.stdout
    page, _, _ = read(out)
    assert f"galpipe detect {good_picture} -o" in page
    # In another program, such as a server, they may hold its secrets.
    detect(good_picture, tmp_path / "other", model=models["detector"])
    assert "Command" not in read(tmp_path / "other")[0]


def test_the_page_in_a_browser(result: RunResult, page: Any) -> None:
    _, _, fields = read(result.output)
    page.goto((result.output / "report.html").as_uri())
    count = len(result.catalogue)
    assert page.locator(".wall li").count() == count
    page.wait_for_function(
        "[...document.querySelectorAll('img.cut')].every((image) => image.naturalWidth > 0)"
    )

    # Filters and order.
    page.uncheck("fieldset label:has-text('red') input")
    red = int(np.sum(result.catalogue["class_name"] == "red"))
    assert page.locator("output").inner_text() == f"{count - red} of {count}"
    assert page.locator(".wall .name", has_text="red").count() == 0
    page.check("fieldset label:has-text('red') input")
    largest = max(np.asarray(result.catalogue["xmax"] - result.catalogue["xmin"]))
    page.fill("[name=sizeFrom]", str(largest + 50))
    assert page.locator(".empty >> visible=true").inner_text() == "No object passes the filter."
    page.fill("[name=sizeFrom]", "")
    page.select_option("[name=direction]", "up")
    shares = [float(text.split()[0]) for text in page.locator(".wall .facts").all_inner_texts()]
    assert shares == sorted(shares)

    # A box is at its pixels, and a click on it shows its row of the catalogue.
    page.click("nav >> text=Fields")
    chosen = next(field for field in fields if field["lower"])
    x, y, source = (chosen["columns"][name][0] for name in ("x", "y", "source_id"))
    article = page.locator("article", has=page.locator(f"h3:text-is('{chosen['name']}')"))
    article.scroll_into_view_if_needed()
    article.locator("rect").first.wait_for()
    view = article.locator(".picture")
    bounds = view.bounding_box()
    scale = bounds["width"] / chosen["width"]
    place = {"x": x * scale, "y": (chosen["height"] - y) * scale}
    view.hover(position=place)
    assert page.locator("#label").inner_text().endswith("px")
    view.click(position=place)
    dialog = page.locator("dialog[open]")
    assert dialog.locator("tr:has(th:text-is('source_id')) td").inner_text() == source
    row = result.catalogue.table[result.catalogue["source_id"] == source][0]
    stated = dialog.locator(".bars b").all_inner_texts()
    assert stated == [f"{row[f'prob_{name}']:.3f}" for name in ("dark", "red", "green", "blue")]
    check_accessibility(page)
    dialog.locator("text=Show in its field").click()
    page.locator("rect.chosen").wait_for()
    page.evaluate(
        "document.querySelectorAll('section').forEach((part) => { part.hidden = false; })"
    )
    check_accessibility(page)
    page.set_viewport_size({"width": 390, "height": 780})
    for part in ("Galaxies", "Fields", "Histograms", "Failures", "How it was made"):
        page.click(f"nav >> text={part}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, part
