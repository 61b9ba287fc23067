from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from galpipe.configs import ClassifierData, ClassifierTraining, DetectorData, GalaxyZooCnnMember


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


def ensemble(*members: dict[str, Any]) -> ClassifierTraining:
    return ClassifierTraining.model_validate(
        {"data": [{"images": "a", "labels": "a.csv"}], "members": list(members)}
    )


def test_members_are_named_by_their_architecture() -> None:
    cnn, vgg16 = {"architecture": "cnn"}, {"architecture": "vgg16"}
    assert list(ensemble(cnn, vgg16, cnn).named_members) == ["cnn_1", "vgg16", "cnn_2"]


def test_a_stock_of_views_needs_frozen_blocks() -> None:
    vgg16 = {"architecture": "vgg16", "stock_epochs": 5}
    assert ensemble(vgg16).named_members["vgg16"].stock_epochs == 5  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="block1 freezes none"):
        ensemble(vgg16 | {"fine_tune_from": "block1"})


def test_a_teacher_is_another_trained_member() -> None:
    vgg16 = {"architecture": "vgg16"}
    taught = ensemble({"architecture": "cnn", "teacher": "vgg16"}, vgg16)
    assert taught.named_members["cnn"].teacher == "vgg16"
    for teacher, members in {
        "cnn": [vgg16],
        "resnet": [vgg16],
        "vgg16": [{"architecture": "vgg16", "teacher": "cnn"}],
        "keras_file": [
            {
                "architecture": "keras_file",
                "path": "a.keras",
                "input_size": 69,
                "scaling": {"scale": 1, "offset": 0},
                "class_names": ["a"],
            }
        ],
    }.items():
        with pytest.raises(ValueError, match="teacher"):
            ensemble({"architecture": "cnn", "teacher": teacher}, *members)


def test_images_without_labels_only_help_to_train() -> None:
    assert (
        ClassifierData.model_validate({"images": "a", "kind": "unlabelled", "role": "extra"}).labels
        is None
    )
    with pytest.raises(ValueError, match="can only be of role extra"):
        ClassifierData.model_validate({"images": "a", "kind": "unlabelled"})


def test_the_earlier_name_of_held_out_is_read() -> None:
    detector = DetectorData.model_validate({"images": "a", "annotations": "b", "held_back": 6})
    classifier = ClassifierData.model_validate(
        {"images": "a", "labels": "b.csv", "role": "extra", "held_back": 0.2}
    )
    assert (detector.held_out, classifier.held_out) == (6, 0.2)
    assert "held_back" not in detector.model_dump()


def votes_training(**changes: Any) -> ClassifierTraining:
    data = {"images": "images.zip", "labels": "votes.csv", "kind": "vote_fractions"}
    training = {
        "votes": "galaxy_zoo_2",
        "data": [data],
        "members": [{"architecture": "galaxy_zoo_cnn"}],
        "balance": {"evenness": 0},
    }
    return ClassifierTraining.model_validate(training | changes)


def test_votes_are_learned_from_votes() -> None:
    training = votes_training()
    assert (training.vote_head, training.named_members.keys()) == ("tree", {"galaxy_zoo_cnn"})
    labels = {"images": "images", "labels": "labels.csv"}
    with_teacher = {"architecture": "cnn", "teacher": "galaxy_zoo_cnn"}
    for changes, message in (
        ({"votes": None}, "need the campaign in 'votes'"),
        ({"data": [labels]}, "kind 'vote_fractions' alone"),
        ({"members": [{"architecture": "pca_logistic"}]}, "pca_logistic cannot predict votes"),
        (
            {"members": [{"architecture": "galaxy_zoo_cnn"}, with_teacher]},
            "has a teacher, so it cannot predict votes",
        ),
        ({"class_names": {"smooth": [2, 3, 4]}}, "galaxy10_decals"),
        ({"balance": {}}, "no classes to balance"),
        ({"vote_loss": "dirichlet_multinomial", "mixup": 0.2}, "tree and no mixup"),
        ({"vote_loss": "dirichlet_multinomial", "vote_head": "sigmoid"}, "needs vote_head: tree"),
        ({"label_smoothing": 0.1}, "label_smoothing"),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            votes_training(**changes)


def test_every_convolution_has_a_kernel() -> None:
    with pytest.raises(ValueError, match="a value for each convolution"):
        GalaxyZooCnnMember(architecture="galaxy_zoo_cnn", filters=(8, 8))
