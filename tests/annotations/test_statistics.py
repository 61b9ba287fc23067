from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.statistics import BoxTable, objects_per_image, statistics
from galpipe.annotations.statistics_plots import PICTURES, coverage_map, write_pictures

IMAGES = [
    AnnotatedImage(
        "a",
        100,
        50,
        3,
        (
            ObjectBox("ring", 0, 0, 40, 10),
            ObjectBox("disc", 10, 10, 30, 30),
            ObjectBox("disc", 0, 0, 9, 9, difficult=True),
        ),
    ),
    AnnotatedImage("b", 100, 50),
    AnnotatedImage("c", 64, 64, 3, (ObjectBox("disc", 20, 20, 10, 10),)),
]


def test_counts_and_measures() -> None:
    figures = statistics(BoxTable.gather(IMAGES))
    assert (figures.images, figures.without_objects, figures.faulty) == (3, 1, 1)
    assert figures.image_sizes == {"100x50": 2, "64x64": 1}
    assert figures.objects_per_image["mean"] == 1
    assert list(figures.classes) == ["disc", "ring"]
    disc = figures.classes["disc"]
    assert (disc.images, disc.objects, disc.difficult) == (2, 2, 1)
    assert disc.size["p50"] == disc.longer_side["max"] == 20
    ring = figures.classes["ring"]
    assert (ring.size["min"], ring.longer_side["p95"], ring.aspect_ratio["p50"]) == (20, 40, 4)
    assert (figures.total.images, figures.total.objects) == (2, 3)
    assert figures.to_json()["classes"]["ring"]["objects"] == 1


@pytest.mark.parametrize("images", [[], IMAGES[1:2]])
def test_nothing_to_measure(images: list[AnnotatedImage], tmp_path: Path) -> None:
    table = BoxTable.gather(images)
    figures = statistics(table)
    assert figures.total.size == {}
    assert figures.without_objects == len(images)
    assert coverage_map(table).sum() == 0
    write_pictures(tmp_path, table)


def test_objects_per_image_leaves_out_the_difficult_ones() -> None:
    assert objects_per_image(BoxTable.gather(IMAGES)).tolist() == [2, 0, 1]


def test_the_map_counts_the_boxes_over_each_place() -> None:
    image = AnnotatedImage(
        "a", 40, 20, 3, (ObjectBox("disc", 10, 5, 30, 10), ObjectBox("disc", -9, -9, 11, 7))
    )
    np.testing.assert_array_equal(
        coverage_map(BoxTable.gather([image]), cells=4),
        [[1, 1, 0, 0], [1, 2, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    )


def test_pictures(tmp_path: Path) -> None:
    written = write_pictures(tmp_path / "new", BoxTable.gather(IMAGES))
    assert [path.name for path in written] == list(PICTURES)
    for path in written:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.std() > 5
