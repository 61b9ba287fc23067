from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from galpipe.errors import InputError
from galpipe.imaging import FieldSource, find_fields, read_field, split_source

HEIGHT, WIDTH = 24, 40


def pixels(value: float, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.float32]:
    """Noise whose median tells which image it is."""
    noise = np.random.default_rng(int(value)).normal(value, 0.1, (height, width))
    return noise.astype(np.float32)


def image(value: float, name: str | None = None, wcs: WCS | None = None, **cards: Any) -> Any:
    header = fits.Header() if wcs is None else wcs.to_header()
    header.update(cards)
    return fits.ImageHDU(pixels(value), header, name=name)


def write(path: Path, *hdus: Any, **primary: Any) -> Path:
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(primary)), *hdus]).writeto(path)
    return path


def values(path: Path | str, bands: tuple[str, ...] = ()) -> list[int]:
    return [
        round(float(value)) for value in np.median(read_field(path, bands=bands).pixels, (0, 1))
    ]


def fields_of(path: Path) -> list[FieldSource]:
    (source,) = find_fields([path])
    return split_source(source)


@pytest.fixture
def cutout(tmp_path: Path, wcs: WCS) -> Path:
    """A cutout of the Legacy Surveys: image and inverse variance of each band."""
    hdus = []
    for value, band in enumerate("grz", 1):
        hdus.append(image(value, wcs=wcs, BAND=band, IMAGETYP="image", BUNIT="nanomaggy"))
        weight = image(9, wcs=wcs, BAND=band, IMAGETYP="invvar")
        weight.data[value] = 0
        hdus.append(weight)
    return write(tmp_path / "cutout.fits", *hdus)


def test_bands_of_a_legacy_survey_cutout_are_colours(cutout: Path) -> None:
    field = read_field(cutout)
    assert values(cutout) == [3, 2, 1]
    assert [band.name for band in field.bands] == ["z", "r", "g"]
    assert {band.zero_point for band in field.bands} == {22.5}
    assert_array_equal(np.flatnonzero(field.bad.any(axis=1)), [1, 2, 3])
    assert field.bad_counts["without weight in the file"] == WIDTH
    assert sum(field.bad_counts.values()) == 3 * WIDTH
    assert_allclose(field.sky(20.0, 14.5), (150.0, 2.0), atol=1e-9)
    assert field.notes == ()
    assert field.images == ()


def test_the_ccds_of_a_mosaic_are_fields(tmp_path: Path, wcs: WCS) -> None:
    places = []
    for column in range(3):
        places.append(wcs.deepcopy())
        places[-1].wcs.crpix[0] -= column * WIDTH
    hdus = [image(n, f"CCD{n}", place) for n, place in enumerate(places, 1)]
    path = write(tmp_path / "mosaic.fits", *hdus, FILTER="r", MAGZERO=30.0)
    parts = fields_of(path)
    assert [part.identifier for part in parts] == ["mosaic-CCD1", "mosaic-CCD2", "mosaic-CCD3"]
    assert [note for part in parts for note in part.notes] == [
        "mosaic.fits holds 3 fields, CCD1, CCD2 and CCD3; each is searched"
    ]
    for number, part in enumerate(parts, 1):
        field = read_field(part)
        assert round(float(np.median(field.pixels))) == number
        assert field.images == (f"CCD{number}",)
        assert (field.bands[0].name, field.bands[0].zero_point) == ("r", 30.0)
        assert_allclose(field.sky(WIDTH / 2, 12), places[number - 1].all_pix2world(20.5, 12.5, 1))
    alone = read_field(path)
    assert alone.identifier == "mosaic"
    assert "holds 3 fields" in alone.notes[0]
    assert "'mosaic.fits[CCD2]'" in alone.notes[0]


def test_ccds_without_coordinates_or_names_are_fields(tmp_path: Path) -> None:
    path = write(tmp_path / "raw.fits", image(1), image(2), FILTER="r")
    assert [part.identifier for part in fields_of(path)] == ["raw-1", "raw-2"]
    assert values(fields_of(path)[1]) == [2]  # type: ignore[arg-type]


