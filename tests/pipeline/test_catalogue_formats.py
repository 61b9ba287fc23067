"""The catalogue of the demonstration field in every format, read by the programs it is for."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable, Table
from astropy.utils import minversion
from click.testing import Result

import galpipe
from galpipe.errors import ConfigError, InputError, MissingExtraError
from galpipe.pipeline import Catalogue, RunResult
from galpipe.pipeline.catalogue_formats import CATALOGUE_FORMATS
from galpipe.pipeline.columns import FIRST_COLUMNS
from galpipe.pipeline.table_layout import without_rows

DEMONSTRATION = Path(galpipe.__path__[0], "pipeline", "demonstration", "demonstration.fits.fz")
ODD_NAME = """銀河 "a", <b> & 'c'"""

HAS_PYARROW = find_spec("pyarrow") is not None
needs_pyarrow = pytest.mark.skipif(not HAS_PYARROW, reason="pyarrow is not installed")
PARQUET = pytest.param("parquet", marks=needs_pyarrow)
needs_stilts = pytest.mark.skipif(shutil.which("stilts") is None, reason="STILTS is not installed")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Run on the demonstration field that writes every format."""
    out = tmp_path_factory.mktemp("run") / "out"
    formats = [name for name in CATALOGUE_FORMATS if name != "parquet" or HAS_PYARROW]
    return galpipe.run(DEMONSTRATION, out, classifier="galaxy10_cnn", formats=formats)


@pytest.fixture(scope="module")
def odd(found: RunResult) -> Catalogue:
    """Two rows with every kind of difficult value."""
    some = found.catalogue[:2]
    columns = {name: np.asarray(some[name]) for name in some.table.colnames}
    columns |= {"field": np.array([ODD_NAME, "NA"]), "ra": np.full(2, np.nan)}
    columns |= {"class_name": np.array(["=1+1", "'"]), "probability": np.array([np.nan, 0.5])}
    columns |= {"group_id": np.array(["=2", ODD_NAME]), "n_detections": np.array([2, 1])}
    columns |= {"primary": np.array([False, True])}
    return Catalogue(columns, some.class_names, some.table.meta, bands=some.bands, overlaps=True)


