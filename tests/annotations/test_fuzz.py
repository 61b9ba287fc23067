"""Whatever the bytes of a file are, a reader gives annotations or an InputError.

In the test suite a few thousand inputs a format; a longer run is

    python tests/annotations/test_fuzz.py --count 100000 [--format coco] [--seed 1]

A file of a valid data set is broken in one to four places, at random but the same way for the same
seed, and read.  What comes out other than an InputError is printed with the seed of that input.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.formats.format import AnnotationFormat, ReadOptions, WriteOptions
from galpipe.annotations.formats.registry import FORMATS, detect_format
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError

SKY_TABLES = {"table-ecsv": "a.ecsv", "table-votable": "a.vot", "table-fits": "a.fits"}

COUNT = 1000
CLASSES = ("ring", "spiral")
SLOW = {
    "tfrecord": 100,
    "yolo": 500,
    "ds9": 500,
    **dict.fromkeys(("table", "sextractor"), 300),
    **dict.fromkeys(SKY_TABLES, 150),
}

NUMBERS = "NaN nan Infinity -Infinity inf 1e999 -1e999 1e308 -0.0 1e-320 0 -1 1.5 1,5 1_000 0x10 ٣"
VALUES = 'true null None "" [] {} [[]] [null] [1,2] "NaN" "1e999" {"a":1} &a;[*a] *a !!int ? ---'
MARKUP = "<a> </a> &a; &#0; &#x110000; ]]> <!DOCTYPE_a> # ; , \" ' \\ \\u0000 \\ud800 % %s {0} $ |"
NAMES = "../../etc/passwd /etc/passwd C:\\x \\\\host\\x a/../b . .. image; box( fk5 \u2028 \ufeff é"
SENTENCES = (
    '<!DOCTYPE a [<!ENTITY b "c"><!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "!!python/object/apply:os.system ['true']",
    *(text * 3000 for text in ("9", "x")),
    *(text * 400 for text in ("[", '{"a":', "<a>", "(", "- ")),
    *(str(2**power) for power in (31, 32, 63, 64)),
    *"\n\r\t\x00\x01",
)
BYTES = (b"\xff", b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\x80" * 9, b"\xff" * 16, b"\x1f\x8b\x08")
WORDS = " ".join((NUMBERS, VALUES, MARKUP, NAMES)).split(" ")
TOKENS = [*(token.encode() for token in (*WORDS, *SENTENCES)), *BYTES]

WORD = re.compile(rb'"[^"\n]*"|-?[\w.]+|[\[\]{}()<>:,]')

VIA = """{"a.png9": {"filename": "a.png", "size": 9, "regions": [
{"shape_attributes": {"name": "rect", "x": 3, "y": 4, "width": 10, "height": 12},
 "region_attributes": {"class": "spiral"}},
{"shape_attributes": {"name": "polygon", "all_points_x": [1, 9, 5], "all_points_y": [2, 3, 12]},
 "region_attributes": {"class": "ring", "bar": {"yes": true}}},
{"shape_attributes": {"name": "ellipse", "cx": 20, "cy": 20, "rx": 5, "ry": 4, "theta": 0.3},
 "region_attributes": {"class": "ring"}}], "file_attributes": {}},
"b.png9": {"filename": "b.png", "size": 9, "regions": [
{"shape_attributes": {"name": "circle", "cx": 9, "cy": 8, "r": 3.5},
 "region_attributes": {"class": "spiral"}}], "file_attributes": {}}}
"""
SEXTRACTOR = """#   1 NUMBER          Running object number
#   2 X_IMAGE         Object position along x                     [pixel]
#   3 Y_IMAGE         Object position along y                     [pixel]
#   4 A_IMAGE         Profile RMS along major axis                [pixel]
#   5 B_IMAGE         Profile RMS along minor axis                [pixel]
#   6 THETA_IMAGE     Position angle (CCW/x)                      [deg]
#   7 KRON_RADIUS     Kron apertures in units of A or B
         1     20.500     12.250    3.100    2.000   45.0    3.5
         2     40.000     30.125    2.500    2.400  -10.5    3.5
