from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from click.testing import Result
from lxml import html

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.imaging.draw import PALETTE

Cli = Callable[..., Result]

HOSTILE = "\"><script>alert(1)</script>&'.png"
HOSTILE_CLASS = "</style><img src=x onerror=alert(2)>"


def write_image(folder: Path, name: str, *objects: ObjectBox, value: int = 30) -> None:
    picture = np.full((60, 100, 3), value, np.uint8)
    (folder / "images").mkdir(exist_ok=True)
    assert cv2.imencode(".png", picture)[1].tofile(folder / "images" / name) is None
    annotated = AnnotatedImage(name, 100, 60, 3, objects)
    write_voc(folder / "xml" / f"{name.removesuffix('.png')}.xml".replace("/", "_"), annotated)


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    """Five images of a disc, and one of a ring and a difficult disc."""
    for number in range(5):
        write_image(tmp_path, f"{number}.png", ObjectBox("disc", 10, 10, 30, 30))
    difficult = ObjectBox("disc", 60, 20, 90, 50, difficult=True)
    write_image(tmp_path, "ring.png", ObjectBox("ring", 10, 10, 30, 30), difficult)
    return tmp_path


def coloured(path: Path) -> list[int]:
    """Pixels of the colours of the first two classes."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return [int((picture == colour).all(axis=2).sum()) for colour in PALETTE[:2]]


def test_pages(galpipe_cli: Cli, annotated: Path, tmp_path: Path) -> None:
    call = ("annotations", "view", annotated / "xml", "-o", tmp_path / "sheet.png")
    result = galpipe_cli(*call, "--columns", 2)
    assert result.exit_code == 0, result.output
    pages = [tmp_path / "sheet-1.png", tmp_path / "sheet-2.png"]
    assert result.output.split() == [str(page) for page in pages]
    assert coloured(pages[0])[0] > 2000
    assert coloured(pages[0])[1] < 300  # the spot in the legend
    assert coloured(pages[1])[1] > 500
    assert galpipe_cli(*call, "--columns", 2).exit_code == 2
    assert galpipe_cli(*call, "--columns", 2, "--overwrite").exit_code == 0
    assert galpipe_cli(*call, "--columns", 2, "--rows", 3).exit_code == 0
    assert (tmp_path / "sheet.png").is_file()


def test_a_class_alone(galpipe_cli: Cli, annotated: Path, tmp_path: Path) -> None:
    call = ("annotations", "view", annotated / "xml", "-o", tmp_path / "ring.html", "--class")
    assert galpipe_cli(*call, "ring").exit_code == 0
    page = html.parse(str(tmp_path / "ring.html"))
    assert page.xpath("//figcaption/text()") == ["ring.png"]
    assert len(page.xpath("//rect")) == 1
    result = galpipe_cli(*call, "comet", "--overwrite")
    assert result.exit_code == 1
    assert "'comet'" in result.output


def test_fits_fields_have_their_first_row_at_the_bottom(galpipe_cli: Cli, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(0, 1, (100, 200)).astype(np.float32)
    pixels[10:20, 20:50] += 1000
    (tmp_path / "images").mkdir()
    fits.PrimaryHDU(pixels).writeto(tmp_path / "images" / "sky.fits")
    image = AnnotatedImage("sky.fits", 200, 100, 1, (ObjectBox("galaxy", 20, 10, 50, 20),))
    write_voc(tmp_path / "xml" / "sky.xml", image)
    result = galpipe_cli("annotations", "view", tmp_path / "xml", "-o", tmp_path / "sky.html")
    assert result.exit_code == 0, result.output
    page = html.parse(str(tmp_path / "sky.html"))
    [rect] = page.xpath("//rect")
    x, y, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
    assert (x, y, width, height) == (180, 720, 270, 90)
    [source] = page.xpath("//img/@src")
    data = np.frombuffer(base64.b64decode(source.split(",")[1]), np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert grey.shape == (900, 1800)
    assert grey[730:800, 190:440].min() > 150
    assert grey[90:180, 180:450].max() < 150


def test_names_of_strangers_do_nothing_on_the_page(galpipe_cli: Cli, tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "")
    write_image(
        tmp_path, name, ObjectBox(HOSTILE_CLASS, 10, 10, 30, 30), ObjectBox("b", 0, 0, 9, 9)
    )
    result = galpipe_cli("annotations", "view", tmp_path / "xml", "-o", tmp_path / "page.html")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "page.html").read_text()
    assert "<script" not in text
    assert "<img src=x" not in text
    assert not re.search(r"https?://", text)
    assert "default-src 'none'" in text
    page = html.fromstring(text)
    assert page.xpath("//figcaption/text()") == [name]
    assert len(page.xpath("//img")) == 1
    assert HOSTILE_CLASS in page.xpath("//text/text()")
    assert {key for tag in page.iter() for key in tag.attrib if key.startswith("on")} == set()
    assert (
        galpipe_cli("annotations", "view", tmp_path / "xml", "-o", tmp_path / "page.png").exit_code
        == 0
    )


def test_faulty_boxes_are_drawn_as_they_can(galpipe_cli: Cli, tmp_path: Path) -> None:
    faulty = [(50, 50, 20, 20), (90, 40, 5e8, 50), (-9, -9, -5, -5), (20, 20, 20, 20)]
    write_image(tmp_path, "a.png", *(ObjectBox("disc", *edges) for edges in faulty))
    for suffix in ("png", "html"):
        call = ("annotations", "view", tmp_path / "xml", "-o", tmp_path / f"page.{suffix}")
        result = galpipe_cli(*call)
        assert result.exit_code == 0, result.output


def test_what_cannot_be_shown_is_named(galpipe_cli: Cli, annotated: Path, tmp_path: Path) -> None:
    (annotated / "images" / "3.png").write_bytes(b"no picture")
    (annotated / "images" / "4.png").unlink()
    call = ("annotations", "view", annotated / "xml", "-o")
    result = galpipe_cli(*call, tmp_path / "page.html")
    assert result.exit_code == 1
    assert "3.png" in result.output
    assert "4.png" in result.output
    assert len(html.parse(str(tmp_path / "page.html")).xpath("//figure")) == 4
    assert galpipe_cli(*call, tmp_path / "page.jpg").exit_code == 2