def test_chips_of_hubble_have_their_own_quality_planes(tmp_path: Path) -> None:
    hdus = []
    for chip in (1, 2):
        quality = np.zeros((HEIGHT, WIDTH), np.int16)
        quality[chip, chip] = 4  # bad detector pixel
        quality[10:, :] = 64  # warm, still of use
        hdus += [
            fits.ImageHDU(pixels(chip), name="SCI", ver=chip),
            fits.ImageHDU(pixels(50), name="ERR", ver=chip),
            fits.ImageHDU(quality, name="DQ", ver=chip),
        ]
    path = write(tmp_path / "flt.fits", *hdus, TELESCOP="HST", FILTER1="CLEAR1L", FILTER2="F814W")
    parts = fields_of(path)
    assert [part.identifier for part in parts] == ["flt-SCI-1", "flt-SCI-2"]
    assert parts[0].notes[1] == "ERR,1 and ERR,2 in the file were not used"
    for chip, part in enumerate(parts, 1):
        field = read_field(part)
        assert_array_equal(np.argwhere(field.bad), [[chip, chip]])
        assert field.bad_counts == {"masked in the file": 1}
        assert field.bands[0].name == "F814W"


def test_the_image_is_found_among_others(tmp_path: Path) -> None:
    quality = np.zeros((HEIGHT, WIDTH), np.uint32)
    quality[3, 4], quality[5, 6] = 1, 2  # do not use; saturated in some groups
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=np.arange(3))])
    thumbnail = fits.ImageHDU(pixels(7, 10, 10), name="THUMBNAIL")
    path = write(
        tmp_path / "jwst.fits",
        *(table, thumbnail, fits.ImageHDU(quality, name="DQ"), image(8, "ERR"), image(3, "SCI")),
        TELESCOP="JWST",
    )
    field = read_field(path)
    assert values(path) == [3]
    assert_array_equal(np.argwhere(field.bad), [[3, 4]])
    assert field.notes == ("THUMBNAIL and ERR in the file were not used",)


def test_a_preview_in_the_primary_hdu_is_no_field(tmp_path: Path, wcs: WCS) -> None:
    path = tmp_path / "a.fits"
    preview = fits.PrimaryHDU(pixels(7, 10, 10))
    fits.HDUList([preview, image(3, None, wcs)]).writeto(path)
    assert values(path) == [3]
    assert read_field(path).notes == ("HDU 0 in the file was not used",)


@pytest.mark.parametrize(
    ("names", "expected", "note"),
    [
        ("ugriz", "irg", "band u and band z in the file were not used"),
        ("griz", "zrg", "band i in the file was not used"),
        ("gr", "r", "band g in the file was not used: colour needs three bands"),
        ("grz", "zrg", ""),
        ("BVRI", "IRB", "band V in the file was not used"),
    ],
)
def test_cubes_with_named_bands(tmp_path: Path, names: str, expected: str, note: str) -> None:
    cube = np.stack([pixels(number) for number in range(len(names))])
    path = tmp_path / "cube.fits"
    fits.writeto(path, cube, fits.Header({"BANDS": names}))
    field = read_field(path)
    assert "".join(band.name for band in field.bands) == expected
    assert values(path) == [names.index(band) for band in expected]
    assert field.notes == ((note,) if note else ())


def test_bands_named_by_their_hdus(tmp_path: Path, wcs: WCS) -> None:
    path = write(
        tmp_path / "a.fits", *(image(n, b) for n, b in enumerate(["BLUE", "GREEN", "RED"]))
    )
    assert values(path) == [2, 1, 0]
    names = ["F435W", "F814W", "F160W", "F606W"]
    path = write(tmp_path / "b.fits", *(image(n, f"SCI_{b}", wcs) for n, b in enumerate(names)))
    assert values(path) == [2, 1, 0]
    assert read_field(path).notes == ("SCI_F606W in the file was not used",)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("[1]", [1]), ("[3]", [2]), ("[z]", None), ("[5,3,1]", [3, 2, 1]), ("[2]", [9]),
        ("[9]", None), ("[1,3]", None),
    ],
)  # fmt: skip
def test_selection_by_the_user(cutout: Path, selection: str, expected: list[int] | None) -> None:
    if expected is not None:
        assert values(f"{cutout}{selection}") == expected
        return
    with pytest.raises(InputError, match=r"It has the images 1, 2, 3, 4, 5 and 6") as error:
        read_field(f"{cutout}{selection}")
    assert f"{cutout}[1]" in str(error.value)


