from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.classification.training.dataset import CACHE_SIZE, Cutouts, load_cutouts
from galpipe.datasets.labels import LabelledImage
from galpipe.errors import InputError

from .label_rows import labels_of

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def cutouts() -> Cutouts:
    images = np.zeros((4, CACHE_SIZE, CACHE_SIZE, 3), np.uint8)
    images[np.arange(4), :, :, 0] = np.array([10, 20, 30, 40])[:, None, None]
    allowed = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1]], np.float32)
    boxes = np.tile([48.0, 72, 144, 120], (4, 1))
    return Cutouts(tuple(Path(f"{i}.png") for i in range(4)), images, labels_of(allowed), boxes)


def test_images_of_any_size_become_one_and_boxes_follow(tmp_path: Path) -> None:
    picture = np.full((400, 600, 3), 20, np.uint8)
    picture[150:250, 250:350] = 220
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    cv2.imwrite(str(tmp_path / "small.png"), picture[150:250, 250:350][:50, :50])
    known = AnnotatedImage(
        "wide.png",
        600,
        400,
        objects=(
            ObjectBox("galaxy", 240, 160, 360, 240),
            ObjectBox("galaxy", 290, 190, 310, 210, difficult=True),
        ),
    )
    items = [LabelledImage(tmp_path / n, (i,)) for i, n in enumerate(("wide.png", "small.png"))]
    found = load_cutouts(items, 3, {tmp_path / "wide.png": known})
    scale = CACHE_SIZE / 400
    np.testing.assert_allclose(found.boxes[0], [140 * scale, 160 * scale, 260 * scale, 240 * scale])
    assert found.boxes[1].tolist() == [0, 0, CACHE_SIZE, CACHE_SIZE]
    assert found.labels.values.tolist() == [[1, 0, 0], [0, 1, 0]]
    without = load_cutouts(items[:1], 3, {})
    np.testing.assert_allclose(
        without.boxes[0], np.array([150, 150, 250, 250]) * scale, atol=0.02 * CACHE_SIZE
    )


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(b"torn")
    with pytest.raises(InputError, match=r"torn\.png"):
        load_cutouts([LabelledImage(tmp_path / "torn.png", (0,))], 2, {})


def test_crops_are_square_about_the_longer_side(cutouts: Cutouts) -> None:
    cutouts.images[:, 72:120, 48:144] = 255
    crops = cutouts.crops(36, 1.5)
    bright = crops[0, :, :, 1] > 128
    assert bright.any(axis=0).sum() == pytest.approx(24, abs=1)
    assert bright.any(axis=1).sum() == pytest.approx(12, abs=1)
    assert cutouts.whole(32).shape == (4, 32, 32, 3)


def test_certain_labels_and_joining(cutouts: Cutouts) -> None:
    assert cutouts.labels.single_class.tolist() == [True, True, True, False]
    joined = Cutouts.join([cutouts, cutouts.select([1])], 3)
    assert [path.name for path in joined.paths] == ["0.png", "1.png", "2.png", "3.png", "1.png"]
    assert len(Cutouts.join([], 3)) == 0


def test_soft_labels_count_for_their_leading_class(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 40, 3), np.uint8))
    path = tmp_path / "a.png"
    items = [
        LabelledImage(path, (0, 1), probabilities=(0.6, 0.3, 0.0)),
        LabelledImage(path, (0, 1), probabilities=(0.4, 0.4, 0.0)),
        LabelledImage(path, (0,)),
        LabelledImage(path, (1, 2)),
    ]
    found = load_cutouts(items, 3, {})
    values = [[0.6, 0.3, 0], [0.4, 0.4, 0], [1, 0, 0], [0, 1, 1]]
    np.testing.assert_allclose(found.labels.values, values)
    assert found.labels.is_set.tolist() == [False, False, False, True]
    assert found.labels.single_class.tolist() == [True, False, True, False]
    assert found.labels.class_ids[:3].tolist() == [0, 0, 0]
    assert [item.class_id for item in items] == [0, None, 0, None]


def test_real_folder_is_read(labelled_folder: Callable[..., Path]) -> None:
    folder = labelled_folder(2)
    items = [LabelledImage(path, (0,)) for path in sorted(folder.glob("*.png"))]
    found = load_cutouts(items, 1, {})
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    np.testing.assert_allclose(centres, CACHE_SIZE / 2, atol=0.1 * CACHE_SIZE)
