from __future__ import annotations

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox


def test_boxes_of_an_image_without_objects_keep_four_columns() -> None:
    assert AnnotatedImage("a.png", 10, 10).boxes.shape == (0, 4)


def test_columns_of_objects() -> None:
    image = AnnotatedImage(
        "a.png",
        100,
        80,
        objects=(ObjectBox("star", 1, 2, 3, 5), ObjectBox("galaxy", 0, 0, 9, 9, difficult=True)),
    )
    np.testing.assert_array_equal(image.boxes, [[1, 2, 3, 5], [0, 0, 9, 9]])
    np.testing.assert_array_equal(image.difficult, [False, True])
    assert image.labels == ("star", "galaxy")
    assert (image.objects[0].width, image.objects[0].height) == (2, 3)


@pytest.mark.parametrize("edge", [float("nan"), float("inf")])
def test_edges_must_be_finite(edge: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        ObjectBox("galaxy", 0, 0, edge, 1)


def test_numpy_edges_become_plain_floats() -> None:
    box = ObjectBox("galaxy", *np.array([1, 2, 3, 4], dtype=np.float32))
    assert all(type(edge) is float for edge in box.edges)
