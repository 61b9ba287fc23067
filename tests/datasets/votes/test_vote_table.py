from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.datasets.votes.class_rules import galaxy10_allowed
from galpipe.datasets.votes.decision_trees import GZ2_TREE, GZD_1_2_TREE, GZD_5_TREE, Tree
from galpipe.datasets.votes.from_votes import labels_from_votes
from galpipe.datasets.votes.kaggle import KAGGLE_COLUMNS, to_kaggle
from galpipe.datasets.votes.vote_kinds import VOTE_KINDS
from galpipe.datasets.votes.vote_table import read_votes
from galpipe.errors import InputError, MissingExtraError

FRACTIONS = [
    column
    for question in GZ2_TREE.values()
    for kind in ("weighted_fraction", "debiased")
    for column in question.columns(kind)
]


def gz2_row(**cells: object) -> dict[str, object]:
    """A galaxy that all call smooth and completely round."""
    yes = ("_a01_", "_a15_", "_a16_")
    row = {column: float(any(part in column for part in yes)) for column in FRACTIONS}
    return {"asset_id": "000123", **row, **cells}


def table(path: Path, *rows: dict[str, object]) -> Path:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def decals_row(tree: Tree, *answers: str, **cells: object) -> dict[str, object]:
    columns = [column for question in tree.values() for column in question.columns()]
    row = {f"{column}_fraction": float(column in answers) for column in columns}
    return {"iauname": "J000411.19+020924.0", **row, **cells}


def test_what_is_seen_counts_double(tmp_path: Path) -> None:
    row = gz2_row(t03_bar_a06_bar_weighted_fraction=0.9, t03_bar_a06_bar_debiased=0.3)
    votes = read_votes(table(tmp_path / "votes.csv", row))
    assert votes.kind.name == "Galaxy Zoo 2"
    assert votes.shares["t03_bar_a06_bar"].tolist() == pytest.approx([0.7])


def test_identifiers_stay_text(tmp_path: Path) -> None:
    votes = read_votes(table(tmp_path / "votes.csv", gz2_row(dr7objid="0587739505552785605")))
    assert votes.names == ("000123",)
    assert votes.identifiers == ("0587739505552785605",)
    assert read_votes(table(tmp_path / "votes.csv", gz2_row())).identifiers == ("",)


def test_positions_are_kept_where_they_are_known(tmp_path: Path) -> None:
    rows = gz2_row(ra=180.25, dec=-1.5), gz2_row(ra="", dec=3), gz2_row(ra=1, dec=2)
    votes = read_votes(table(tmp_path / "votes.csv", *rows))
    assert votes.positions == ((180.25, -1.5), None, (1, 2))
    assert votes.only([False, True, True]).positions == (None, (1, 2))
    assert read_votes(table(tmp_path / "votes.csv", gz2_row())).positions == (None,)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (gz2_row(), "total_classifications"),
        (decals_row(GZD_5_TREE, "smooth-or-featured_smooth"), "smooth-or-featured_total-votes"),
        (decals_row(GZD_1_2_TREE, "bar_no"), "smooth-or-featured-dr5_total-votes"),
    ],
)
def test_numbers_of_volunteers(tmp_path: Path, row: dict[str, object], column: str) -> None:
    if "dr5" in column:
        row = {name.replace("_", "-dr5_", 1): cell for name, cell in row.items()}
    rows = [row | {column: count} for count in (38, "", 45)]
    votes = read_votes(table(tmp_path / "votes.csv", *rows))
    assert votes.volunteers.tolist() == [38, 0, 45]
    assert votes.only([False, True, True]).volunteers.tolist() == [0, 45]
    assert read_votes(table(tmp_path / "votes.csv", row)).volunteers.tolist() == [0]


def test_a_table_of_hart_names_galaxies_by_their_sdss_number(tmp_path: Path) -> None:
    row = gz2_row(dr7objid="587739505552785605")
    del row["asset_id"]
    assert read_votes(table(tmp_path / "votes.csv", row)).names == ("587739505552785605",)


def test_identifiers_that_a_program_read_as_numbers_are_whole(tmp_path: Path) -> None:
    rows = gz2_row(GalaxyID="100008.0"), gz2_row(GalaxyID="100023.0")
    for row in rows:
        del row["asset_id"]
    assert read_votes(table(tmp_path / "votes.csv", *rows)).names == ("100008", "100023")


