from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io.votable.ucd import parse_ucd
from astropy.utils import minversion

from galpipe.errors import InputError, MissingExtraError, OutputError
from galpipe.pipeline import Catalogue, Flag
from galpipe.pipeline.columns import NOT_CLASSIFIED, catalogue_columns

CLASSES = ("Round Smooth Galaxies", "Edge-on Galaxies, with Bulge")


DETECTED = ("galaxy", "star")
BANDS = {"g": "nanomaggy", "r": "adu", "F200W": "MJy/sr", "": ""}


def make(
    rows: int = 3,
    *,
    classes: bool = True,
    fields: int = 2,
    several: bool = False,
    bands: dict[str, str] | None = None,
) -> Catalogue:
    generator = np.random.default_rng(1)
    number = np.arange(rows)
    columns = {
        "source_id": [f"GP J{n:06d}.00+000000.0" for n in number],
        "field": [("NA", "fältet")[n % fields] for n in number],
        "ra": np.where(number % 2, np.nan, 10.12345678912),
        "dec": np.where(number % 2, np.nan, -5.5),
        "class_name": [CLASSES[n % 2] for n in number],
        "class_id": number % 2,
        "tile": number - 1,
        "flags": number,
    }
    columns |= {
        column.name: generator.uniform(0, 100, rows)
        for column in catalogue_columns(CLASSES, None, bands)
        if column.name not in columns
    }
    if several:
        # Every second object is a star, which nobody classified.
        star = number % 2 == 1
        columns["detected_class"] = [DETECTED[n % 2] for n in number]
        columns["class_id"] = np.where(star, NOT_CLASSIFIED, 0)
        columns["class_name"] = np.where(star, "", CLASSES[0])
        for name in columns:
            if name.startswith("prob"):
                columns[name] = np.where(star, np.nan, columns[name])
    meta = {"made_by": "galpipe", "models": {"detector": {"name": "é", "sha256": {"a": "0" * 64}}}}
    names = CLASSES if classes else None
    return Catalogue(columns, names, meta, DETECTED if several else None, bands)


def test_columns_of_a_run() -> None:
    assert make().table.colnames == [
        "source_id", "field", "ra", "dec", "x", "y", "xmin", "ymin", "xmax", "ymax", "score",
        "class_id", "class_name", "probability", "second_class", "second_probability", "entropy",
        "prob_round_smooth_galaxies", "prob_edge_on_galaxies_with_bulge", "tile", "flags",
    ]  # fmt: skip


def test_columns_of_a_detection() -> None:
    assert make(classes=False).table.colnames == [
        "source_id", "field", "ra", "dec", "x", "y", "xmin", "ymin", "xmax", "ymax", "score",
        "tile", "flags",
    ]  # fmt: skip


def test_columns_of_a_detector_of_several_classes() -> None:
    names = make(classes=False, several=True).table.colnames
    assert names[-4:] == ["score", "detected_class", "tile", "flags"]
    names = make(several=True).table.colnames
    assert names[names.index("detected_class") - 1 :][:3] == ["score", "detected_class", "class_id"]


def test_every_column_is_described() -> None:
    catalogue = make(several=True)
    # The vocabulary of astropy 6 lacks stat.confidenceLevel.
    knows_words = minversion("astropy", "7.0")
    for column in catalogue.table.itercols():
        assert column.info.description
        parse_ucd(column.info.meta["ucd"], check_controlled_vocabulary=knows_words)
    assert catalogue["ra"].unit == u.deg
    assert catalogue["x"].unit == u.pix
    assert "FITS" in catalogue["x"].info.description
    for flag in Flag:
        assert f"{flag.value} {flag.name.lower()}" in catalogue["flags"].info.description


@pytest.mark.parametrize("suffix", [".ecsv", ".csv", ".fits", ".vot", ".xml", ".parquet"])
@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize(
    ("classes", "several", "bands"),
    [(True, False, None), (False, False, BANDS), (True, True, {"": ""})],
)
def test_round_trip(
    tmp_path: Path,
    suffix: str,
    rows: int,
    classes: bool,
    several: bool,
    bands: dict[str, str] | None,
) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    catalogue = make(rows, classes=classes, several=several, bands=bands)
    again = Catalogue.read(catalogue.write(tmp_path / f"catalogue{suffix}"))
    assert again.table.colnames == catalogue.table.colnames
    for name in catalogue.table.colnames:
        before, after = np.asarray(catalogue[name]), np.asarray(again[name])
        assert before.dtype.kind == after.dtype.kind
        np.testing.assert_array_equal(before, after, err_msg=name)
        assert catalogue[name].info.meta["ucd"] == again[name].info.meta["ucd"]
        # A CSV file has values alone, and the units of fluxes are those of the images.
        if suffix != ".csv" or not name.startswith(("flux", "peak", "sky")):
            assert catalogue[name].info.unit == again[name].info.unit
    if suffix != ".csv":
        assert again.bands == catalogue.bands
        assert dict(again.table.meta) == dict(catalogue.table.meta)
        assert again.class_names == catalogue.class_names
        assert again.detected_classes == catalogue.detected_classes


