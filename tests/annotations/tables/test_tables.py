from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from galpipe.errors import InputError
from galpipe.files.tables.read import column_names, read_columns, table_files

VOTABLE = """<?xml version="1.0"?>{head}
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>
<TABLE><FIELD name="x" datatype="double" unit="pix"/><FIELD ID="y" datatype="char"/>
<DATA>{data}</DATA></TABLE>{tail}</RESOURCE></VOTABLE>
"""
ROWS = "<TABLEDATA><TR><TD>1.5</TD><TD> a </TD></TR><TR><TD/><TD/></TR></TABLEDATA>"


def votable(path: Path, head: str = "", data: str = ROWS, tail: str = "") -> Path:
    path.write_text(VOTABLE.format(head=head, data=data, tail=tail))
    return path


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_votable(tmp_path: Path) -> None:
    path = votable(tmp_path / "a.xml")
    assert column_names(path) == ("x", "y")
    table = read_columns(path)
    assert (len(table), table.names, table.unit("x"), table.unit("y")) == (2, ("x", "y"), "pix", "")
    np.testing.assert_array_equal(table.numbers("x"), [1.5, np.nan])
    assert table.texts("y") == ["a", ""]
    assert (table.find(["z", "X"]), table.find(["z"])) == ("x", None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": '<!DOCTYPE a [<!ENTITY b "c">]>'}, "document type"),
        ({"head": '<!DOCTYPE a SYSTEM "http://localhost/a.dtd">'}, "document type"),
        ({"data": '<BINARY2><STREAM href="file:///etc/passwd"/></BINARY2>'}, "TABLEDATA"),
        ({"data": '<FITS><STREAM href="http://localhost/a.fits"/></FITS>'}, "TABLEDATA"),
        ({"data": "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>"}, "1 cells"),
        ({"data": "<TABLEDATA>"}, "not well-formed"),
        ({"tail": "<TABLE/>"}, "several tables"),
    ],
)
def test_dangers_and_damages_of_xml_are_refused(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_columns(votable(tmp_path / "a.vot", **change))


def test_entities_are_refused_in_any_encoding(tmp_path: Path) -> None:
    text = VOTABLE.replace("?>", ' encoding="UTF-16"?>', 1)
    text = text.format(head='<!DOCTYPE a [<!ENTITY b "c">]>', data=ROWS, tail="")
    with pytest.raises(InputError):
        read_columns(write(tmp_path / "a.vot", text.encode("utf-16")))


def test_yaml_makes_no_objects(tmp_path: Path) -> None:
    marker = tmp_path / "made"
    text = (
        "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: x, unit: pix, datatype: float64}\n"
        f"# meta: !!python/object/apply:os.mkdir [{marker}]\nx\n1.5\n"
    )
    table = read_columns(write(tmp_path / "a.ecsv", text))
    assert (table.unit("x"), table.texts("x")) == ("pix", ["1.5"])
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# %ECSV 1.0\n# ---\n# datatype: {{\nx\n1\n", "damaged ECSV header"),
        ("# %ECSV 1.0\n# ---\n# " + "[" * 5000 + "\nx\n1\n", "nested too deeply|damaged"),
        ("# %ECSV 1.0\n# " + "a" * 300_000 + "\nx\n1\n", "header of more than"),
        ("x,y\n1,2\n3\n", "row 2 has 1 cells"),
        (b"x,y\n\xff,2\n", "UTF-8"),
        ("x,y\n" + '"' + "1" * 200_000, "no.* table in text|not a table"),
        (b"SIMPLE  =                    T", "FITS table"),
        ("\n\n", "is empty"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_columns(write(tmp_path / "a.dat", content))


def test_a_fits_table_must_hold_what_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    Table({"x": np.arange(2000.0), "many": np.zeros((2000, 3))}).write(path)
    assert column_names(path) == ("x", "many")
    assert read_columns(path).names == ("x",)
    content = path.read_bytes()
    for count in (b"9" * 11, b"9" * 6, b"-5"):
        rows = b"NAXIS2  = " + b"2000".rjust(20)
        assert rows in content
        write(path, content.replace(rows, b"NAXIS2  = " + count.rjust(20)))
        with pytest.raises(InputError):
            read_columns(path)
    write(path, content[:9000])
    with pytest.raises(InputError):
        read_columns(path)


def test_two_tables_in_a_file_are_too_many(tmp_path: Path) -> None:
    hdus = [fits.PrimaryHDU(), *(fits.table_to_hdu(Table({"x": [1.0]})) for _ in range(2))]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match="2 tables"):
        read_columns(tmp_path / "a.fits")
    fits.PrimaryHDU(np.zeros((9, 9))).writeto(tmp_path / "image.fits")
    assert column_names(tmp_path / "image.fits") == ()
    with pytest.raises(InputError, match="no table"):
        read_columns(tmp_path / "image.fits")


def test_whole_numbers_that_are_missing(tmp_path: Path) -> None:
    column = fits.Column("n", "J", null=-99, array=np.array([3, -99]), unit="pixel")
    fits.BinTableHDU.from_columns([column]).writeto(tmp_path / "a.fits")
    table = read_columns(tmp_path / "a.fits")
    np.testing.assert_array_equal(table.numbers("n"), [3, np.nan])
    assert (table.texts("n"), table.unit("n")) == (["3", ""], "pixel")


def test_a_column_of_words_is_no_column_of_numbers(tmp_path: Path) -> None:
    table = read_columns(write(tmp_path / "a.csv", 'ra,n,class\n"12:30:01",1,E\n"1:2:3",x,S\n'))
    with pytest.raises(InputError, match="12:30:01"):
        table.numbers("ra")
    np.testing.assert_array_equal(table.numbers("n"), [1, np.nan])
    assert [table.is_text(name) for name in table.names] == [True, True, True]


def test_a_folder_gives_its_tables_and_no_images(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((9, 9))).writeto(tmp_path / "a.fits")
    Table({"x": [1.0]}).write(tmp_path / "b.fits")
    write(tmp_path / "c.cat", "# 1 X_IMAGE\n1\n")
    write(tmp_path / "d.fits", "damaged")
    write(tmp_path / "notes.txt", "x\n")
    assert [path.name for path in table_files(tmp_path)] == ["b.fits", "c.cat", "d.fits"]
    with pytest.raises(InputError, match="no such file"):
        read_columns(tmp_path / "e.csv")