@pytest.mark.parametrize("campaign", ["dr5", "dr8"])
def test_campaigns_may_be_named_after_the_questions(tmp_path: Path, campaign: str) -> None:
    plain = decals_row(GZD_5_TREE, "smooth-or-featured_smooth", "how-rounded_round")
    row = {key.replace("_", f"-{campaign}_", 1): value for key, value in plain.items()}
    row = {"dr8_id": "1_2", **{k: v for k, v in row.items() if k != "iauname"}}
    votes = read_votes(table(tmp_path / "votes.csv", row))
    assert votes.names == ("1_2",)
    expected = read_votes(table(tmp_path / "plain.csv", plain)).shares
    pd.testing.assert_frame_equal(votes.shares, expected)
    with pytest.raises(InputError, match="votes of several campaigns"):
        read_votes(table(tmp_path / "votes.csv", row | plain))


@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        (("smooth-or-featured_smooth", "something-odd_no", "how-rounded_cigar"), (4,)),
        (
            (
                "smooth-or-featured_featured-or-disk",
                "something-odd_no",
                "disk-edge-on_yes",
                "bulge-shape_no-bulge",
            ),
            (8,),
        ),
        (("smooth-or-featured_smooth", "something-odd_yes", "how-rounded_round"), ()),
    ],
)
def test_galaxy_zoo_2_of_galaxy_datasets(
    tmp_path: Path, answers: tuple[str, ...], allowed: tuple[int, ...]
) -> None:
    kind = next(kind for kind in VOTE_KINDS if kind.name == "Galaxy Zoo 2 (galaxy-datasets)")
    row: dict[str, object] = {"id_str": "5877"}
    for column in kind.columns:
        vote = float(column.removesuffix("_fraction") in answers)
        row[column.replace("_", "-gz2_", 1)] = vote
    votes = read_votes(table(tmp_path / "votes.csv", row))
    assert votes.kind is kind
    assert votes.names == ("5877",)
    assert galaxy10_allowed(votes.shares) == [allowed]


@pytest.mark.parametrize(
    ("fractions", "allowed"),
    [
        ({"P_EL": 0.9, "P_EDGE": 0.1}, (2, 3, 4)),
        ({"P_CW": 0.5, "P_ACW": 0.3, "P_EL": 0.2}, (5, 6, 7)),
        ({"P_EDGE": 0.8, "P_CW": 0.2}, (8, 9)),
        ({"P_MG": 0.9, "P_EL": 0.1}, (1,)),
        ({"P_DK": 0.9, "P_EL": 0.1}, ()),
        ({"P_EL": 0.5, "P_EDGE": 0.5}, (2, 3, 4, 8, 9)),
    ],
)
def test_galaxy_zoo_1(
    tmp_path: Path, fractions: dict[str, float], allowed: tuple[int, ...]
) -> None:
    answers = ("P_EL", "P_CW", "P_ACW", "P_EDGE", "P_DK", "P_MG", "P_CS")
    row = {"OBJID": "587727178986356823", **{name: fractions.get(name, 0.0) for name in answers}}
    votes = read_votes(table(tmp_path / "votes.csv", row))
    assert votes.names == ("587727178986356823",)
    assert galaxy10_allowed(votes.shares) == [allowed]
    for target in ("soft", "galaxy10-sdss", "kaggle"):
        with pytest.raises(InputError, match="did not ask what tells the classes apart"):
            labels_from_votes(votes, target)


def test_kaggle(tmp_path: Path) -> None:
    values = {"Class1.1": 0.8, "Class1.2": 0.2, "Class6.2": 1.0, "Class7.1": 0.6, "Class7.2": 0.2}
    row = {column: values.get(column, 0.0) for column in KAGGLE_COLUMNS}
    votes = read_votes(table(tmp_path / "votes.csv", {"GalaxyID": "100008", **row}))
    assert votes.kind.name == "Kaggle Galaxy Challenge"
    assert votes.names == ("100008",)
    assert votes.shares["t07_rounded_a16_completely_round"].tolist() == pytest.approx([0.75])
    assert galaxy10_allowed(votes.shares) == [(2,)]


DISC = ("smooth-or-featured_featured-or-disk", "disk-edge-on_no", "has-spiral-arms_yes")
QUIET = (*DISC, "spiral-winding_tight")


