from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.classification import (
    NOT_CLASSIFIED,
    central_crop,
    class_columns,
    classify_images,
)
from galpipe.classification.classifier import load_classifier
from galpipe.errors import InputError


def test_table_of_images(tiny_classifier_bundle: Path, tmp_path: Path) -> None:
    files = []
    for name, colour in (("r", (0, 0, 255)), ("b", (255, 0, 0)), ("k", (0, 0, 0))):
        files.append(tmp_path / f"{name}.png")
        picture = np.full((30, 40, 3), colour, np.uint8)
        picture[12:18, 16:24] ^= 8
        cv2.imwrite(str(files[-1]), picture)
    table = classify_images(files, load_classifier(tiny_classifier_bundle))
    assert table.columns.tolist() == [
        *("file", "class_id", "class_name", "probability"),
        *("second_class", "second_probability", "entropy"),
        *("prob_dark", "prob_red", "prob_green", "prob_blue"),
    ]
    assert table["file"].tolist() == [str(file) for file in files]
    assert table["class_name"].tolist() == ["red", "blue", "dark"]
    assert table["class_id"].tolist() == [1, 3, 0]
    probabilities = table[table.columns[7:]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(table["probability"], probabilities.max(axis=1))


def test_no_image_gives_an_empty_table(tiny_classifier_bundle: Path) -> None:
    table = classify_images([], load_classifier(tiny_classifier_bundle))
    assert len(table) == 0
    assert "prob_blue" in table.columns


def test_an_unreadable_image_is_named(tiny_classifier_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(InputError, match=r"broken\.jpg"):
        classify_images([tmp_path / "broken.jpg"], load_classifier(tiny_classifier_bundle))


def test_the_crop_is_one_and_a_half_times_the_galaxy() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[80:120, 130:170] = 200
    crop = central_crop(picture, 60, 1.5)
    bright = crop[:, :, 0] > 100
    assert bright.any(axis=0).sum() == pytest.approx(40, abs=5)
    assert bright.any(axis=1).sum() == pytest.approx(40, abs=5)


@pytest.mark.parametrize("level", [0, 90])
def test_a_picture_without_a_galaxy_is_taken_whole(level: int) -> None:
    picture = np.full((50, 80, 3), level, np.uint8)
    picture[0, 20] = 255
    crop = central_crop(picture, 50, 1.5)
    np.testing.assert_array_equal(crop, picture[:, 15:65])


def test_running_needs_no_training_package() -> None:
    import subprocess
    import sys

    code = (
        "import sys, galpipe.classification\n"
        "heavy = {'keras', 'tensorflow', 'tf_keras', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_uncertainty_of_classes() -> None:
    shares = np.array([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.2, 0.3, 0.5], [np.nan] * 3])
    columns = class_columns(shares, ("round", "edge-on", "spiral"))
    assert columns["class_id"].tolist() == [0, 0, 2, NOT_CLASSIFIED]
    assert columns["class_name"].tolist() == ["round", "round", "spiral", ""]
    assert columns["second_class"].tolist() == ["edge-on", "edge-on", "edge-on", ""]
    np.testing.assert_allclose(columns["second_probability"], [0, 1 / 3, 0.3, np.nan])
    expected = -(0.2 * np.log(0.2) + 0.3 * np.log(0.3) + 0.5 * np.log(0.5)) / np.log(3)
    np.testing.assert_allclose(columns["entropy"], [0, 1, expected, np.nan], atol=1e-12)


def test_a_classifier_of_one_class_has_no_second_one() -> None:
    columns = class_columns(np.array([[1.0], [np.nan]]), ("galaxy",))
    assert columns["class_name"].tolist() == ["galaxy", ""]
    assert columns["second_class"].tolist() == ["", ""]
    assert np.isnan(columns["second_probability"]).all()
    np.testing.assert_array_equal(columns["entropy"], [0, np.nan])
