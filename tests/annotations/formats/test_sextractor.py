from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from galpipe.annotations.formats.format import ReadOptions
from galpipe.annotations.formats.sextractor import FORMAT, ellipse_half_sides
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError
from galpipe.imaging import read_field

HEADER = """\
#   1 NUMBER          Running object number
#   2 X_IMAGE         Object position along x                  [pixel]
#   3 Y_IMAGE         Object position along y                  [pixel]
#   4 A_IMAGE         Profile RMS along major axis             [pixel]
#   5 B_IMAGE         Profile RMS along minor axis             [pixel]
#   6 THETA_IMAGE     Position angle (CCW/x)                   [deg]
"""
ROWS = """\
         1    11.0000    21.0000     2.000     1.000    90.0
         2    31.5000    41.5000     4.000     3.000    30.0
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def boxes(path: Path, **settings: object) -> np.ndarray:
    [(_, image)] = FORMAT.read(path, ReadOptions(settings=settings))
    return image.boxes


def test_the_box_around_an_ellipse() -> None:
    a, b = np.array([2.0, 2.0, 2.0, 5.0]), np.array([1.0, 1.0, 1.0, 5.0])
    theta = np.radians([0.0, 90.0, 45.0, 12.3])
    half = ellipse_half_sides(a, b, theta)
    np.testing.assert_allclose(half, [(2, 1), (1, 2), (math.sqrt(2.5),) * 2, (5, 5)], atol=1e-12)
    turn = np.linspace(0, 2 * np.pi, 100_001)
    x = 7 * np.cos(turn) * np.cos(0.4) - 3 * np.sin(turn) * np.sin(0.4)
    y = 7 * np.cos(turn) * np.sin(0.4) + 3 * np.sin(turn) * np.cos(0.4)
    [(across, up)] = ellipse_half_sides(np.array([7.0]), np.array([3.0]), np.array([0.4]))
    assert (across, up) == pytest.approx((x.max(), y.max()), abs=1e-6)


def test_ellipses_reach_three_times_their_rms(tmp_path: Path) -> None:
    path = write(tmp_path / "m51.cat", HEADER + ROWS)
    assert FORMAT.recognises(path)
    # FITS pixel 11 is centred at 10.5 of ours; the first ellipse stands upright.
    across, up = 3 * math.sqrt(16 * 0.75 + 9 * 0.25), 3 * math.sqrt(16 * 0.25 + 9 * 0.75)
    expected = [(7.5, 14.5, 13.5, 26.5), (31 - across, 41 - up, 31 + across, 41 + up)]
    np.testing.assert_allclose(boxes(path), expected)
    [(file, image)] = FORMAT.read(path, ReadOptions())
    assert (file, image.filename, image.labels) == (path, "m51", ("object", "object"))
    assert image.objects[1].attributes == (("NUMBER", "2"),)


def test_kron_radii_are_used_where_they_are_known(tmp_path: Path) -> None:
    header = HEADER + "#   7 KRON_RADIUS     Kron apertures in units of A or B\n"
    path = write(tmp_path / "a.cat", header + "1 11 21 2 1 90 5.0\n2 11 21 2 1 90 0.0\n")
    np.testing.assert_allclose(boxes(path), [(5.5, 10.5, 15.5, 30.5), (7.5, 14.5, 13.5, 26.5)])
    np.testing.assert_allclose(boxes(path, ellipse_scale=1), [(9.5, 18.5, 11.5, 22.5)] * 2)


def test_moments_are_as_good_as_axes(tmp_path: Path) -> None:
    header = "# 1 X_IMAGE\n# 2 Y_IMAGE\n# 3 X2_IMAGE\n# 4 Y2_IMAGE\n"
    path = write(tmp_path / "a.cat", header + "11 21 1 4\n")
    np.testing.assert_allclose(boxes(path), [(7.5, 14.5, 13.5, 26.5)])


def test_isophotal_limits_are_exact(tmp_path: Path) -> None:
    names = ("XMIN_IMAGE", "YMIN_IMAGE", "XMAX_IMAGE", "YMAX_IMAGE")
    header = HEADER + "".join(f"# {n} {name}\n" for n, name in enumerate(names, 7))
    path = write(tmp_path / "a.cat", header + "1 11 21 2 1 90 1 5 20 30\n")
    np.testing.assert_array_equal(boxes(path), [(0, 4, 20, 30)])
    np.testing.assert_allclose(boxes(path, ellipse_scale=3), [(7.5, 14.5, 13.5, 26.5)])


def test_a_column_of_vectors_takes_several_places(tmp_path: Path) -> None:
    header = (
        "# 1 FLUX_RADIUS\n# 4 X_IMAGE\n# 5 Y_IMAGE\n# 6 A_IMAGE\n# 7 B_IMAGE\n# 8 THETA_IMAGE\n"
    )
    path = write(tmp_path / "a.cat", header + "1.1 2.2 3.3 11 21 2 1 90\n")
    np.testing.assert_allclose(boxes(path), [(7.5, 14.5, 13.5, 26.5)])


def columns() -> Table:
    return Table(
        {
            "X_IMAGE": np.array([11.0]),
            "Y_IMAGE": np.array([21.0]),
            "A_IMAGE": np.array([2.0], np.float32),
            "B_IMAGE": np.array([1.0], np.float32),
            "THETA_IMAGE": np.array([90.0], np.float32),
            "FLUX_RADIUS": np.ones((1, 3), np.float32),
            "CLASS_STAR": np.array([0.03], np.float32),
            "FLAGS": np.array([2], np.int16),
        }
    )


@pytest.mark.parametrize("ldac", [True, False])
def test_fits_catalogues(tmp_path: Path, ldac: bool) -> None:
    objects = fits.table_to_hdu(columns())
    hdus = [fits.PrimaryHDU(), objects]
    if ldac:
        objects.name = "LDAC_OBJECTS"
        head = fits.table_to_hdu(Table({"Field Header Card": ["SIMPLE  =                    T"]}))
        head.name = "LDAC_IMHEAD"
        hdus.insert(1, head)
    path = tmp_path / "m51.ldac"
    fits.HDUList(hdus).writeto(path)
    assert FORMAT.recognises(path)
    np.testing.assert_allclose(boxes(path), [(7.5, 14.5, 13.5, 26.5)])
    [(_, image)] = FORMAT.read(path, ReadOptions())
    assert image.objects[0].attributes == (("CLASS_STAR", "0.03"), ("FLAGS", "2"))


def test_a_votable_of_sextractor(tmp_path: Path) -> None:
    path = tmp_path / "a.vot"
    columns()["X_IMAGE", "Y_IMAGE", "A_IMAGE", "B_IMAGE", "THETA_IMAGE"].write(
        path, format="votable"
    )
    assert FORMAT.recognises(path)
    np.testing.assert_allclose(boxes(path), [(7.5, 14.5, 13.5, 26.5)])


def test_the_fields_of_sep_count_from_zero(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", f"# x y a b theta\n10 20 2 1 {math.pi / 2}\n")
    assert FORMAT.recognises(path)
    np.testing.assert_allclose(boxes(path), [(7.5, 14.5, 13.5, 26.5)])
    limits = "x,y,a,b,theta,xmin,xmax,ymin,ymax\n10,20,2,1,0,0,19,4,29\n"
    np.testing.assert_array_equal(boxes(write(tmp_path / "b.csv", limits)), [(0, 4, 20, 30)])


def test_what_sep_finds_is_enclosed(tmp_path: Path) -> None:
    sep = pytest.importorskip("sep")
    y, x = np.mgrid[:60, :80]
    data = (100 * np.exp(-((x - 50) ** 2 / 50 + (y - 20) ** 2 / 8))).astype(np.float32)
    found = sep.extract(data, 1.0, filter_kernel=None)
    path = tmp_path / "a.fits"
    Table(found).write(path)
    [box] = boxes(path)
    rows, lines = (data > 1).any(axis=0), (data > 1).any(axis=1)
    assert tuple(box) == (
        np.flatnonzero(rows)[0],
        np.flatnonzero(lines)[0],
        np.flatnonzero(rows)[-1] + 1,
        np.flatnonzero(lines)[-1] + 1,
    )
    [ellipse] = boxes(path, ellipse_scale=3)
    np.testing.assert_allclose(ellipse, (50.5 - 15, 20.5 - 6, 50.5 + 15, 20.5 + 6), atol=0.8)


def test_a_folder_of_catalogues_beside_their_images(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / f"{name}.cat", HEADER + ROWS)
        fits.PrimaryHDU(np.zeros((50, 60), np.float32)).writeto(tmp_path / f"{name}.fits")
    assert FORMAT.recognises(tmp_path)
    images = [image for _, image in FORMAT.read(tmp_path, ReadOptions(ImageFolder(tmp_path)))]
    assert [image.filename for image in images] == ["a.fits", "b.fits"]
    assert {(image.width, image.height) for image in images} == {(60, 50)}


def test_the_class_is_what_the_user_says(tmp_path: Path) -> None:
    path = write(tmp_path / "a.cat", HEADER + ROWS)
    [(_, image)] = FORMAT.read(path, ReadOptions(settings={"class_name": "galaxy"}))
    assert set(image.labels) == {"galaxy"}


def test_a_row_without_numbers_is_left_out_and_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.cat", HEADER + "1 11 21 nan 1 90\n2 11 x 2 1 90\n3 9 9 2 1 0\n")
    errors: list[InputError] = []
    [(_, image)] = FORMAT.read(path, ReadOptions(on_error=errors.append))
    assert len(image.objects) == 1
    assert ["row 1" in str(errors[0]), "row 2" in str(errors[1])] == [True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# 1 NUMBER\n# 2 X_IMAGE\n1 2\n", "not a SExtractor catalogue"),
        (HEADER + "1 2 3\n", "row 1 has 3 cells"),
        ("# 1 NUMBER\n# 99999 X_IMAGE\n1 2\n", "beyond"),
        ("", "is empty"),
    ],
)
def test_what_is_no_catalogue_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "a.cat", text)
    assert not FORMAT.recognises(path) or "cells" in message
    with pytest.raises(InputError, match=message):
        list(FORMAT.read(path, ReadOptions()))


@pytest.mark.parametrize("scale", [0, -1, "much", float("nan"), 1e10])
def test_a_scale_must_be_a_number(tmp_path: Path, scale: object) -> None:
    path = write(tmp_path / "a.cat", HEADER + ROWS)
    with pytest.raises(InputError, match="ellipse_scale"):
        list(FORMAT.read(path, ReadOptions(settings={"ellipse_scale": scale})))


def test_a_real_catalogue_lies_on_its_image(galpipe_data: Path) -> None:
    folder = galpipe_data / "fields" / "fits"
    path = folder / "sep_image_sextractor.cat"
    assert FORMAT.recognises(path)
    [(_, image)] = FORMAT.read(path, ReadOptions())
    pixels = read_field(folder / "sep_image.fits").pixels[..., 0]
    assert len(image.objects) == 65
    sky = np.median(pixels)
    inside = []
    for box in image.objects:
        columns = slice(max(0, math.floor(box.xmin)), math.ceil(box.xmax))
        rows = slice(max(0, math.floor(box.ymin)), math.ceil(box.ymax))
        inside.append(np.median(pixels[rows, columns]) > sky)
    assert np.mean(inside) > 0.9