def test_a_missing_place_is_an_empty_cell_of_the_csv(tmp_path: Path) -> None:
    lines = make().write(tmp_path / "catalogue.csv").read_text().splitlines()
    assert lines[1].startswith("GP J000000.00+000000.0,NA,10.1234568,-5.5,")
    assert lines[2].startswith("GP J000001.00+000000.0,fältet,,,")


def test_fits_header_says_units_and_ucds(tmp_path: Path) -> None:
    from astropy.io import fits

    path = make().write(tmp_path / "catalogue.fits")
    header = fits.getheader(path, "CATALOGUE")
    assert header["TTYPE3"] == "ra"
    assert header["TUNIT3"] == "deg"
    assert header["TUCD3"] == "pos.eq.ra;meta.main"
    assert "Right ascension" in header["TCOMM3"]


def test_regions_are_one_based(tmp_path: Path) -> None:
    columns = {column.name: [0.0] for column in catalogue_columns(None)}
    columns |= {"source_id": ["a"], "field": ["f"], "score": [0.9]}
    columns |= {"xmin": [0.0], "xmax": [10.0], "ymin": [4.0], "ymax": [6.0], "x": [5.0], "y": [5.0]}
    text = Catalogue(columns).write(tmp_path / "boxes.reg").read_text()
    # Ten pixels from the first on: DS9 numbers them 1 to 10, so their centre is 5.5.
    assert "\nimage\nbox(5.500,5.500,10.00,2.00,0) # text={0.90}\n" in text


def test_regions_name_what_each_object_is(tmp_path: Path) -> None:
    catalogue = make(2, fields=1, several=True)
    text = catalogue.write(tmp_path / "boxes.reg").read_text()
    sure = catalogue["probability"][0], catalogue["score"][1]
    assert f"text={{{CLASSES[0]} {sure[0]:.2f}}}" in text
    assert f"text={{star {sure[1]:.2f}}}" in text


def test_regions_of_several_fields_are_refused(tmp_path: Path) -> None:
    catalogue = make()
    with pytest.raises(OutputError, match="of_field"):
        catalogue.write(tmp_path / "boxes.reg")
    assert not list(tmp_path.iterdir())
    catalogue.of_field("NA").write(tmp_path / "boxes.reg")


def test_columns_are_selected_by_name() -> None:
    catalogue = make()
    for names in (("ra", "dec", "class_name"), ["ra", "dec", "class_name"]):
        assert catalogue[names].colnames == ["ra", "dec", "class_name"]
    assert len(catalogue[("ra",)]) == 3


def test_rows_are_selected_with_all_their_columns() -> None:
    catalogue = make(5)
    assert len(catalogue.of_field("NA")) == 3
    assert len(catalogue[:2]) == 2
    best = catalogue[np.asarray(catalogue["flags"]) > 2]
    assert list(best["flags"]) == [3, 4]
    assert best.class_names == CLASSES
    assert make(several=True)[:1].detected_classes == DETECTED
    assert best.table.meta == catalogue.table.meta


def test_concatenate() -> None:
    part = {name: np.asarray(make()[name]) for name in make().table.colnames}
    assert len(Catalogue.concatenate([part, part], CLASSES)) == 6
    assert len(Catalogue.concatenate([], CLASSES)) == 0


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.ecsv"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        make().write(path)
    assert path.read_text() == "mine"
    make().write(path, overwrite=True)
    assert len(Catalogue.read(path)) == 3


def test_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.ecsv"):
        make().write(tmp_path / "catalogue.txt")
    with pytest.raises(InputError, match=r"\.ecsv"):
        Catalogue.read(tmp_path / "catalogue.txt")


def test_a_file_that_is_no_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"other\.csv"):
        Catalogue.read(path)
    with pytest.raises(InputError, match=r"missing\.ecsv"):
        Catalogue.read(tmp_path / "missing.ecsv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match=r"pipe\.csv"):
        Catalogue.read(tmp_path / "pipe.csv")
    (tmp_path / "broken.fits").write_bytes(b"SIMPLE")
    with pytest.raises(InputError, match=r"broken\.fits"):
        Catalogue.read(tmp_path / "broken.fits")


def test_parquet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python raises ModuleNotFoundError for a module that is None.
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"galpipe\[parquet\]"):
        make().write(tmp_path / "catalogue.parquet")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="score"):
        Catalogue({"source_id": []})
