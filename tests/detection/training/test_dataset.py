from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from galpipe.annotations import read_annotated_images, write_annotations
from galpipe.configs import Anchors, DetectorTraining
from galpipe.detection.anchors import multilevel_anchors
from galpipe.detection.measure import SearchedImages
from galpipe.detection.training.dataset import Batch, batches, read_sources
from galpipe.detection.training.sampling import TileSampler
from galpipe.detection.training.training_tiles import NO_CLASS, TrainingImage, view
from galpipe.errors import ConfigError
from galpipe.imaging import Detections

Labelled = Callable[..., TrainingImage]
Save = Callable[..., tuple[Path, Path]]


def _images(labelled: Labelled, count: int) -> list[TrainingImage]:
    rng = np.random.default_rng(0)
    return [
        labelled(f"g{i}", 96, 96, (rng.uniform(30, 66), rng.uniform(30, 66), 20.0), seed=i)
        for i in range(count)
    ]


def _config(folders: tuple[Path, Path], **changes: Any) -> DetectorTraining:
    source = {"images": folders[0], "annotations": folders[1]}
    source |= {key: changes.pop(key) for key in ("held_out",) if key in changes}
    return DetectorTraining.model_validate({"data": [source], **changes})


def test_images_are_divided_and_named(labelled: Labelled, save_source: Save) -> None:
    images = _images(labelled, 20)
    config = _config(save_source("a", images))
    (source,) = read_sources(config)
    names = source.split.model_dump()
    assert {part: len(listed) for part, listed in names.items()} == {
        "train": 14,
        "validation": 2,
        "test": 4,
    }
    assert sorted(itertools.chain(*names.values())) == sorted(f"{i.name}.png" for i in images)
    (again,) = read_sources(config)
    assert again.split.model_dump() == names


def test_a_twin_of_a_held_back_image_does_not_train(labelled: Labelled, save_source: Save) -> None:
    images = _images(labelled, 12)
    brighter = np.clip(images[0].rgb.astype(int) + 4, 0, 255).astype(np.uint8)
    images[1] = replace(images[0], name="g1", rgb=brighter)
    folders = save_source("a", images)
    for seed in range(4):
        (source,) = read_sources(_config(folders, split={"seed": seed, "test_fraction": 0.4}))
        names = source.split.model_dump()
        test = set(names["test"]) & {"g0.png", "g1.png"}
        rest = {*names["train"], *names["validation"]} & {"g0.png", "g1.png"}
        assert not (test and rest)


def test_every_image_is_held_back_in_one_fold(labelled: Labelled, save_source: Save) -> None:
    """Two sources of several sizes, the second with a twin of an image of the first."""
    first, second = _images(labelled, 13), _images(labelled, 8)
    second = [replace(image, name=f"h{i}") for i, image in enumerate(second)]
    second[1:] = [replace(image, rgb=image.rgb[::-1].copy()) for image in second[1:]]
    folders = save_source("a", first), save_source("b", second)
    data = [{"images": images, "annotations": boxes, "held_out": 2} for images, boxes in folders]
    held: list[str] = []
    for fold in range(3):
        sources = read_sources(
            DetectorTraining.model_validate({"data": data, "split": {"folds": 3, "fold": fold}})
        )
        parts = [source.split.model_dump() for source in sources]
        tests = [name for part in parts for name in part["test"]]
        others = [name for part in parts for name in (*part["train"], *part["validation"])]
        assert sorted(tests + others) == sorted(
            [f"g{i}.png" for i in range(13)] + [f"h{i}.png" for i in range(8)]
        )
        assert all(len(part["test"]) in {2, 3, 4, 5} for part in parts)
        assert ("g0.png" in tests) == ("h0.png" in tests)
        held += tests
    assert sorted(held) == sorted(set(held))
    assert len(held) == 21


