from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from galpipe.configs import ClassifierData, ClassifierTraining


def training(class_names: Any, **data: Any) -> ClassifierTraining:
    return ClassifierTraining.model_validate(
        {
            "class_names": class_names,
            "data": [{"images": "images", **data}],
            "members": [{"architecture": "cnn"}],
        }
    )


@pytest.mark.parametrize("kind", ["labels", "probabilities", "votes", "vote_probabilities"])
def test_tables_are_asked_for_where_they_are_read(kind: str) -> None:
    assert ClassifierData(images="i", labels="t.csv", kind=kind).table.name == "t.csv"
    with pytest.raises(ValidationError, match="need their table in 'labels'"):
        ClassifierData(images="i", kind=kind)


@pytest.mark.parametrize("kind", ["folders", "galaxy10_decals", "galaxy10_sdss"])
def test_tables_are_refused_where_none_is_read(kind: str) -> None:
    ClassifierData(images="i", kind=kind)
    with pytest.raises(ValidationError, match="leave out 'labels'"):
        ClassifierData(images="i", labels="t.csv", kind=kind)


def test_boxes_belong_to_files() -> None:
    with pytest.raises(ValidationError, match="no files for 'annotations'"):
        ClassifierData(images="a.h5", kind="galaxy10_sdss", annotations="voc")


@pytest.mark.parametrize(
    ("kind", "meant", "other"),
    [
        ("galaxy10_decals", "galaxy10_decals", "galaxy10_sdss"),
        ("galaxy10_sdss", "galaxy10_sdss", "galaxy10_decals"),
        ("galaxy10_sdss", "galaxy10_sdss", ["a", "b"]),
    ],
)
def test_the_two_lists_of_ten_classes_never_mix(kind: str, meant: str, other: Any) -> None:
    training(meant, kind=kind)
    with pytest.raises(ValidationError, match=f"need class_names: {meant}"):
        training(other, kind=kind)
