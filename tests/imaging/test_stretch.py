from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from pydantic import ValidationError

from galpipe.imaging import Field, Stretch, read_field, to_rgb
from galpipe.imaging.bad_pixels import mark_bad_pixels

Noise = Callable[..., NDArray[np.float32]]
MakeField = Callable[..., Field]


def blob(shape: tuple[int, int], peak: float) -> NDArray[np.float32]:
    rows, columns = np.indices(shape)
    distance = (rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2
    return (peak * np.exp(-distance / 200)).astype(np.float32)


@pytest.mark.parametrize(("factor", "offset"), [(1e-12, 0), (1, 300), (1e6, -5e6)])
@pytest.mark.parametrize("bands", [1, 3])
def test_any_flux_unit_gives_the_same_picture(
    noise: Noise, make_field: MakeField, bands: int, factor: float, offset: float
) -> None:
    fluxes = noise((120, 160, bands)) + blob((120, 160), 300)[..., None]
    scaled = (fluxes.astype(np.float64) * factor + offset).astype(np.float32)
    plain, other = to_rgb(make_field(fluxes)), to_rgb(make_field(scaled))
    assert np.abs(plain.astype(int) - other).max() <= 1
    assert plain.shape == (120, 160, 3)
    assert plain[60, 80].min() > 150
    assert np.median(plain) < 10


def test_one_band_is_grey(noise: Noise, make_field: MakeField) -> None:
    rgb = to_rgb(make_field(noise((64, 64, 1))))
    assert_array_equal(rgb[..., 0], rgb[..., 1])
    assert_array_equal(rgb[..., 0], rgb[..., 2])


def test_colours_keep_their_order(noise: Noise, make_field: MakeField) -> None:
    fluxes = noise((100, 100, 3)) + blob((100, 100), 1)[..., None] * [200, 100, 50]
    red, green, blue = to_rgb(make_field(fluxes.astype(np.float32)))[50, 50].astype(int)
    assert red > green > blue
    swapped = to_rgb(make_field(np.ascontiguousarray(fluxes[..., ::-1], dtype=np.float32)))
    assert swapped[50, 50, 2] > swapped[50, 50, 0]


def test_empty_borders_and_bad_pixels_do_not_change_the_rest(
    noise: Noise, make_field: MakeField
) -> None:
    fluxes = noise((150, 150, 3), 1000) + blob((150, 150), 100)[..., None]
    whole = to_rgb(make_field(fluxes))
    framed = np.zeros((150, 600, 3), np.float32)
    framed[:, 225:375] = fluxes
    bad = np.zeros((150, 600), bool)
    bad[40:45, 260:265] = True
    framed[bad] = 0
    picture = to_rgb(mark_bad_pixels(make_field(framed, bad=bad)))
    inner = (slice(20, 130), slice(300, 350))
    assert np.abs(picture[inner].astype(int) - whole[20:130, 75:125]).mean() < 1
    sky = np.median(whole, axis=(0, 1))
    assert_allclose(picture[42, 262], sky, atol=6)
    assert_allclose(picture[75, 100], sky, atol=3)


def test_bad_columns_and_hot_pixels_leave_no_hole_in_a_galaxy(
    noise: Noise, make_field: MakeField
) -> None:
    fluxes = noise((120, 160, 1)) + blob((120, 160), 300)[..., None]
    whole = to_rgb(make_field(fluxes)).astype(int)
    bad = np.zeros((120, 160), bool)
    bad[:, 77:80] = bad[58:61, 84:87] = True
    picture = to_rgb(make_field(np.where(bad[..., None], 0, fluxes), bad=bad)).astype(int)
    assert np.abs(picture - whole)[50:70, 70:90].max() < 25
    assert np.abs(picture - whole).mean() < 1


def test_pictures_stay_as_they_are(make_field: MakeField) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert_array_equal(to_rgb(make_field(pixels)), pixels)
    assert_array_equal(to_rgb(make_field(pixels.astype(np.uint16) * 257)), pixels)
    grey = to_rgb(make_field(pixels[..., :1]))
    assert_array_equal(grey, np.repeat(pixels[..., :1], 3, axis=2))


def test_bad_pixels_of_a_picture_become_sky(make_field: MakeField) -> None:
    pixels = np.full((20, 20, 3), 9, np.uint8)
    bad = np.zeros((20, 20), bool)
    bad[:5], pixels[:5] = True, 0
    assert (to_rgb(make_field(pixels, bad=bad)) == 9).all()


def test_a_picture_is_stretched_on_request(make_field: MakeField, noise: Noise) -> None:
    pixels = np.clip(noise((64, 64, 3), 40, 4), 0, 255).astype(np.uint8)
    assert np.median(to_rgb(make_field(pixels), Stretch(kind="lupton"))) < 10


def test_the_field_itself_is_not_changed(noise: Noise, make_field: MakeField) -> None:
    field = make_field(noise((64, 64, 3)))
    before = field.pixels.copy()
    to_rgb(field)
    assert_array_equal(field.pixels, before)


@pytest.mark.parametrize(
    "settings",
    [{"linear": 0}, {"softening": -1}, {"kind": "log"}, {"gains": (1, 1)}, {"blck": 1}],
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Stretch.model_validate(settings)


def test_fits_looks_like_the_pictures_of_sdss(galpipe_data: Path) -> None:
    fields = sorted((galpipe_data / "fields" / "jpeg").glob("*.jpg"))[::12]
    pictures = [to_rgb(read_field(path))[::4, ::4] for path in fields]
    goal = np.median([np.percentile(picture, [25, 50, 70]) for picture in pictures], axis=0)
    folder = galpipe_data / "fields" / "fits"
    names = [f"{folder}/reprojected_sdss_{band}.fits.bz2" for band in "irg"]
    ours = np.percentile(to_rgb(read_field(names)), [25, 50, 70])
    assert_allclose(ours, goal, atol=4)
