"""What a trained classifier says of the galaxies that its training held back, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..classification.classifier import Classifier
from ..classification.crops import read_crops
from ..classification.training.dataset import class_names, read_boxes, read_labels
from ..classification.training.sources import split_sources
from ..configs import ClassifierTraining
from ..errors import ConfigError
from ..metrics.records import ENSEMBLE

__all__ = ["HeldBack", "predict_held_back"]


@dataclass(frozen=True, eq=False)
class HeldBack:
    """Probabilities for the images held back whose label leaves one class.

    Attributes
    ----------
    paths : tuple of Path
        The images.
    truth : ndarray of int, shape (N,)
        The class of each.
    probabilities : dict of str to ndarray, shape (N, C)
        By member, and under `ENSEMBLE` those of the model as it is used.
    """

    paths: tuple[Path, ...]
    truth: NDArray[np.int64]
    probabilities: Mapping[str, NDArray[np.float32]]


def predict_held_back(config: ClassifierTraining, classifier: Classifier) -> HeldBack:
    """Classify the test part of a training, cropped about the box as ``galpipe run`` does.

    Parameters
    ----------
    config : ClassifierTraining
        The training.
    classifier : Classifier
        What it led to.

    Raises
    ------
    ConfigError
        If no image that is held back has a label of one class.
    InputError
        If a table or image cannot be read.
    """
    labelled = [read_labels(data, class_names(config)) for data in config.data]
    split = split_sources(labelled, config)
    paths: list[Path] = []
    truth: list[int] = []
    boxes: dict[Path, AnnotatedImage] = {}
    for data, source, positions in zip(config.data, labelled, split.test, strict=True):
        if data.role == "train":
            boxes.update(read_boxes(data))
            for item in (source[position] for position in positions):
                if item.class_id is not None:
                    paths.append(item.path)
                    truth.append(item.class_id)
    if not paths:
        raise ConfigError(
            f"{config.name}: no image that is held back has a label of one class; nothing can be "
            "measured. Ask for fewer folds, or give more images in 'data' (role train)"
        )
    crops = read_crops(paths, classifier.input_size, config.crop_margin, boxes)
    members = classifier.predict_members(crops)
    given = dict(zip(classifier.member_names, members, strict=True))
    given[ENSEMBLE] = classifier.combine(members)
    return HeldBack(tuple(paths), np.array(truth, np.int64), given)