@pytest.mark.parametrize(
    ("tree", "answers", "allowed"),
    [
        (GZD_5_TREE, (*DISC, "merging_none", "bar_weak"), (5,)),
        (GZD_5_TREE, (*DISC, "merging_none", "bar_strong"), (5,)),
        (GZD_5_TREE, (*QUIET, "merging_none", "bar_no"), (6,)),
        (GZD_5_TREE, (*QUIET, "merging_minor-disturbance", "bar_no"), (6,)),
        (GZD_5_TREE, (*QUIET, "merging_major-disturbance"), (0,)),
        (GZD_5_TREE, (*QUIET, "merging_merger"), (1,)),
        (GZD_5_TREE, ("smooth-or-featured_smooth", "how-rounded_round", "merging_none"), (2,)),
        (GZD_5_TREE, ("smooth-or-featured_artifact",), ()),
        (GZD_1_2_TREE, (*DISC, "merging_neither", "bar_yes"), (5,)),
        (GZD_1_2_TREE, (*QUIET, "merging_neither", "bar_no"), (6,)),
        (GZD_1_2_TREE, (*QUIET, "merging_tidal-debris"), (0,)),
        (GZD_1_2_TREE, (*QUIET, "merging_merger"), (1,)),
        (GZD_1_2_TREE, (*QUIET, "merging_both"), (1,)),
        (
            GZD_1_2_TREE,
            ("smooth-or-featured_smooth", "how-rounded_completely", "merging_neither"),
            (2,),
        ),
    ],
)
def test_decals(
    tmp_path: Path, tree: Tree, answers: tuple[str, ...], allowed: tuple[int, ...]
) -> None:
    votes = read_votes(table(tmp_path / "votes.csv", decals_row(tree, *answers)))
    assert votes.kind.name.startswith("Galaxy Zoo DECaLS")
    assert ("GZD-5" in votes.kind.name) == (tree is GZD_5_TREE)
    assert votes.names == ("J000411.19+020924.0",)
    assert galaxy10_allowed(votes.shares) == [allowed]


def test_a_question_that_nobody_was_asked_is_empty(tmp_path: Path) -> None:
    row = decals_row(GZD_5_TREE, "smooth-or-featured_smooth", "how-rounded_round", "merging_none")
    for column in row:
        if column.startswith(("disk-edge-on", "bar", "has-spiral", "spiral", "edge-on")):
            row[column] = None
    votes = read_votes(table(tmp_path / "votes.csv", row))
    assert galaxy10_allowed(votes.shares) == [(2,)]


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(path, index=False)


def write_packed(path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(path, index=False, compression="gzip")


def write_astropy(path: Path, frame: pd.DataFrame) -> None:
    Table.from_pandas(frame).write(path)


def write_votable(path: Path, frame: pd.DataFrame) -> None:
    Table.from_pandas(frame).write(path, format="votable", tabledata_format="binary2")


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    pytest.importorskip("pyarrow")
    frame.to_parquet(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("votes.csv", write_csv),
        ("votes.csv.gz", write_packed),
        ("votes.fits", write_astropy),
        ("votes.ecsv", write_astropy),
        ("votes.vot", write_votable),
        ("votes.parquet", write_parquet),
    ],
)
def test_every_kind_of_file(
    tmp_path: Path, name: str, write: Callable[[Path, pd.DataFrame], None]
) -> None:
    rows = [gz2_row(asset_id="a", dr7objid=587739505552785605, note="x")]
    rows.append(gz2_row(asset_id="b", dr7objid=587739505552785606, note=""))
    write(tmp_path / name, pd.DataFrame(rows))
    votes = read_votes(tmp_path / name)
    assert votes.names == ("a", "b")
    assert votes.identifiers == ("587739505552785605", "587739505552785606")
    assert galaxy10_allowed(votes.shares) == [(2,), (2,)]


def test_parquet_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Python raises ModuleNotFoundError for a module that is None.
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "votes.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtraError, match=r"galpipe\[parquet\]"):
        read_votes(tmp_path / "votes.parquet")


@pytest.mark.parametrize("cell", ["many", "", "1.5", "-0.1", "nan", "inf"])
def test_what_is_no_fraction_is_refused(tmp_path: Path, cell: str) -> None:
    path = table(tmp_path / "votes.csv", gz2_row(t03_bar_a06_bar_debiased=cell))
    with pytest.raises(InputError, match=r"1 galaxy with a vote fraction .* asset_id 000123"):
        read_votes(path)


def test_wrong_rows_are_left_out_where_that_is_forgiven(tmp_path: Path) -> None:
    rows = [
        gz2_row(asset_id="a"),
        gz2_row(asset_id="b", t03_bar_a06_bar_debiased=2),
        gz2_row(asset_id=""),
        gz2_row(asset_id="d"),
    ]
    errors: list[InputError] = []
    votes = read_votes(table(tmp_path / "votes.csv", *rows), errors.append)
    assert votes.names == ("a", "d")
    assert len(votes.shares) == len(votes) == 2
    assert ["without a name" in str(errors[0]), "asset_id b" in str(errors[1])] == [True, True]


