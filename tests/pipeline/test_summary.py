from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from galpipe.pipeline import summary
from galpipe.pipeline.catalogue import Catalogue
from galpipe.pipeline.columns import catalogue_columns
from galpipe.pipeline.summary import _rows

CLASSES = ("Edge-on Galaxies without Bulge", "In-between Round Smooth Galaxies")


def catalogue(names: list[str], sky: list[bool], *, classified: bool = True) -> Catalogue:
    number = np.arange(len(names))
    where = np.asarray(sky)
    rows: dict[str, Any] = {
        "source_id": names,
        "field": ["a"] * len(names),
        "ra": np.where(where, 312.75, np.nan),
        "dec": np.where(where, -5.25, np.nan),
        "x": 1200.5 + number,
        "y": 34.25 + number,
        "xmin": number,
        "ymin": number,
        "xmax": number + 40,
        "ymax": number + 30,
        "score": np.full(len(names), 0.5),
        "tile": number,
        "flags": number,
    }
    class_names = CLASSES if classified else None
    if classified:
        rows |= {"class_id": number % 2, "class_name": [CLASSES[place] for place in number % 2]}
    for column in catalogue_columns(class_names):
        rows.setdefault(column.name, np.full(len(names), 0.75))
    return Catalogue(rows, class_names)


def lines(rows: Catalogue, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(_rows(rows, width))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


SKY_NAMES = ["GP J205100.12-051234.4", "GP J205101.12-051234.4b"]
FILE_NAMES = [f"frame-irg-002583-2-0136-a3b4c5d6-000{rank}" for rank in (1, 2)]
WIDE_NAMES = [f"銀河団アベル一六八九-a3b4c5d6-000{rank}" for rank in (1, 2)]


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("names", [SKY_NAMES, FILE_NAMES, WIDE_NAMES])
@pytest.mark.parametrize("sky", [[True, True], [True, False], [False, False]])
def test_rows_keep_to_one_line_each_and_classes_whole(
    width: int, names: list[str], sky: list[bool]
) -> None:
    shown = lines(catalogue(names, sky), width)
    assert len(shown) == 4
    assert max(map(cell_len, shown)) <= width
    assert "Edge-on without Bulge" in shown[2]
    assert "In-between Round Smooth" in shown[3]
    assert not any("nan" in line for line in shown)
    expected = ("312.75000", "-5.25000") if all(sky) else ("1200.5", "34.2")
    assert all(number in shown[2] for number in expected)
    if width == 120:
        assert shown[0].split() == [
            "source", *(("ra", "dec") if all(sky) else ("x", "y")), "size", "score", "class", "prob"
        ]  # fmt: skip
        assert names[0] in shown[2]


def test_a_long_name_is_shortened_to_its_beginning_and_rank() -> None:
    shown = lines(catalogue(FILE_NAMES, [False, False]), 80)
    assert shown[2].startswith("frame-")
    assert "…-0001" in shown[2]
    assert "…-0002" in shown[3]
    shown = lines(catalogue(SKY_NAMES, [True, True]), 60)
    assert shown[0].split()[0] == "ra"


def test_without_classes() -> None:
    shown = lines(catalogue(FILE_NAMES, [False, False], classified=False), 80)
    assert shown[0].split() == ["source", "x", "y", "size", "score"]
    assert FILE_NAMES[0] in shown[2]


def test_the_measures_of_a_training_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(width=80, file=io.StringIO())
    monkeypatch.setattr(summary, "STDOUT", screen)
    figures = {"cnn": {"images": 5, "accuracy": 0.8, "macro_f1": 0.75}}
    entry = {"images": "test, whole cutouts", "metrics": figures}
    summary.print_measures("Measured on held-out data", {"measurements": [entry]})
    ar1 = {"ar1": 0.5, "ar1_ceiling": 0.9, "recall_at_90_precision": 0.6}
    held_out = {"fields": {"map50": 0.7, "ap": 0.4, **ar1}}
    summary.print_measures("Measured on held-out data", {"held_back": held_out})
    words = screen.file.getvalue().split()  # type: ignore[attr-defined]
    assert words.count("held-out") == 2
    assert {"accuracy", "0.800", "0.750", "mAP@0.5", "0.700", "0.400", "0.600"} <= set(words)