def test_selection_by_name_and_version(tmp_path: Path) -> None:
    hdus = [fits.ImageHDU(pixels(n), name="SCI", ver=n) for n in (1, 2)]
    path = write(tmp_path / "flt.fits", *hdus)
    assert values(f"{path}[SCI,2]") == values(f"{path}[sci, 2]") == values(f"{path}[2]") == [2]
    assert values(f"{path}[SCI]") == [1]
    assert read_field(f"{path}[SCI,2]").identifier == "flt-SCI-2"
    triple = find_fields([f"{path}[SCI,1],{path}[SCI,2],{path}[1]"])
    assert triple[0].images == ("SCI,1", "SCI,2", "1")
    assert values(triple[0]) == [1, 2, 1]  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"no image 'SCI,3'. It has the images SCI,1 and SCI,2"):
        read_field(f"{path}[SCI,3]")


def test_a_file_really_called_so_takes_precedence(tmp_path: Path) -> None:
    write(tmp_path / "a.fits", image(1), image(2))
    fits.writeto(tmp_path / "a.fits[2]", pixels(5))
    assert values(tmp_path / "a.fits[2]") == [5]


def test_bands_chosen_by_the_user(cutout: Path) -> None:
    assert values(cutout, ("r", "g", "z")) == [2, 1, 3]
    assert values(cutout, ("r",)) == [2]
    assert values(cutout, ("1", "3", "5")) == [1, 2, 3]
    with pytest.raises(InputError, match=r"no bands i, r, g: it has g, r and z"):
        read_field(cutout, bands=("i", "r", "g"))


def test_planes_chosen_by_number(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "cube.fits", np.stack([pixels(number) for number in range(5)]))
    assert values(tmp_path / "cube.fits", ("5", "3", "1")) == [4, 2, 0]
    with pytest.raises(InputError, match="choose planes by their numbers"):
        read_field(tmp_path / "cube.fits")


def test_bands_of_each_ccd(tmp_path: Path, wcs: WCS) -> None:
    far = wcs.deepcopy()
    far.wcs.crpix[1] += 200
    hdus = [
        image(10 * n + m, None, place, FILTER=band)
        for n, place in enumerate((wcs, far))
        for m, band in enumerate("gri")
    ]
    parts = fields_of(write(tmp_path / "a.fits", *hdus))
    assert [part.images for part in parts] == [("3,2,1",), ("6,5,4",)]
    assert values(parts[1]) == [12, 11, 10]  # type: ignore[arg-type]


def test_only_masks_are_no_image(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", image(1, "DQ"), image(1, "ERR"))
    with pytest.raises(
        InputError, match=r"only masks.*It has the images DQ and ERR: give one as '.*\[DQ\]'"
    ):
        read_field(path)
    assert values(write(tmp_path / "b.fits", image(4, "ERR"))) == [4]
    masks = write(tmp_path / "c.fits", image(1, "S1"), image(1, "S2"), PRODTYPE="dqmask")
    with pytest.raises(InputError, match="only masks"):
        read_field(masks)


def test_hdus_in_memory_are_read_as_a_file(cutout: Path) -> None:
    with fits.open(cutout) as hdus:
        field = read_field(hdus)
        assert_array_equal(field.pixels, read_field(cutout).pixels)
        assert [band.name for band in read_field(hdus, bands=["r"]).bands] == ["r"]


def test_names_depend_on_the_field_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "frame.12.fits", image(1, "CCD,1"), image(2, "A/B"))
    assert [part.identifier for part in fields_of(path)] == ["frame.12-1", "frame.12-A_B"]
    assert str(fields_of(path)[1]) == f"{path}[A/B]"
    digits = write(tmp_path / "digits.fits", image(1, "2"), image(2, "1"))
    assert [values(part) for part in fields_of(digits)] == [[1], [2]]  # type: ignore[arg-type]