"""
TABLE = """filename,x,y,size,class
a.png,12.5,20,10,spiral
b.png,30,31.25,8.5,ring
a.png,40,10,4,ring
"""
LABELME = """{"version": "5.4.1", "flags": {}, "shapes": [{"label": "ring", "points": [[3, 4.5],
[20, 30]], "group_id": 1, "shape_type": "rectangle", "flags": {"difficult": true, "bar": true}},
{"label": "spiral", "points": [[20, 20], [23, 24]], "shape_type": "circle", "flags": {},
"attributes": {"arms": ["2", "3"]}, "score": 0.5}, {"label": "ring", "points": [[1, 2], [9, 3],
[5, 12]], "shape_type": "polygon", "difficult": true}, {"label": "ring", "shape_type": "mask",
"points": [[1, 2], [9, 3]], "mask": "iVBOR"}], "imagePath": "images/a.png", "imageData": null,
"imageHeight": 48, "imageWidth": 64}
"""
VOTT = """{"name": "sky", "tags": [{"name": "ring"}, {"name": "spiral"}], "assets": {"0f": {"asset":
{"name": "a.png", "id": "0f", "size": {"width": 64, "height": 48}, "state": 2, "type": 1},
"regions": [{"id": "r", "type": "RECTANGLE", "tags": ["ring"], "boundingBox":
{"height": 12.5, "width": 9, "left": 3, "top": 4}, "points": [{"x": 3, "y": 4}]},
{"id": "s", "tags": ["spiral"], "points": [{"x": 3, "y": 4}, {"x": 12, "y": 9.5}]}],
"version": "2.2.0"}, "0e": {"asset": {"name": "b.png", "state": 1}, "regions": []}}}
"""
LABEL_STUDIO = """[{"id": 1, "annotations": [{"id": 1, "was_cancelled": false, "result": [
{"original_width": 64, "original_height": 48, "image_rotation": 0, "value": {"x": 10, "y": 20.5,
"width": 30, "height": 40, "rotation": 30, "rectanglelabels": ["ring"]}, "id": "r",
"type": "rectanglelabels"}, {"id": "r", "type": "choices", "value": {"choices": ["faint"]}},
{"original_width": 64, "original_height": 48, "value": {"x": 50, "y": 50, "radiusX": 10,
"radiusY": 5.5, "ellipselabels": ["spiral"]}, "id": "s", "type": "ellipselabels"},
{"original_width": 64, "original_height": 48, "value": {"points": [[1, 2], [50, 60]],
"polygonlabels": ["ring"]}, "id": "t", "type": "polygonlabels"}]}],
"data": {"image": "/data/upload/1/1fab03d2-a.png"}},
{"image": "/data/local-files/?d=b.png", "annotator": 1, "label": [{"x": 1, "y": 2, "width": 3,
"height": 4, "original_width": 64, "original_height": 48, "rectanglelabels": ["ring"]}]}]
"""
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels><label><name>ring</name></label></labels>
</task></meta><image id="0" name="a.png" width="64" height="48">
<box label="ring" occluded="1" xtl="3.5" ytl="4" xbr="13" ybr="16.25" rotation="30" z_order="0">
<attribute name="difficult">true</attribute><attribute name="arms">2</attribute></box>
<polygon label="spiral" points="1.0,2.0;9,3;5,12"/><ellipse label="ring" cx="20" cy="20" rx="5"
ry="4" rotation="15"/><mask label="ring" rle="1, 2" left="3" top="4" width="10" height="12"/>
<tag label="night"/></image><image id="1" name="b.png" width="64" height="48"></image></annotations>
"""
DOTA = """imagesource:GoogleEarth
gsd:0.1463
20.0 10.0 30.0 20.0 20.0 30.0 10.0 20.0 spiral 0
3 4 13 4 13 16.5 3 16.5 ring 1
"""
RESULTS = """[{"image_id": "a", "category_id": 1, "bbox": [3, 4.5, 10, 12], "score": 0.75},
{"image_id": "b.png", "category_id": 0, "bbox": [1, 2, 30, 40], "file_name": "b.png"}]
"""
TEXTS = {
    "results": ("results.json", RESULTS),
    "via": ("via.json", VIA),
    "labelme": ("a.json", LABELME),
    "vott": ("sky-export.json", VOTT),
    "labelstudio": ("project.json", LABEL_STUDIO),
    "cvat": ("annotations.xml", CVAT),
    "dota": ("a.txt", DOTA),
    "sextractor": ("a.cat", SEXTRACTOR),
    "table": ("t.csv", TABLE),
}
SEEDS = {**{name: name for name in FORMATS}, **dict.fromkeys(SKY_TABLES, "table")}


def collection() -> Collection:
    boxes = (
        ObjectBox("spiral", 1, 2, 20, 31),
        ObjectBox("ring", 0, 5.5, 30.25, 40, difficult=True, truncated=True, pose="Left"),
        ObjectBox("spiral galaxy", 10, 10, 64, 48, attributes=(("bar", "yes"), ("arms", "2"))),
    )
    return Collection(
        [
            AnnotatedImage("a.png", 64, 48, 3, boxes),
            AnnotatedImage("b.png", 64, 48, 3, boxes[1:2]),
            AnnotatedImage("c.png", 64, 48, 3),
        ]
    )