@pytest.mark.parametrize(
    "split", [{"folds": 3}, {"fold": 1}, {"folds": 3, "fold": 3}, {"folds": 1, "fold": 0}]
)
def test_a_fold_must_be_one_of_the_folds(split: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        DetectorTraining.model_validate({"data": [], "split": split})


def test_more_folds_than_images_is_an_error(labelled: Labelled, save_source: Save) -> None:
    folders = save_source("a", _images(labelled, 3))
    with pytest.raises(ConfigError, match="fewer folds"):
        read_sources(_config(folders, split={"folds": 4, "fold": 0}))


def test_boxes_are_read_as_written(labelled: Labelled, save_source: Save) -> None:
    images = _images(labelled, 3)
    (source,) = read_sources(
        _config(save_source("a", images), split={"test_fraction": 0, "validation_fraction": 0})
    )
    for image in source.train:
        (original,) = (i for i in images if f"{i.name}.png" == image.name)
        np.testing.assert_array_equal(image.boxes, np.round(original.boxes))
        np.testing.assert_array_equal(image.rgb, original.rgb)


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_any_annotation_format_gives_the_same_sources(
    labelled: Labelled, save_source: Save, tmp_path: Path, form: str
) -> None:
    pictures, voc = save_source("a", _images(labelled, 6))
    other = tmp_path / {"coco": "boxes.json", "yolo": "boxes"}[form]
    write_annotations(other, [image for _, image in read_annotated_images(voc, pictures)], form)
    (expected,), (source,) = (read_sources(_config((pictures, path))) for path in (voc, other))
    assert source.split.model_dump() == expected.split.model_dump()
    for image, same in zip(source.train, expected.train, strict=True):
        np.testing.assert_allclose(image.boxes, same.boxes, atol=1e-6)
        np.testing.assert_array_equal(image.class_ids, same.class_ids)


def test_an_unknown_class_is_named(labelled: Labelled, save_source: Save) -> None:
    folders = save_source("a", _images(labelled, 3), "nebula")
    with pytest.raises(ConfigError, match="nebula"):
        read_sources(_config(folders))


def test_holding_everything_back_is_an_error(labelled: Labelled, save_source: Save) -> None:
    folders = save_source("a", _images(labelled, 3))
    with pytest.raises(ConfigError, match="none to train on"):
        read_sources(_config(folders, held_out=3))


def test_a_step_has_its_batch_wherever_one_starts(labelled: Labelled) -> None:
    anchors = multilevel_anchors(Anchors(max_level=4), 64)
    sampler = TileSampler(_images(labelled, 4), [], 64, (0.5, 1.5), 0.0)

    def stream(first: int, count: int) -> list[Batch]:
        made = batches(sampler, anchors, range(2), seed=7, first=first, threads=2)
        return list(itertools.islice(made, count))

    whole, late = stream(0, 5), stream(3, 2)
    for one, two in zip(whole[3:], late, strict=True):
        np.testing.assert_array_equal(one.images, two.images)
        np.testing.assert_array_equal(one.codes, two.codes)
        np.testing.assert_array_equal(one.class_weights, two.class_weights)
    assert whole[0].images.shape == (2, 64, 64, 3)
    assert whole[0].classes.shape == (2, len(anchors))
    assert (whole[0].images != whole[1].images).any()


def test_boxes_of_a_class_that_is_left_out_are_ignored_regions(
    labelled: Labelled, save_source: Save
) -> None:
    image = labelled("g0", 96, 96, (20, 20, 14.0), (70, 70, 14.0), (20, 70, 14.0))
    image = replace(image, class_ids=np.array([0, 1, 2]))
    folders = save_source("a", [image], "barred", "star", "tight")
    changes = {"spiral": ["barred", "tight"], "star": None}
    split = {"test_fraction": 0, "validation_fraction": 0}
    config = _config(folders, class_names=changes, split=split)
    (source,) = read_sources(config)
    (read,) = source.train
    assert read.class_ids.tolist() == [0, NO_CLASS, 0]
    assert read.difficult.tolist() == [False, True, False]
    tile = view(read, (0, 0), (96, 96), (96, 96))
    assert (len(tile.boxes), len(tile.ignored), set(tile.class_ids)) == (2, 1, {0})
    # A detection there is neither right nor wrong.
    found = Detections(read.boxes, np.array([0.9, 0.9, 0.9]), np.zeros(3, np.int64))
    searched = SearchedImages([read], [found], config.class_map.class_names)
    assert searched.class_agnostic.map50 == searched.metrics.map50
    metrics = searched.metrics
    assert (metrics.galaxies, metrics.difficult, metrics.map50) == (2, 1, pytest.approx(1))
    with pytest.raises(ConfigError, match="annotated with star"):
        read_sources(_config(folders, class_names={"spiral": ["barred", "tight"]}))