def stilts(path: Path, form: str, *commands: str) -> list[dict[str, str]]:
    """Rows of a table as STILTS reads them."""
    done = subprocess.run(
        ["stilts", "tpipe", f"in={path}", f"ifmt={form}", *commands, "ofmt=csv"],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    if "Unknown format ecsv" in done.stderr:
        pytest.skip("this STILTS has no reader of ECSV; Debian's is in starlink-ecsv-java")
    assert done.returncode == 0, done.stderr[-500:]
    return list(csv.DictReader(io.StringIO(done.stdout)))


def test_a_run_writes_the_formats_asked_for(
    found: RunResult, tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    names = {path.name for path in found.output.glob("catalogue.*")}
    ends = ("ecsv", "csv", "fits", "vot", *(["parquet"] if HAS_PYARROW else []))
    assert names == {f"catalogue.{end}" for end in ends}
    assert [path.name for path in found.output.glob("regions/*")] == ["demonstration.reg"]
    out = tmp_path / "out"
    galpipe.run(good_picture, out, **models, formats=["votable", "ds9"])
    assert [path.name for path in out.glob("catalogue.*")] == ["catalogue.vot"]
    galpipe.run(good_picture, out, **models, overwrite=True)
    assert {path.name for path in out.glob("catalogue.*")} == {"catalogue.ecsv", "catalogue.csv"}
    assert not (out / "regions").exists()


def test_no_cell_of_the_csv_is_a_formula(odd: Catalogue, tmp_path: Path) -> None:
    odd.write(tmp_path / "odd.csv")
    with (tmp_path / "odd.csv").open(newline="", encoding="utf-8") as lines:
        names = [row["class_name"] for row in csv.DictReader(lines)]
    assert names == ["'=1+1", "'"]


@pytest.mark.parametrize("suffix", ["ecsv", "csv", "fits", "vot", PARQUET])
def test_galpipe_reads_every_format(found: RunResult, suffix: str) -> None:
    again = Catalogue.read(found.output / f"catalogue.{suffix}")
    for name in found.catalogue.table.colnames:
        np.testing.assert_array_equal(again[name], found.catalogue[name], err_msg=name)


@pytest.mark.parametrize("suffix", ["ecsv", "csv", "fits", "vot", PARQUET])
def test_odd_values_survive_every_format(odd: Catalogue, tmp_path: Path, suffix: str) -> None:
    again = Catalogue.read(odd.write(tmp_path / f"catalogue.{suffix}"))
    for name in odd.table.colnames:
        np.testing.assert_array_equal(np.asarray(again[name]), np.asarray(odd[name]), err_msg=name)


@pytest.mark.parametrize("suffix", ["ecsv", "fits", "vot", PARQUET])
def test_astropy_reads_units_and_descriptions(found: RunResult, suffix: str) -> None:
    table = QTable.read(found.output / f"catalogue.{suffix}")
    np.testing.assert_array_equal(table["ra"], found.catalogue["ra"])
    assert str(table["xmin"].unit) == "pix"
    if suffix != "fits":
        described = " ".join(table["flags"].info.description.split())
        assert described == found.catalogue["flags"].info.description


def test_ecsv_holds_nothing_that_only_astropy_knows(found: RunResult) -> None:
    text = (found.output / "catalogue.ecsv").read_text(encoding="utf-8")
    assert "!astropy" not in text
    assert "__serialized_columns__" not in text


@needs_stilts
@pytest.mark.parametrize(
    ("suffix", "form"), [("ecsv", "ecsv"), ("csv", "csv"), ("fits", "fits"), ("vot", "votable")]
)
def test_stilts_reads_the_catalogue(found: RunResult, suffix: str, form: str) -> None:
    path = found.output / f"catalogue.{suffix}"
    rows = stilts(path, form)
    assert [row["source_id"] for row in rows] == found.catalogue["source_id"].tolist()
    for name in ("ra", "dec", "probability"):
        values = [float(row[name]) for row in rows]
        np.testing.assert_allclose(values, np.asarray(found.catalogue[name]), rtol=0, atol=1e-7)
    if suffix == "csv":
        return
    columns = {row["Name"]: row for row in stilts(path, form, "cmd=meta")}
    assert list(columns) == found.catalogue.table.colnames
    assert columns["ra"]["Units"] == "deg"
    assert columns["ra"]["UCD"] == "pos.eq.ra;meta.main"
    assert columns["xmin"]["Units"] in ("pix", "pixel")
    assert columns["flags"]["Description"] == found.catalogue["flags"].info.description


@needs_stilts
@pytest.mark.parametrize(
    ("suffix", "form"), [("ecsv", "ecsv"), ("fits", "fits"), ("vot", "votable")]
)
def test_stilts_reads_a_catalogue_without_rows(
    found: RunResult, tmp_path: Path, suffix: str, form: str
) -> None:
    path = found.catalogue[:0].write(tmp_path / f"catalogue.{suffix}")
    assert len(stilts(path, form, "cmd=meta")) == len(found.catalogue.table.colnames)


@needs_stilts
def test_stilts_reads_odd_names(odd: Catalogue, tmp_path: Path) -> None:
    rows = stilts(odd.write(tmp_path / "catalogue.vot"), "votable")
    assert [row["field"] for row in rows] == [ODD_NAME, "NA"]
    assert rows[0]["ra"] == ""


@needs_pyarrow
def test_parquet_is_read_without_astropy(found: RunResult) -> None:
    from astropy.io import votable
    from pyarrow import parquet

    rows = parquet.read_table(found.output / "catalogue.parquet")
    assert rows.column_names == found.catalogue.table.colnames
    assert rows["source_id"].to_pylist() == found.catalogue["source_id"].tolist()
    metadata = rows.schema.metadata
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    header = votable.parse(io.BytesIO(metadata[b"IVOA.VOTable-Parquet.content"]))
    fields = {field.name: field for field in header.get_first_table().fields}
    assert list(fields) == rows.column_names
    assert fields["dec"].ucd == "pos.eq.dec;meta.main"
    assert str(fields["dec"].unit) == "deg"


@needs_pyarrow
@pytest.mark.skipif(not minversion("astropy", "7.1"), reason="astropy does not read VOParquet")
@pytest.mark.parametrize("rows", [0, 3])
def test_parquet_is_voparquet_to_astropy(found: RunResult, tmp_path: Path, rows: int) -> None:
    path = found.catalogue[:rows].write(tmp_path / "catalogue.parquet")
    with warnings.catch_warnings():
        # It compares the descriptions with those of its own metadata, line breaks included.
        warnings.simplefilter("ignore")
        table = Table.read(path, format="parquet.votable")
    assert len(table) == rows
    assert table["ra"].unit == "deg"


def test_regions_are_read_by_the_package_regions(found: RunResult) -> None:
    regions = pytest.importorskip("regions")
    boxes = regions.Regions.read(found.output / "regions" / "demonstration.reg", format="ds9")
    table = found.catalogue.table
    assert len(boxes) == len(table)
    for box, row in zip(boxes, table, strict=True):
        # The package counts pixels from 0 at the centre of the first.
        assert box.center.x == pytest.approx(row["x"].value - 0.5, abs=0.01)
        assert box.center.y == pytest.approx(row["y"].value - 0.5, abs=0.01)
        assert box.width == pytest.approx((row["xmax"] - row["xmin"]).value, abs=0.02)
        assert box.meta["text"].startswith(row["class_name"])


def test_regions_of_each_field_without_objects_too(
    tmp_path: Path, good_picture: Path, good_fits: Path, models: dict[str, Path]
) -> None:
    from galpipe.pipeline.detect import detect

    inputs, out = [good_picture, good_fits], tmp_path / "out"
    detect(inputs, out, model=models["detector"], score_threshold=1.0, formats=["ds9"])
    assert {path.name for path in (out / "regions").iterdir()} == {"good.reg", "sky.reg"}
    assert "box" not in (out / "regions" / "sky.reg").read_text()
    assert not list(out.glob("catalogue.*"))


def test_formats_on_the_command_line(
    galpipe_cli: Callable[..., Result], tmp_path: Path, good_picture: Path, models: dict[str, Path]
) -> None:
    def call(command: str, *options: object) -> Result:
        chosen = {"run": ["--detector", models["detector"], "--classifier", models["classifier"]]}
        model = chosen.get(command, ["--model", models["detector"]])
        return galpipe_cli(command, good_picture, "-o", tmp_path / "out", *model, *options)

    done = call("run", "--format", "fits", "--format", "ds9")
    assert done.exit_code == 0, done.output
    assert "catalogue.fits" in done.output
    assert "regions" in done.output
    done = call("detect", "--overwrite", "--format", "csv", "--format", "voc")
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "out").glob("catalogue.*")] == ["catalogue.csv"]
    assert [path.name for path in (tmp_path / "out" / "annotations").iterdir()] == ["voc"]
    done = call("detect", "--overwrite", "--annotations", "csv", "--annotations", "ds9")
    assert {path.name for path in (tmp_path / "out" / "annotations").iterdir()} == {
        "csv.csv",
        "ds9",
    }
    done = call("run", "--format", "voc")
    assert done.exit_code == 2
    assert "votable" in done.output