def write_sky_table(path: Path, images: Path) -> Path:
    """Write a table of places on the sky, with the image that they lie on."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [10, 5], [32, 24]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    sky = np.random.default_rng(0).normal(size=(48, 64)).astype(np.float32)
    fits.PrimaryHDU(sky, wcs.to_header()).writeto(images / "sky.fits")
    columns = {"ra": [10.0, 10.0005], "dec": [5.0, 5.0002], "radius": [1.5, 2.0]}
    table = Table(columns, units={"ra": "deg", "dec": "deg", "radius": "arcsec"})
    table["class"] = ["spiral", "ring"]
    table.write(path, **({"format": "votable"} if path.suffix == ".vot" else {}))
    return path


def write_seed(name: str, folder: Path) -> Path:
    """Write a valid data set with its images; return the path of the annotations."""
    images = folder / "images"
    images.mkdir(parents=True)
    if name in SKY_TABLES:
        return write_sky_table(folder / SKY_TABLES[name], images)
    for letter in "abc":
        cv2.imwrite(str(images / f"{letter}.png"), np.zeros((48, 64, 3), np.uint8))
    if name in TEXTS:
        file, text = TEXTS[name]
        (folder / file).write_text(text)
        return folder / file
    form = FORMATS[name]
    path = folder / (f"seed{form.suffix}" if form.suffix else "seed")
    assert form.write is not None
    form.write(
        path, collection(), WriteOptions(("ring", "spiral", "spiral galaxy"), ImageFolder(images))
    )
    return path


def broken(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes, changed in one to four places."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + int(chance.expovariate(1 / 8)) + 1)
        match chance.randrange(8):
            case 0 if data:
                place = chance.randrange(len(data))
                flipped = data[place] ^ (1 << chance.randrange(8))
                data = data[:place] + bytes([flipped]) + data[place + 1 :]
            case 1:
                data = data[:start] + data[end:]
            case 2:
                data = data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]
            case 3:
                data = data[:start] + chance.choice(TOKENS) + data[start:]
            case 4 if chance.random() < 0.2:
                data = data[:start]
            case _:
                words = list(WORD.finditer(data))
                if words:
                    word = chance.choice(words)
                    new = chance.choice((*TOKENS, chance.choice(words).group()))
                    data = data[: word.start()] + new + data[word.end() :]
    return data


def first_record(data: bytes) -> bytes:
    """Return the first record of a TFRecord file, which stands behind its length."""
    return data[12 : 12 + int.from_bytes(data[:8], "little")]


def write_record(file: Path, record: bytes) -> None:
    """Write a record with right checksums, without which no reader looks into it."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(file)) as writer:
        writer.write(record)


def read(form: AnnotationFormat, path: Path, images: ImageFolder | None) -> None:
    """Read everything that a reader can be asked for; anything but an InputError comes through."""
    form.recognises(path)
    failures: list[InputError] = []
    for function in (
        lambda: form.read_classes and form.read_classes(path),
        lambda: list(form.read(path, ReadOptions(images, CLASSES, failures.append))),
        lambda: list(form.read(path, ReadOptions(None, CLASSES))),
    ):
        try:
            function()
        except InputError as error:
            failures.append(error)
    assert all(str(failure).strip() for failure in failures)


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Make a folder in memory, where there is one: a disk takes ten times longer."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


def fuzz(name: str, folder: Path, count: int, seed: int) -> int:
    """Read so many broken inputs; print what went wrong, return how often it did."""
    form, path = FORMATS[SEEDS[name]], write_seed(name, folder)
    images = ImageFolder(folder / "images")
    assert any(image.objects for _, image in form.read(path, ReadOptions(images, CLASSES)))
    inside = [f for f in sorted(path.rglob("*")) if f.is_file()] if path.is_dir() else [path]
    whole = {file: file.read_bytes() for file in inside}
    wrong: dict[str, int] = {}
    for number in range(seed, seed + count):
        chance = random.Random(number)
        file = chance.choice(inside)
        if file.suffix == ".tfrecord" and chance.random() < 0.9:
            write_record(file, broken(first_record(whole[file]), chance))
        else:
            file.write_bytes(broken(whole[file], chance))
        try:
            read(form, path, images)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
            if kind not in wrong:
                print(f"{name}, seed {number}: {kind}: {str(error)[:200]}")
                traceback.print_exc()
            wrong[kind] = wrong.get(kind, 0) + 1
        file.write_bytes(whole[file])
    return sum(wrong.values())


@pytest.mark.parametrize("name", SEEDS)
def test_each_format_is_recognised_among_all(name: str, tmp_path: Path) -> None:
    assert detect_format(write_seed(name, tmp_path)) is FORMATS[SEEDS[name]]


@pytest.mark.parametrize("name", SEEDS)
def test_only_our_own_error_comes_out(name: str) -> None:
    with memory_folder() as folder:
        assert fuzz(name, folder, SLOW.get(name, COUNT), 0) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--format", choices=SEEDS, action="append")
    parser.add_argument("--seed", type=int, default=1_000_000)
    options = parser.parse_args()
    warnings.simplefilter("error")
    wrong = 0
    for name in options.format or SEEDS:
        with memory_folder() as folder:
            found = fuzz(name, folder, options.count, options.seed)
        print(f"{name}: {options.count} inputs, {found} faults of the reader", flush=True)
        wrong += found
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
