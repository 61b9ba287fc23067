from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from astropy.io import fits

from galpipe.classification.classifier import load_classifier
from galpipe.classification.predict import read_central_crops
from galpipe.errors import InputError
from galpipe.exploration.features import CropRule, open_features
from galpipe.exploration.pictures import Picture, read_crop, read_for_display
from galpipe.imaging import Stretch

RULE = CropRule(16, 1.5, Stretch())


def blob(size: int = 80) -> np.ndarray:
    """A galaxy brighter at the top, with a sky of 10."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    light = 200 * np.exp(-((x / 9) ** 2 + (y / 4) ** 2) / 2) * (1 - y / size)
    return np.repeat((10 + np.clip(light, 0, 240))[..., None], 3, axis=2).astype(np.uint8)


def test_images_are_cropped_as_by_classify(tmp_path: Path, feature_bundle: Path) -> None:
    path = tmp_path / "galaxy.png"
    cv2.imwrite(str(path), blob())
    crop = read_crop(Picture("a", str(path), ""), open_features(feature_bundle).crop)
    expected, _ = read_central_crops([path], load_classifier(feature_bundle))
    np.testing.assert_array_equal(crop.rgb, expected[0])
    # The isophote at six times the noise reaches about two and a half sigmas of the longer axis.
    assert 40 < crop.size < 60


def test_fits_is_displayed_with_its_first_row_below(tmp_path: Path) -> None:
    path = tmp_path / "galaxy.fits"
    rng = np.random.default_rng(0)
    fits.writeto(path, blob()[..., 0] * 10.0 + rng.normal(0, 1, (80, 80)))
    picture = Picture("a", str(path), "")
    crop = read_crop(picture, CropRule(160, 1.5, Stretch()))
    assert crop.origin == "lower"
    np.testing.assert_array_equal(read_for_display(picture, RULE), crop.rgb[::-1])


def test_crops_of_a_run_are_used_whole(tmp_path: Path) -> None:
    path = tmp_path / "crop.png"
    # A negative at first sight, which an image of a field would be.
    pixels = 255 - blob(16)
    cv2.imwrite(str(path), pixels[..., ::-1])
    crop = read_crop(Picture("a", str(path), "", is_crop=True, size=11.0), RULE)
    np.testing.assert_array_equal(crop.rgb, pixels)
    assert crop.size == 11
    flipped = Picture("a", str(path), "", is_crop=True, is_flipped=True, size=11.0)
    np.testing.assert_array_equal(read_crop(flipped, RULE).rgb, pixels[::-1])
    # It is displayed as it was written, up to the rounding of the resizing.
    shown = read_for_display(Picture("a", str(path), "", is_crop=True), RULE).astype(int)
    np.testing.assert_allclose(read_for_display(flipped, RULE), shown, atol=1)


@pytest.mark.parametrize("content", [None, b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_crop_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "crop.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"crop\.png"):
        read_crop(Picture("a", str(path), "", is_crop=True), RULE)
    grey = read_for_display(Picture("a", str(path), "", is_crop=True), RULE)
    assert (grey[:60] == grey[0, 0]).all()
    assert (grey == 255).any()
