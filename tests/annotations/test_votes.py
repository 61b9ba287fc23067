from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from galpipe.annotations import GZ2_TREE, read_votes, vote_share
from galpipe.errors import InputError


def fractions() -> list[str]:
    return [column for question in GZ2_TREE.values() for column in question.columns()]


def table(path: Path, **cells: object) -> Path:
    row = {"asset_id": "000123", **dict.fromkeys(fractions(), 0.0), **cells}
    pd.DataFrame([row]).to_csv(path, index=False)
    return path


def test_the_tree_has_eleven_questions_and_37_answers() -> None:
    assert len(GZ2_TREE) == 11
    assert sum(len(question.answers) for question in GZ2_TREE.values()) == 37


def test_every_answer_leads_to_a_question_or_to_the_end() -> None:
    reached = {"t01_smooth_or_features"}
    for question in GZ2_TREE.values():
        for answer in question.answers:
            assert answer.leads_to is None or answer.leads_to in GZ2_TREE
            reached.add(answer.leads_to or "end")
    assert reached == {*GZ2_TREE, "end"}


def test_every_path_ends() -> None:
    def longest(name: str, seen: tuple[str, ...] = ()) -> int:
        assert name not in seen
        ways = [a.leads_to for a in GZ2_TREE[name].answers if a.leads_to]
        return 1 + max((longest(way, (*seen, name)) for way in ways), default=0)

    # Smooth or features, edge-on, bar, spiral, winding, arms, bulge, odd, what is odd.
    assert longest("t01_smooth_or_features") == 9


def test_what_is_seen_counts_double() -> None:
    row = {"t03_bar_a06_bar_weighted_fraction": 0.9, "t03_bar_a06_bar_debiased": 0.3}
    assert vote_share(row, "t03_bar", "a06_bar") == pytest.approx(0.7)


def test_identifiers_stay_text(tmp_path: Path) -> None:
    votes = read_votes(table(tmp_path / "votes.csv", dr7objid="0587739505552785605"))
    assert list(votes.index) == ["000123"]
    assert votes["dr7objid"].tolist() == ["0587739505552785605"]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("asset_id,dr7objid\n1,2\n")
    with pytest.raises(InputError, match=r"lacks 74 columns .* 't01_smooth"):
        read_votes(path)


@pytest.mark.parametrize("cell", ["many", "", "1.5", "-0.1"])
def test_what_is_no_fraction_is_refused(tmp_path: Path, cell: str) -> None:
    path = table(tmp_path / "votes.csv", t03_bar_a06_bar_debiased=cell)
    with pytest.raises(InputError, match="first asset_id 000123"):
        read_votes(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"])
def test_an_unreadable_table_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "votes.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"votes\.csv"):
        read_votes(path)


def test_the_real_table_has_every_column(galpipe_data: Path) -> None:
    assert len(read_votes(galpipe_data / "gz2" / "votes.csv")) == 779