def test_rows_that_break_the_rule_of_the_tree_are_told(tmp_path: Path) -> None:
    shares = pd.DataFrame(1.0, index=range(8), columns=list(KAGGLE_COLUMNS.values()))
    values = to_kaggle(shares)
    values.loc[1:6, "Class2.1"] += 0.1
    values.insert(0, "GalaxyID", range(100, 108))
    values.to_csv(tmp_path / "votes.csv", index=False)
    says = (
        r"6 galaxies against the rule .* question 2 sum to 0.4333, those that lead to it to 0.3333"
        r".* GalaxyID 101, 102, 103, 104, 105, \.\.\."
    )
    with pytest.raises(InputError, match=says):
        read_votes(tmp_path / "votes.csv")
    errors: list[InputError] = []
    assert read_votes(tmp_path / "votes.csv", errors.append).names == ("100", "107")
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("votes.csv", b"", r"votes\.csv"),
        ("votes.csv", b"\xff\xfe\x00", r"votes\.csv"),
        ("votes.csv", b"asset_id,dr7objid\n1,2\n", "no column of Galaxy Zoo votes"),
        ("votes.csv", b"GalaxyID,Class1.1\n1,2\n", r"lacks 36 of the 37 .* first 'Class1\.2'"),
        (
            "votes.csv",
            b"filename,ring,disk-edge-on_no_fraction\na.jpg,1,0.5\n",
            r"Galaxy Zoo DECaLS \(GZD-5\) table, first 'smooth-or-featured_smooth_fraction'",
        ),
        ("votes.csv", f"GalaxyID,{','.join(KAGGLE_COLUMNS)}\n".encode(), r"votes\.csv has no rows"),
        ("votes.csv.gz", b"\x1f\x8b\x08\x00", "cannot be unpacked"),
        ("votes.fits", b"SIMPLE", r"Cannot read the table .*votes\.fits"),
        ("votes.ecsv", b"# %ECSV 1.0\n# ---\n# {[", r"votes\.ecsv has a damaged ECSV header"),
        ("votes.parquet", b"PAR1", r"Cannot read the table .*votes\.parquet"),
        ("votes.txt", b"asset_id", "no column of Galaxy Zoo votes"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_votes(tmp_path / name)


def test_a_table_without_names_is_told(tmp_path: Path) -> None:
    row = gz2_row()
    del row["asset_id"]
    with pytest.raises(InputError, match="no column that names the image"):
        read_votes(table(tmp_path / "votes.csv", row))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_votes(tmp_path / "votes.csv")


def test_an_image_in_place_of_a_table_is_told(tmp_path: Path) -> None:
    from astropy.io import fits

    fits.PrimaryHDU().writeto(tmp_path / "votes.fits")
    with pytest.raises(InputError, match="holds no table"):
        read_votes(tmp_path / "votes.fits")


@pytest.mark.parametrize("suffix", [".csv", ".fits", ".ecsv", ".parquet", ".csv.gz"])
def test_damage_is_an_input_error_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"votes{suffix}"
    frame = pd.DataFrame([gz2_row(asset_id=name, dr7objid="1") for name in "abc"])
    writers = {".csv": write_csv, ".parquet": write_parquet, ".csv.gz": write_packed}
    writers.get(suffix, write_astropy)(path, frame)
    whole = path.read_bytes()

    @settings(max_examples=25)
    @given(st.integers(0, len(whole) - 1), st.binary(max_size=8), st.booleans())
    def damage(place: int, put: bytes, cut: bool) -> None:
        path.write_bytes(whole[:place] + put + (b"" if cut else whole[place + len(put) :]))
        try:
            votes = read_votes(path)
        except InputError:
            return
        assert votes.shares.apply(lambda column: column.between(0, 1)).all(axis=None)

    damage()


def test_the_columns_of_each_kind_are_its_own() -> None:
    names = [kind.name for kind in VOTE_KINDS]
    assert len(set(names)) == len(names) == 6
    for kind in VOTE_KINDS:
        assert len(set(kind.columns)) == len(kind.columns)
        others = [other for other in VOTE_KINDS if other is not kind]
        assert all(set(kind.columns) - set(other.columns) for other in others)


def test_the_real_table(galpipe_data: Path) -> None:
    votes = read_votes(galpipe_data / "gz2" / "votes.csv")
    assert len(votes) == 779
    assert votes.kind.name == "Galaxy Zoo 2"
    with pytest.raises(InputError, match=r"lacks 20 of the 23 .*GZD-5"):
        read_votes(galpipe_data / "gz_decals" / "labels.csv")
