from __future__ import annotations

import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from galpipe.files.names import SafeNames, distinct_names
from galpipe.pipeline.source_ids import SourceNames, sky_name


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


def test_sources_without_sky_are_named_after_field_and_number() -> None:
    names = SourceNames()
    nan = float("nan")
    assert [names("frame", number, nan, nan) for number in (1, 2)] == ["frame-0001", "frame-0002"]


def test_the_same_sky_twice_gives_different_names() -> None:
    names = SourceNames()
    given_names = [names("a", 1, 10.0, 20.0) for _ in range(30)]
    assert given_names[0] == "GP J004000.00+200000.0"
    assert given_names[1].endswith("0.0b")
    assert len(set(given_names)) == 30


@given(st.lists(st.text(min_size=1, max_size=300), max_size=20, unique=True))
def test_file_names_are_safe_and_unique(identifiers: list[str]) -> None:
    safe = SafeNames()
    names = [safe(identifier) for identifier in identifiers]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert name
        assert not name.startswith(".")
        assert set(name) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-"
        )
        assert len(name) <= 120


@pytest.mark.parametrize(
    "identifier", ["../../etc/passwd", "a/b", "..", "a b", "galaxie é", "c:\\x"]
)
def test_file_names_stay_in_their_folder(identifier: str) -> None:
    name = SafeNames()(identifier)
    assert "/" not in name
    assert "\\" not in name
    assert name not in {"", ".", ".."}


def test_names_that_differ_by_case_alone_are_told_apart() -> None:
    safe = SafeNames()
    assert safe("NGC") == "NGC"
    assert safe("ngc") != "ngc"


def test_names_that_are_taken_are_numbered() -> None:
    assert distinct_names(["cnn", "vgg", "cnn", "cnn"]) == ["cnn", "vgg", "cnn 2", "cnn 3"]
    assert distinct_names(["cnn", "cnn 2", "cnn"]) == ["cnn", "cnn 2", "cnn 3"]


def test_names_may_have_to_differ_by_more_than_their_letters() -> None:
    assert distinct_names(["Cnn", "cnn"]) == ["Cnn", "cnn"]
    assert distinct_names(["Cnn", "cnn"], key=str.lower) == ["Cnn", "cnn 2"]