def test_a_format_is_checked_before_anything_is_done(
    tmp_path: Path,
    good_picture: Path,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigError, match="ecsv, csv, fits"):
        galpipe.run(good_picture, tmp_path / "out", **models, formats=["xlsx"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"galpipe\[parquet\]"):
        galpipe.run(good_picture, tmp_path / "out", **models, formats=["parquet"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("suffix", ["ecsv", "csv", "fits", "vot", PARQUET])
def test_an_older_catalogue_is_read(found: RunResult, tmp_path: Path, suffix: str) -> None:
    """One with quantities, and without the columns that were added."""
    new = found.catalogue.table
    classes = [name for name in new.colnames if name.startswith("prob_")]
    old = new[[*FIRST_COLUMNS, "class_id", "class_name", "probability", *classes]]
    path = tmp_path / f"old.{suffix}"
    if suffix == "ecsv":
        old.write(path, format="ascii.ecsv")
        assert "!astropy" in path.read_text()
    else:
        form = CATALOGUE_FORMATS[{"vot": "votable"}.get(suffix, suffix)]
        with form.open(without_rows(old), path) as add:
            add(old)
    again = Catalogue.read(path)
    np.testing.assert_array_equal(again["xmin"], found.catalogue["xmin"])
    assert again["xmin"].unit == found.catalogue["xmin"].unit
    assert again.class_names is not None
    assert np.isnan(np.asarray(again["entropy"])).all()
    assert set(again["second_class"]) == {""}


@pytest.mark.parametrize("suffix", ["ecsv", "csv", "fits", "vot", PARQUET])
@pytest.mark.parametrize("change", ["cut", "noise", "other"])
def test_a_damaged_catalogue_is_an_input_error(
    found: RunResult, tmp_path: Path, suffix: str, change: str
) -> None:
    content = bytearray((found.output / f"catalogue.{suffix}").read_bytes())
    if change == "cut":
        del content[len(content) // 3 :]
    elif change == "noise":
        content[100:700] = np.random.default_rng(1).bytes(600)
    else:
        content[:] = b"<VOTABLE><INFO name='GALPIPE' value='[1]'/></VOTABLE>"
    path = tmp_path / f"broken.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="broken"):
        Catalogue.read(path)
