"""Every kind of world coordinates is read to a hundredth of an arcsecond."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import (
    FK5,
    ICRS,
    BarycentricMeanEcliptic,
    Galactic,
    SkyCoord,
    Supergalactic,
)
from astropy.io import fits
from astropy.nddata import NDData
from astropy.wcs import WCS
from astropy.wcs.wcsapi import HighLevelWCSWrapper, SlicedLowLevelWCS
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from galpipe.imaging import Field, read_field
from galpipe.imaging.sky import celestial_wcs, pixel_scale

HEIGHT, WIDTH = 300, 400
SOLVED: dict[str, Any] = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.7,
    "CRVAL2": 15.53,
    "CRPIX1": 200.5,
    "CRPIX2": 150.5,
    "CD1_1": -1.1e-4,
    "CD1_2": 2e-6,
    "CD2_1": 1e-6,
    "CD2_2": 1.1e-4,
}
SIP = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-5, "B_0_2": -2e-5, "B_1_1": 1e-5}
SIP_TYPES = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"}
NO_MATRIX = dict.fromkeys(("CD1_1", "CD1_2", "CD2_1", "CD2_2"))
OLD = {**NO_MATRIX, "CDELT1": -1.1e-4, "CDELT2": 1.1e-4}
SCAMP = {"PV1_1": 1.0, "PV1_4": 0.02, "PV1_7": 0.1, "PV2_0": 1e-5, "PV2_1": 1.0, "PV2_6": -0.03}
TNX = (
    'wtype=tnx axtype=%s %scor = "3. 4. 4. 2. -0.05 0.05 -0.04 0.04 1e-4 2e-4 3e-5 1e-5 1e-5 2e-5 '
    '3e-5 4e-5 5e-5 6e-5 "'
)
IRAF = {
    f"WAT{axis}_{part + 1:03d}": text[68 * part : 68 * part + 68]
    for axis, text in ((1, TNX % ("ra", "lng")), (2, TNX % ("dec", "lat")))
    for part in range(3)
}


def header(**changes: Any) -> fits.Header:
    cards = {**SOLVED, **changes}
    return fits.Header({key.replace("__", "-"): v for key, v in cards.items() if v is not None})


def dss() -> fits.Header:
    rng = np.random.default_rng(3)
    cards = fits.Header()
    cards["EQUINOX"] = 2000.0
    for key, value in {"H": 5, "M": 46, "S": 51.767}.items():
        cards[f"PLTRA{key}"] = value
    for key, value in {"SN": "-", "D": 24, "M": 3, "S": 42.6}.items():
        cards[f"PLTDEC{key}"] = value
    cards["PLTSCALE"], cards["PPO3"], cards["PPO6"] = 67.2, 177500.0, 177500.0
    for axis in "12":
        cards[f"CNPIX{axis}"], cards[f"{'XY'[int(axis) - 1]}PIXELSZ"] = 6700, 25.28445
    sizes = [67.2, 0.1, 1, 1e-4, 1e-4, 1e-4, 1e-5, 1e-7, 1e-6, 1e-6, 1e-6, 1e-6, 1e-9]
    for number, size in enumerate(sizes, start=1):
        for axis in "XY":
            cards[f"AMD{axis}{number}"] = size * rng.uniform(0.99, 1.01)
    return cards


KINDS = {
    "tangential": header(),
    "SIP": header(**SIP, **SIP_TYPES),
    "SIP without its suffix": header(**SIP),
    "SCAMP in TAN": header(**SCAMP),
    "SCAMP beside SIP": header(**SCAMP, **SIP, **SIP_TYPES),
    "TPV": header(**SCAMP, CTYPE1="RA---TPV", CTYPE2="DEC--TPV"),
    "ZPN": header(CTYPE1="RA---ZPN", CTYPE2="DEC--ZPN", PV2_1=1.0, PV2_3=-50.0),
    "TNX": header(**IRAF, CTYPE1="RA---TNX", CTYPE2="DEC--TNX"),
    "plate solution": dss(),
    "galactic": header(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN"),
    "B1950": header(EQUINOX=1950.0, RADECSYS="FK4"),
    "EPOCH": header(EPOCH=1950.0, DATE__OBS="1992-03-04"),
    "FK5 of another equinox": header(EQUINOX=1975.0, RADESYS="FK5"),
    "ICRS": header(RADESYS="ICRS"),
    "swapped axes": header(CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=15.53, CRVAL2=150.7),
    "CROTA2": header(**OLD, CROTA2=30.0),
    "PC001001": header(**OLD, PC001001=0.8, PC001002=-0.6, PC002001=0.6, PC002002=0.8),
    "CD with CDELT": header(CDELT1=-1.0, CDELT2=1.0),
    "non-square pixels": header(**{**OLD, "CDELT1": -3e-4}),
    "units": header(CUNIT1="degree", CUNIT2="DEG"),
    "arcseconds": header(
        **{key: SOLVED[key] * 3600 for key in SOLVED if key[1] in "DR" and "X" not in key},
        CUNIT1="arcsec",
        CUNIT2="arcsec",
    ),
    "pole": header(CRVAL2=89.999),
    "RA of 0": header(CRVAL1=0.0),
}


def points() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(1)
    return rng.uniform(0, WIDTH, 40), rng.uniform(0, HEIGHT, 40)


def field(wcs: Any) -> Field:
    bad = np.zeros((HEIGHT, WIDTH), bool)
    return Field(np.zeros((HEIGHT, WIDTH, 1)), "a", (Path("a.fits"),), "0", bad, wcs=wcs)


def astropy_wcs(cards: fits.Header, *args: Any, **settings: Any) -> WCS:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return WCS(cards.copy(), *args, **settings)


def agrees(wcs: Any, right: SkyCoord) -> bool:
    ra, dec = field(wcs).sky(*points())
    assert (ra >= 0).all()
    assert (ra < 360).all()
    return bool(SkyCoord(ra, dec, unit="deg").separation(right.icrs).arcsec.max() < 0.01)


def seen_by_astropy(wcs: WCS) -> SkyCoord:
    x, y = points()
    return wcs.pixel_to_world(x - 0.5, y - 0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_kind_agrees_with_astropy(kind: str) -> None:
    right = seen_by_astropy(astropy_wcs(KINDS[kind]))
    wcs, notes = celestial_wcs(KINDS[kind], HEIGHT, WIDTH)
    assert notes == ()
    for one in (wcs, copy.deepcopy(wcs), pickle.loads(pickle.dumps(wcs))):
        assert agrees(one, right)
    x, y = points()
    np.testing.assert_allclose(field(wcs).pixel(*field(wcs).sky(x, y)), (x, y), atol=1e-3)
    # the WCS alone is what the header says too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert agrees(WCS(wcs.to_header(relax=True)), right)


@pytest.mark.parametrize(
    ("changes", "frame"),
    [
        ({"CTYPE1": "ELON-TAN", "CTYPE2": "ELAT-TAN"}, BarycentricMeanEcliptic(equinox="J2000")),
        ({"CTYPE1": "SLON-TAN", "CTYPE2": "SLAT-TAN"}, Supergalactic()),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "RADESYS": "FK5"}, Galactic()),
        ({"RADESYS": "J2000", "EQUINOX": "J2000.0"}, FK5(equinox="J2000")),
        ({"CTYPE1": "ra--tan", "CTYPE2": "dec---tan"}, ICRS()),
        ({"CRVAL1": " 150.7 "}, ICRS()),
        ({"CUNIT1": "furlong", "CUNIT2": "pixel"}, ICRS()),
        ({"PC1_1": 1.0, "PC2_2": 1.0}, ICRS()),
    ],
)
def test_what_astropy_misreads(changes: dict[str, Any], frame: Any) -> None:
    x, y = points()
    plane = astropy_wcs(header()).all_pix2world(x - 0.5, y - 0.5, 0)
    wcs, notes = celestial_wcs(header(**changes), HEIGHT, WIDTH)
    assert notes == ()
    assert agrees(wcs, SkyCoord(*plane, unit="deg", frame=frame))


def test_axes_beyond_the_second_do_no_harm(tmp_path: Path) -> None:
    cube = np.random.default_rng(0).normal(size=(3, HEIGHT, WIDTH)).astype(np.float32)
    third = {"CTYPE3": "WAVE", "CUNIT3": "furlong", "CRVAL3": "red", "CD3_3": 1.0, "CD1_3": 0.1}
    for extra in ({"WCSAXES": 2}, {"WCSAXES": 3}, {"WCSAXES": 3, **third}):
        cards = fits.Header({**extra, **header(**SIP, **SIP_TYPES)})
        fits.writeto(tmp_path / "cube.fits", cube, cards, overwrite=True)
        read = read_field(tmp_path / "cube.fits")
        right = seen_by_astropy(astropy_wcs(header(**SIP, **SIP_TYPES)))
        assert agrees(read.wcs, right)
        assert read.notes == ()


def test_alternate_description_serves_without_a_main_one() -> None:
    alternate = {f"{key}A": value for key, value in SOLVED.items()}
    right = seen_by_astropy(astropy_wcs(header()))
    for main in ({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}, {**SOLVED, "CD1_1": 0.0, "CD1_2": 0.0}):
        wcs, notes = celestial_wcs(fits.Header({**main, **alternate}), HEIGHT, WIDTH)
        assert agrees(wcs, right)
        assert notes == ()
        assert agrees(pickle.loads(pickle.dumps(wcs)), right)


def test_a_new_solution_takes_precedence_over_the_plate() -> None:
    near = astropy_wcs(dss())
    places = near.pixel_to_world(0, 0)
    both = dss()
    both.update(header(CRVAL1=places.ra.deg, CRVAL2=places.dec.deg, CRPIX1=1.0, CRPIX2=1.0))
    for key in ("CD1_1", "CD2_2"):
        both[key] *= 4.3
    wcs, _ = celestial_wcs(both, HEIGHT, WIDTH)
    assert agrees(wcs, seen_by_astropy(near))
    both["CRVAL1"] = 20.0
    assert field(celestial_wcs(both, HEIGHT, WIDTH)[0]).sky(0.5, 0.5)[0] == pytest.approx(20.0)


@pytest.fixture
def camera() -> fits.HDUList:
    """The layout of a calibrated exposure of HST: two distortions in tables."""
    rng = np.random.default_rng(2)
    cards = header(**SIP, **SIP_TYPES)
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(rng.normal(size=(HEIGHT, WIDTH)))])
    for prefix, distortion, extension in (
        ("CPDIS", "DP", "WCSDVARR"),
        ("D2IMDIS", "D2IM", "D2IMARR"),
    ):
        for axis in (1, 2):
            cards[f"{prefix}{axis}"] = "Lookup"
            cards[f"{'CPERR' if distortion == 'DP' else 'D2IMERR'}{axis}"] = 3.0
            for name, value in (("EXTVER", axis), ("NAXES", 2), ("AXIS.1", 1), ("AXIS.2", 2)):
                cards.append(fits.Card(f"{distortion}{axis}.{name}", float(value)))
            table = rng.uniform(-3, 3, (31, 41)).astype(np.float32)
            hdu = fits.ImageHDU(table, name=extension, ver=axis)
            hdu.header.update({"CRPIX1": 1.0, "CRPIX2": 1.0, "CDELT1": 10.0, "CDELT2": 10.0})
            hdus.append(hdu)
    hdus[1].header.update(cards)
    return hdus


def test_lookup_tables(camera: fits.HDUList) -> None:
    right = seen_by_astropy(astropy_wcs(camera[1].header, camera))
    wcs, notes = celestial_wcs(camera[1].header, HEIGHT, WIDTH, camera, camera[0].header)
    assert notes == ()
    for one in (wcs, copy.deepcopy(wcs), pickle.loads(pickle.dumps(wcs))):
        assert agrees(one, right)
    x, y = points()
    np.testing.assert_allclose(field(wcs).pixel(*field(wcs).sky(x, y)), (x, y), atol=0.1)


def test_lookup_tables_of_files_and_of_nddata(tmp_path: Path, camera: fits.HDUList) -> None:
    right = seen_by_astropy(astropy_wcs(camera[1].header, camera))
    camera.writeto(tmp_path / "flt.fits")
    flux = camera[1].data.astype(np.float32)
    for source in (
        tmp_path / "flt.fits",
        camera,
        NDData(flux, wcs=astropy_wcs(camera[1].header, camera)),
    ):
        read = read_field(source)
        assert read.pixels.shape == (HEIGHT, WIDTH, 1)
        assert read.notes == ()
        assert agrees(pickle.loads(pickle.dumps(read)).wcs, right)


class Unwritable(WCS):
    """World coordinates that astropy cannot write, as happens to those of a plate solution."""

    def to_fits(self, *arguments: Any, **options: Any) -> fits.HDUList:
        raise UnicodeDecodeError("utf-8", b"\xa4", 0, 1, "invalid start byte")


def test_nddata_whose_wcs_cannot_be_written() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = read_field(NDData(np.ones((HEIGHT, WIDTH)), wcs=Unwritable(header())))
    assert read.wcs is None
    assert "a FITS header cannot hold it" in read.notes[0]
    sliced = HighLevelWCSWrapper(SlicedLowLevelWCS(astropy_wcs(header()), np.s_[10:, 10:]))
    assert read_field(NDData(np.ones((50, 50)), wcs=sliced)).notes == read.notes


def test_nddata_of_a_plate_solution_is_right_or_without_sky() -> None:
    # WCSLIB writes a plate solution from memory that it did not set: at times it reads back.
    right = astropy_wcs(dss())
    read = read_field(NDData(np.ones((HEIGHT, WIDTH)), wcs=right))
    if read.wcs is None:
        assert "a FITS header cannot hold it" in read.notes[0]
    else:
        assert agrees(read.wcs, seen_by_astropy(right))


def test_missing_lookup_tables_are_said(camera: fits.HDUList) -> None:
    right = seen_by_astropy(astropy_wcs(header(**SIP, **SIP_TYPES)))
    for hdus in (None, camera[:2]):
        wcs, notes = celestial_wcs(camera[1].header, HEIGHT, WIDTH, hdus)
        assert agrees(wcs, right)
        assert "off by up to 3 pixels" in notes[0]


def test_primary_header_is_inherited() -> None:
    right = seen_by_astropy(astropy_wcs(header()))
    image = fits.ImageHDU(np.zeros((HEIGHT, WIDTH)), name="SCI")
    hdus = fits.HDUList([fits.PrimaryHDU(header=header()), image])
    wcs, notes = celestial_wcs(image.header, HEIGHT, WIDTH, hdus, hdus[0].header)
    assert agrees(wcs, right)
    assert "primary header" in notes[0]
    hdus.append(fits.ImageHDU(np.zeros((HEIGHT, WIDTH)), name="CCD2"))
    wcs, notes = celestial_wcs(image.header, HEIGHT, WIDTH, hdus, hdus[0].header)
    assert wcs is None
    assert "INHERIT = T" in notes[0]
    image.header["INHERIT"] = True
    wcs, notes = celestial_wcs(image.header, HEIGHT, WIDTH, hdus, hdus[0].header)
    assert agrees(wcs, right)
    assert notes == ()


def test_an_extension_with_its_own_wcs_inherits_the_frame_alone() -> None:
    image = fits.ImageHDU(np.zeros((HEIGHT, WIDTH)), header())
    image.header["INHERIT"] = True
    primary = header(**NO_MATRIX, CRVAL1=10.0, PC1_1=0.1, EQUINOX=1950.0, **SIP)
    wcs, _ = celestial_wcs(image.header, HEIGHT, WIDTH, None, primary)
    assert agrees(wcs, seen_by_astropy(astropy_wcs(header(EQUINOX=1950.0))))


def test_unknown_frame_is_said() -> None:
    wcs, notes = celestial_wcs(header(RADESYS="MARS"), HEIGHT, WIDTH)
    assert agrees(wcs, seen_by_astropy(astropy_wcs(header())))
    assert "'MARS'" in notes[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"}, "projection"),
        ({"CTYPE1": "RA", "CTYPE2": "DEC"}, "the projection of CTYPE 'RA' is unknown"),
        ({"CTYPE2": "DEC--SIN"}, "do not belong together"),
        ({"CTYPE2": None}, "do not belong together"),
        ({"CRVAL1": "here"}, "CRVAL1 is 'here', not a number"),
        ({"A_ORDER": 10**9}, "A_ORDER"),
        ({"CRVAL2": 10**400}, "CRVAL2"),
        ({"RADESYS": "GAPPT"}, "reference frame"),
        ({"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN"}, "keywords"),
    ],
)
def test_reason_is_in_our_words(changes: dict[str, Any], words: str) -> None:
    cards = {**header(), **changes}
    wcs, notes = celestial_wcs(fits.Header({k: v for k, v in cards.items() if v}), HEIGHT, WIDTH)
    assert wcs is None
    assert len(notes) == 1
    assert words in notes[0]
    assert "astrometry.net" in notes[0]
    assert "wcs" not in notes[0]


@pytest.mark.parametrize("cards", [{"RA": 10.0}, {"OBJCTRA": "10 00 00"}, {"CTYPE1": "X"}])
def test_no_description_is_nothing_to_note(cards: dict[str, Any]) -> None:
    assert celestial_wcs(fits.Header(cards), HEIGHT, WIDTH) == (None, ())


@given(
    st.dictionaries(
        st.sampled_from(
            [*SOLVED, *SIP, *SCAMP, *IRAF, *dss(), "CPDIS1", "DP1", "INHERIT", "NAXIS"]
        ),
        st.one_of(
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
            st.integers(),
            st.floats(allow_nan=False, allow_infinity=False),
            st.booleans(),
        ),
        max_size=4,
    ),
    st.sampled_from(sorted(KINDS)),
)
def test_any_header_gives_a_field(values: dict[str, Any], kind: str) -> None:
    cards = KINDS[kind].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, value in values.items():
            cards[key] = value
        wcs, notes = celestial_wcs(cards, HEIGHT, WIDTH, [], cards)
    said = any(str(cards.get(key, "")).strip() for key in ("CTYPE1", "AMDX1"))
    assert wcs is not None or notes or not said
    if wcs is not None:
        assert 0 < pixel_scale(wcs) < 36000


def test_pixel_scale_is_that_of_the_middle() -> None:
    # d(x + A x^2)/dx at the middle, 100 pixels from the reference point
    cards = header(**{**SIP_TYPES, "A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4, "CRPIX1": 100.5})
    wcs, _ = celestial_wcs(cards, HEIGHT, WIDTH)
    assert pixel_scale(wcs) == pytest.approx(3600 * 1.1e-4 * np.sqrt(1.02), rel=1e-3)
    wcs, _ = celestial_wcs(header(**{**OLD, "CDELT1": -4.4e-4}), HEIGHT, WIDTH)
    assert pixel_scale(wcs) == pytest.approx(3600 * 2.2e-4, rel=1e-6)


def test_the_terminal_stays_clean(capfd: pytest.CaptureFixture[str]) -> None:
    for cards in KINDS.values():
        wcs, _ = celestial_wcs(cards, HEIGHT, WIDTH)
        field(wcs).pixel(*field(wcs).sky(*points()))
    assert capfd.readouterr() == ("", "")
