from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from galpipe.configs import (
    ClassifierTraining,
    ClassMap,
    DetectorTraining,
    dump_config,
    load_config,
)

LABELLED = ("Round Smooth", "Cigar Smooth", "Barred Spiral", "Tight Spiral", "Edge-on")


@pytest.mark.parametrize(
    ("changes", "class_names", "targets"),
    [
        (
            {"Barred Spiral": None},
            ("Round Smooth", "Cigar Smooth", "Tight Spiral", "Edge-on"),
            (0, 1, None, 2, 3),
        ),
        ({"barred": None, "4": None}, (*LABELLED[:2], "Tight Spiral"), (0, 1, None, 2, None)),
        ({"smooth": [0, 1]}, ("smooth", *LABELLED[2:]), (0, 0, 1, 2, 3)),
        (
            {"spiral": ["Barred", 3], "Round": None, "Edge-on": ["Edge-on"]},
            ("Cigar Smooth", "spiral", "Edge-on"),
            (None, 0, 1, 1, 2),
        ),
    ],
)
def test_classes_are_left_out_and_merged_by_index_or_name(
    changes: dict[str, list[int | str] | None],
    class_names: tuple[str, ...],
    targets: tuple[int | None, ...],
) -> None:
    classes = ClassMap.of(changes, LABELLED)
    assert classes == ClassMap(LABELLED, class_names, targets)
    assert classes.changes
    assert ClassMap.from_names(classes.names, classes.class_names) == classes


def test_a_list_of_classes_changes_nothing() -> None:
    classes = ClassMap.of(["a", "b"])
    assert (classes.targets, classes.changes, classes.merged) == ((0, 1), False, {})
    assert ClassMap.from_names(None, ("a", "b")) == classes


@pytest.mark.parametrize(
    ("changes", "labelled", "message"),
    [
        ({"smooth": ["Rund Smooth"]}, LABELLED, "did you mean Round Smooth"),
        ({"smooth": [5]}, LABELLED, "5 is no class of the labels"),
        ({"a": [0], "b": [0, 1]}, LABELLED, "mentions Round Smooth twice"),
        ({"Edge-on": [0, 1]}, LABELLED, "Edge-on is the name of a merged class and of another"),
        ({"smooth": [0, 1]}, None, "name the classes of the labels in their order in labelled_"),
        ({"a": None, "b": None}, None, "leaves out every class"),
    ],
)
def test_what_does_not_fit_is_named(
    changes: dict[str, list[int | str] | None], labelled: tuple[str, ...] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ClassMap.of(changes, labelled)


DETECTOR = """
class_names: {compact: [FR-I, FR-II], R: R, FR-x: null}
data: [{images: a, annotations: b}]
"""
CLASSIFIER = """
class_names: {Disk Edge-on Boxy: null, disk: [7, 8, Disk Face-on Loose Spiral]}
data: [{images: Galaxy10.h5, kind: galaxy10_sdss}]
members: [{architecture: cnn}]
"""


def test_classes_of_configurations_survive_a_round_trip(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(DETECTOR)
    detector = load_config(file, DetectorTraining)
    assert detector.class_map.class_names == ("compact", "R")
    assert detector.class_map.left_out == ("FR-x",)
    file.write_text(dump_config(detector))
    assert load_config(file, DetectorTraining) == detector
    file.write_text(CLASSIFIER)
    classifier = load_config(file, ClassifierTraining)
    assert classifier.labels_of == "galaxy10_sdss"
    file.write_text(dump_config(classifier))
    assert load_config(file, ClassifierTraining) == classifier


def test_classes_must_fit_the_sources() -> None:
    source = {"images": "a.h5", "kind": "galaxy10_sdss"}
    settings = {"data": [source], "members": [{"architecture": "cnn"}]}
    changes = {"smooth": [1, 2, 3]}
    mixed = [source, {"images": "b.h5", "kind": "galaxy10_decals"}]
    for wrong in (
        {"class_names": ["a", "b"]},
        {"class_names": changes, "labelled_classes": "galaxy10_decals"},
        {"class_names": changes, "data": mixed},
    ):
        with pytest.raises(ValidationError, match="need class_names: galaxy10"):
            ClassifierTraining.model_validate(settings | wrong)
    with pytest.raises(ValidationError, match="labelled_classes are for class_names that change"):
        DetectorTraining.model_validate(
            {"data": [], "class_names": ["a"], "labelled_classes": ["a"]}
        )
