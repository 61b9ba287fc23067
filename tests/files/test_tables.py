from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from astropy.utils import minversion

from galpipe.errors import InputError
from galpipe.files.tables import column_names, read_columns, table_files

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


@pytest.mark.parametrize("layout", ["tabledata", "binary", "binary2"])
def test_every_layout_of_a_votable(tmp_path: Path, layout: str) -> None:
    table = Table({"x": [1.5, 0.1], "name": ["a", "Ω"], "pair": [[1, 2], [3, 4]]})
    # BINARY cannot hold a missing whole number; astropy 6 does not write one to BINARY2 either.
    missing = layout == "tabledata" or (layout == "binary2" and minversion("astropy", "7.0"))
    table["n"] = MaskedColumn([587739505552785605, 0], mask=[False, missing])
    table["f"] = np.array([0.1, 2.0], np.float32)
    table["x"].unit = "arcsec"
    table.write(tmp_path / "a.vot", format="votable", tabledata_format=layout)
    assert column_names(tmp_path / "a.vot") == ("x", "name", "pair", "n", "f")
    read = read_columns(tmp_path / "a.vot")
    assert read.names == ("x", "name", "n", "f")
    assert read.unit("x") == "arcsec"
    np.testing.assert_array_equal(read.numbers("x"), [1.5, 0.1])
    assert read.texts("name") == ["a", "Ω"]
    assert read.texts("n") == ["587739505552785605", "" if missing else "0"]
    assert read.texts("f") == ["0.1", "2"]
    chosen = read_columns(tmp_path / "a.vot", lambda names: [names[1]])
    assert chosen.names == ("name",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<TABLE>", '<TABLE nrows="99999999999">'),
        ('datatype="char"', 'datatype="char" arraysize="9999999999"'),
        ('datatype="char"', 'datatype="float" arraysize="99999x99999"'),
    ],
)
def test_a_votable_does_not_allocate_what_it_lacks(tmp_path: Path, old: str, new: str) -> None:
    path = votable(tmp_path / "a.vot")
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match="2 GiB"):
        read_columns(path)


def test_packed_tables_are_unpacked_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.csv.gz", gzip.compress(b"x,y\n" + b"1,2\n" * 1000))
    assert column_names(path) == ("x", "y")
    assert len(read_columns(path)) == 1000
    monkeypatch.setattr("galpipe.files.tables.MAX_BYTES_OF_ALL_COLUMNS", 1000)
    with pytest.raises(InputError, match="larger than"):
        read_columns(path)
    assert len(read_columns(path, lambda names: ["x"])) == 1000


def test_a_packed_fits_table(tmp_path: Path) -> None:
    path = tmp_path / "a.fits.gz"
    Table({"x": [1.5, 2.0], "name": ["a", "b"]}).write(path)
    assert column_names(path) == ("x", "name")
    assert read_columns(path).texts("name") == ["a", "b"]


def test_a_parquet_table(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"id": pd.array([587739505552785605, None], "Int64"), "x": [0.5, np.nan]})
    frame.to_parquet(path)
    assert column_names(path) == ("id", "x")
    table = read_columns(path, list, {"id"})
    assert table.texts("id") == ["587739505552785605", ""]
    np.testing.assert_array_equal(table.numbers("x"), [0.5, np.nan])


def test_chosen_columns_are_numbers_unless_they_are_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x,y,x\n007,1,,3\n008,NaN,many,4\n")
    table = read_columns(path, lambda names: names[:3], {"id"})
    assert table.texts("id") == ["007", "008"]
    np.testing.assert_array_equal(table.numbers("x"), [1, np.nan])
    np.testing.assert_array_equal(table.numbers("y", required=False), [np.nan, np.nan])


@pytest.mark.parametrize(
    "text",
    [
        "x;y\n1;a b\n2;\n",
        "x\ty\n1\ta b\n2\t\n",
        "# made by hand\nx, y\n\n1, a b\n# 3, c\n2,\n",
        '\ufeffx,y\r\n1,"a b"\r\n2,""\r\n',
        '# %ECSV 1.0\n# ---\n# datatype:\n# - {name: x, datatype: int64}\nx y\n1 "a b"\n2 ""\n',
    ],
)
def test_dialects_of_text(tmp_path: Path, text: str) -> None:
    table = read_columns(write(tmp_path / "a.dat", text))
    assert {name: table.texts(name) for name in table.names} == {
        "x": ["1", "2"],
        "y": ["a b", ""],
    }


def test_names_in_a_comment(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "a.txt", [[1.0, 2.5], [3.0, 4.0]], header="x y")
    table = read_columns(tmp_path / "a.txt")
    np.testing.assert_array_equal(table.numbers("y"), [2.5, 4])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": '<!DOCTYPE a [<!ENTITY b "c">]>'}, "document type"),
        ({"head": '<!DOCTYPE a SYSTEM "http://localhost/a.dtd">'}, "document type"),
        ({"data": '<BINARY2><STREAM href="file:///etc/passwd"/></BINARY2>'}, "elsewhere"),
        ({"data": '<FITS><STREAM href="http://localhost/a.fits"/></FITS>'}, "elsewhere"),
        ({"data": "<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>"}, "fewer columns"),
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
        ("x,y\n" + '"' + "1" * 200_000, "Cannot read the table"),
        (b"SIMPLE  =                    T", "Cannot read the table"),
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
