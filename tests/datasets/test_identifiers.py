from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galpipe.datasets.identifiers import Identities, read_identifiers, table_positions
from galpipe.errors import InputError

NAMES = ["a.jpg", "spirals/b.png", "c.fits.gz"]


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_table_the_stem_counts() -> None:
    known = Identities.from_names(NAMES)
    assert known.identifiers == ("a", "b", "c")
    assert np.isnan(known.ra).all()


def test_names_with_and_without_extension_and_folders(tmp_path: Path) -> None:
    table = write(
        tmp_path, "\ufeffFilename,identifier,ra,dec\na,587,10,-3.5\nspirals\\b.png,,1,2\nz,9,,\n"
    )
    known = read_identifiers(table, NAMES)
    assert known.identifiers == ("587", "b", "c")
    assert known.ra[:2].tolist() == [10, 1]
    assert known.dec[:2].tolist() == [-3.5, 2]
    assert np.isnan(known.ra[2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs 'filename'"),
        ("filename,ra\na,1\n", "'ra' and 'dec'"),
        ("filename,identifier\nz,1\n", "none of the 3 images"),
        ("filename,ra,dec\na,ten,0\n", "line 2 has the ra 'ten'"),
        ("filename,ra,dec\na,nan,0\n", "line 2 has the ra"),
        ("filename,ra,dec\na,1,91\n", "line 2 has the dec '91'"),
        ("filename,identifier\na,1\na.jpg,2\n", "line 3 contradicts an earlier line"),
        ("filename,identifier\na,1,2\n", "line 2 is not a row"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_identifiers(write(tmp_path, text), NAMES)


@given(st.binary(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_but_our_error_comes_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"filename,identifier,ra,dec\na,1,2,3\n" + content)
    with suppress(InputError):
        read_identifiers(path, NAMES)


@pytest.mark.parametrize(
    ("ra", "dec", "position"),
    [
        ("180.5", "-12.25", (180.5, -12.25)),
        (0.0, 90.0, (0.0, 90.0)),
        ("", "12", None),
        ("12:00:00.1", "+01:00:00", None),
        ("-1", "5", None),
        ("20", "91", None),
    ],
)
def test_a_position_is_a_place_on_the_sky(ra: object, dec: object, position: object) -> None:
    assert table_positions(pd.DataFrame({"ra": [ra], "dec": [dec]})) == [position]


@pytest.mark.parametrize("columns", [["filename"], ["filename", "ra"]])
def test_without_both_columns_nothing_is_known(columns: list[str]) -> None:
    assert table_positions(pd.DataFrame({name: ["1", "2"] for name in columns})) == [None, None]


def test_images_of_one_name_in_two_folders_are_two_galaxies() -> None:
    names = ("a/m51.jpg", "b/m51.jpg", "a/m31.jpg", "a/m31.fits", "m33.jpg")
    identifiers = Identities.from_names(names).identifiers
    assert identifiers == ("a/m51", "b/m51", "m31", "m31", "m33")
