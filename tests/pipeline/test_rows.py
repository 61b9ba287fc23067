from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from galpipe.imaging import Field, read_field
from galpipe.pipeline.rows import sky_name, source_ids


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (0.0, 0.0, "GP J000000.00+000000.0"),
        (312.7505, -5.20959, "GP J205100.12-051234.5"),
        (312.7505, 5.20959, "GP J205100.12+051234.5"),
        (359.9999999, -89.9999999, "GP J235959.99-895959.9"),
        (180.0, 90.0, "GP J120000.00+900000.0"),
        (15.0, -0.0001, "GP J010000.00-000000.3"),
    ],
)
def test_sky_name(ra: float, dec: float, name: str) -> None:
    assert sky_name(ra, dec) == name


@given(
    st.floats(0, 359.99, allow_nan=False).map(lambda value: round(value, 7)),
    st.floats(-89.99, 89.99, allow_nan=False).map(lambda value: round(value, 7)),
)
def test_sky_name_is_the_truncated_place(ra: float, dec: float) -> None:
    name = sky_name(ra, dec).removeprefix("GP J")
    sign = name[9]
    time, angle = name[:9], name[10:]
    place = SkyCoord(
        f"{time[:2]}h{time[2:4]}m{time[4:]}s {sign}{angle[:2]}d{angle[2:4]}m{angle[4:]}s"
    )
    assert 0 <= (ra - place.ra.deg) * 240 + 1e-4 < 0.0102
    assert -1e-3 <= (abs(dec) - abs(place.dec.deg)) * 3600 < 0.101
    assert place.separation(SkyCoord(ra * u.deg, dec * u.deg)).arcsec < 0.2


def field_of(pixels: np.ndarray, *paths: str, identifier: str = "label") -> Field:
    return replace(read_field(pixels, identifier), paths=tuple(Path(path) for path in paths))


FLUX = np.random.default_rng(0).normal(10, 1, (20, 20))
UNKNOWN = np.array([np.nan, np.nan])


def test_sources_without_sky_are_named_after_file_content_and_rank() -> None:
    field = field_of(FLUX, "a/frame.png")
    start = f"frame-{field.checksum[:8]}"
    assert source_ids(field, UNKNOWN, UNKNOWN).tolist() == [f"{start}-0001", f"{start}-0002"]
    # The identifier, which the other fields of a run may change, does not matter.
    again = field_of(FLUX, "b/frame.png", identifier="b_frame")
    assert source_ids(again, UNKNOWN, UNKNOWN).tolist() == [f"{start}-0001", f"{start}-0002"]
    # Nor does a name that the server gave to an uploaded file.
    upload = field_of(FLUX, "input/0", identifier="b_frame")
    assert source_ids(upload, UNKNOWN, UNKNOWN, "frame").tolist() == [
        f"{start}-0001",
        f"{start}-0002",
    ]
    other = field_of(FLUX + 1, "a/frame.png")
    assert not set(source_ids(other, UNKNOWN, UNKNOWN)) & set(source_ids(field, UNKNOWN, UNKNOWN))
    assert source_ids(field_of(FLUX, identifier="mine"), UNKNOWN, UNKNOWN)[0].startswith("mine-")


def test_sources_of_a_field_at_one_position_get_letters() -> None:
    field = field_of(FLUX, "frame.fits")
    names = source_ids(field, np.full(30, 10.0), np.full(30, 20.0)).tolist()
    assert names[0] == "GP J004000.00+200000.0"
    assert [name.removeprefix(names[0]) for name in names[1:3]] == ["b", "c"]
    assert [name.removeprefix(names[0]) for name in names[25:28]] == ["z", "aa", "ab"]
    assert len(set(names)) == 30