def test_three_bands_of_a_mosaic_are_joined_by_their_ccds(tmp_path: Path) -> None:
    for value, band in enumerate("irg"):
        hdus = [image(10 * n + value, f"CCD{n}") for n in (1, 2)]
        write(tmp_path / f"night-{band}.fits", *hdus, FILTER=band)
    (source,) = find_fields([",".join(f"{tmp_path}/night-{band}.fits" for band in "irg")])
    parts = split_source(source)
    assert [part.identifier for part in parts] == ["night-CCD1", "night-CCD2"]
    assert values(parts[1]) == [20, 21, 22]  # type: ignore[arg-type]
    assert [band.name for band in read_field(parts[1]).bands] == ["i", "r", "g"]


def test_ccds_of_three_bands_may_have_another_order_or_be_missing(tmp_path: Path) -> None:
    for value, (band, ccds) in enumerate({"i": (1, 2, 3), "r": (3, 2, 1), "g": (2, 3, 4)}.items()):
        hdus = [image(10 * n + value, f"CCD{n}") for n in ccds]
        write(tmp_path / f"night-{band}.fits", *hdus, FILTER=band)
    (source,) = find_fields([",".join(f"{tmp_path}/night-{band}.fits" for band in "irg")])
    parts = split_source(source)
    assert [part.identifier for part in parts] == ["night-CCD2", "night-CCD3"]
    assert values(parts[1]) == [30, 31, 32]  # type: ignore[arg-type]
    assert parts[0].notes[-1] == "not in every band, and left out: CCD1 and CCD4"


def test_an_image_of_bytes_without_a_name_is_a_mask(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[3, 4] = 1
    path = tmp_path / "a.fits"
    fits.HDUList([fits.PrimaryHDU(pixels(2)), fits.ImageHDU(mask)]).writeto(path)
    assert_array_equal(np.argwhere(read_field(path).bad), [[3, 4]])


def test_filters_of_webb_count_in_tens_of_nanometres(tmp_path: Path, wcs: WCS) -> None:
    names = ["F090W", "F150W", "F200W", "F444W"]
    hdus = [image(n, name, wcs) for n, name in enumerate(names)]
    assert values(write(tmp_path / "a.fits", *hdus, TELESCOP="JWST")) == [3, 2, 0]


def test_a_smaller_copy_of_the_place_is_no_field(tmp_path: Path, wcs: WCS) -> None:
    coarse = wcs.deepcopy()
    coarse.wcs.cd, coarse.wcs.crpix = wcs.wcs.cd * 3, wcs.wcs.crpix / 3
    copy = fits.ImageHDU(pixels(7, 8, 13), coarse.to_header())
    path = write(tmp_path / "a.fits", image(2, None, wcs), copy)
    assert values(path) == [2]
    assert read_field(path).notes == ("HDU 2 in the file was not used",)


def test_two_bands_are_too_few_for_colour(tmp_path: Path, wcs: WCS) -> None:
    hdus = [image(n, name, wcs) for n, name in enumerate(["F606W", "F814W"])]
    path = write(tmp_path / "a.fits", *hdus)
    assert values(path) == [1]
    assert read_field(path).notes == ("F606W in the file was not used: colour needs three bands",)


def test_unused_bands_are_named(tmp_path: Path, wcs: WCS) -> None:
    hdus = [image(n, None, wcs, FILTER=name) for n, name in enumerate("UBVRI")]
    field = read_field(write(tmp_path / "a.fits", *hdus))
    assert [band.name for band in field.bands] == ["I", "V", "U"]
    assert field.notes == ("band B and band R in the file were not used",)


@pytest.mark.parametrize(
    "name", ["MODEL_R", "SKY", "SEGMENTATION", "r_ERR", "OBJMASK", "STAR_MASK", "stDev", "exposure"]
)
def test_what_is_no_image_of_the_sky(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.fits", image(5, name), image(2, "IMAGE_R"))
    assert values(path) == [2]
    assert read_field(path).notes == (f"{name.upper()} in the file was not used",)
