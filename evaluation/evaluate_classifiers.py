"""Measure classifiers on labelled images, side by side, and keep what was measured."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import compress, product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..classification import class_slug
from ..classification.classifier import Classifier, open_classifier
from ..classification.crops import galaxy_crop
from ..classification.training.dataset import read_boxes, read_labels
from ..datasets.image_reader import PictureReader
from ..datasets.labels import Labels, find_ground_truth
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..errors import InputError, require
from ..files.names import distinct_names
from ..imaging import Stretch
from ..progress import Progress, Task, open_progress
from .classifier_report import PICTURES, open_folder, write_report
from .crop_sources import Cropping, find_croppings
from .held_out_images import only_held_back, warn_of_trained_on
from .labelled import labelled_source
from .measured_classifier import MeasuredClassifier

if TYPE_CHECKING:
    from ..metrics.classifier_metrics import ClassificationMetrics

__all__ = ["evaluate_classifiers"]

logger = logging.getLogger("galpipe")

# Images held in memory at a time.
_CHUNK = 64


def evaluate_classifiers(
    models: Sequence[Classifier | str | Path],
    images: str | Path,
    labels: str | Path | None = None,
    output: str | Path | None = None,
    *,
    kind: str | None = None,
    annotations: str | Path | None = None,
    detector: BaseDetector | str | Path | None = None,
    held_back: bool = False,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> list[MeasuredClassifier]:
    """Measure classifiers, and the members of those that are ensembles, on the same images.

    Parameters
    ----------
    models : sequence of Classifier, name or path
        The classifiers, at least one; all with the same classes.
    images : path
        Folder of images, the galaxy at the centre; a folder that holds one for each class; or the
        HDF5 file of Galaxy10.
    labels : path, optional
        Table of the labels, unless they are in `images`.  Images whose label leaves more than one
        class open do not count; but where the labels name sets of classes of which no two share a
        class, as those of Galaxy Zoo 1 do, what counts is which set has the largest sum of
        probabilities.
    output : path, optional
        Folder for ``metrics.json`` (the first model, under ``others`` the rest), ``report.md``,
        ``report.html`` and ``pictures/``: confusion, ROC curves and reliability of every model and
        member.
    kind : str, optional
        What labels the images, as in the configuration of a training (`ClassifierData`); by default
        what the files look like.
    annotations : path, optional
        File or folder of annotations in any format.  Crops lie about the annotated box at the
        centre, where there is one, instead of about the isophote there.
    detector : BaseDetector, name or path, optional
        Crops lie about the galaxy that it finds at the centre, as those of ``galpipe run``; images
        where it finds none are left out.  With `annotations` every model is measured in both ways,
        on the images where both boxes show the same galaxy: their IoU is at least 0.3.
    held_back : bool
        Measure only on the images that the training of every model held back for its test, of any
        of its sources.
    overwrite : bool
        Replace an earlier result in `output`.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Returns
    -------
    list of MeasuredClassifier
        In the order of `models`; where both `annotations` and `detector` are given, each on
        annotated boxes and then on detected ones.

    Raises
    ------
    InputError
        If an image, annotation or the table is missing or cannot be read, the labels decide
        nothing, the detector finds no galaxy, or the models differ in their classes from each other
        or from the labels.
    ConfigError
        If `kind` or `annotations` do not go with the files that are given.
    BundleError, OutputError, MissingExtraError
        If a model, the output or the packages of evaluation are not as needed.
    """
    require("sklearn", "train")
    require("matplotlib", "train")
    from ..metrics.classifier_metrics import evaluate_probabilities

    classifiers = _open(models)
    found_by = None if detector is None else open_detector(detector)
    class_names = classifiers[0].class_names
    source = labelled_source(images, labels, kind, annotations, class_names)
    labelled = read_labels(source, class_names)
    boxes = read_boxes(source)
    if held_back:
        labelled = only_held_back(labelled, classifiers)
    else:
        warn_of_trained_on(labelled, classifiers)
    ground_truth = find_ground_truth(Labels.from_images(labelled, len(class_names)), class_names)
    if not ground_truth.evaluated.any():
        raise InputError(
            f"{labels or images}: no image has a label of one class, nor do the labels name "
            "several sets of classes of which no two share a class; nothing can be measured"
        )
    folder = None if output is None else open_folder(output, overwrite=overwrite)
    paths = [image.path for image in compress(labelled, ground_truth.evaluated)]
    croppings = find_croppings(paths, boxes, found_by, progress=progress)
    for note in croppings.notes:
        logger.info("%s", note)
    paths = list(compress(paths, croppings.kept))
    truth = ground_truth.class_ids[croppings.kept]
    pairs = list(product(classifiers, croppings.ways))
    measured = []
    with open_progress(progress)("images", len(paths) * len(pairs)) as task:
        for name, (classifier, way) in zip(_names(pairs), pairs, strict=True):
            given = {
                title: ground_truth.probabilities(probabilities)
                for title, probabilities in _classify(
                    name, classifier, paths, way, croppings.stretch, task
                ).items()
            }
            metrics = {
                title: evaluate_probabilities(truth, probabilities, ground_truth.names)
                for title, probabilities in given.items()
            }
            model = classifier.bundle.identity.as_dict()
            measured.append(MeasuredClassifier(name, model, metrics))
            if folder is not None:
                _draw(folder.path / PICTURES, metrics, truth, given)
    if folder is not None:
        data = {
            "images": str(images),
            "labels": str(labels or images),
            "which": "held back by the training of every model" if held_back else "all",
            "crops_about": [way.about for way in croppings.ways],
            "annotations": None if annotations is None else str(annotations),
            "detector": None if found_by is None else found_by.identity.as_dict(),
            "notes": list(croppings.notes),
        }
        write_report(folder, measured, data, by_sets=ground_truth.by_sets)
    return measured


def _open(models: Sequence[Classifier | str | Path]) -> list[Classifier]:
    classifiers = [open_classifier(model) for model in models]
    first = classifiers[0]
    for classifier in classifiers:
        if classifier.class_names != first.class_names:
            raise InputError(
                f"{classifier.bundle.path}: has other classes than {first.bundle.path}; "
                "measure them one at a time"
            )
    return classifiers


def _draw(
    folder: Path,
    metrics: Mapping[str, ClassificationMetrics],
    truth: NDArray[np.int64],
    given: Mapping[str, NDArray[np.float32]],
) -> None:
    from ..metrics.plots import write_classifier_plots

    for title, probabilities in given.items():
        write_classifier_plots(
            folder, class_slug(title), title, metrics[title], truth, probabilities
        )


def _names(pairs: Sequence[tuple[Classifier, Cropping]]) -> list[str]:
    """Return a name for each: neither the names may be alike nor the files of their pictures."""
    several = len({way.about for _, way in pairs}) > 1
    names = (
        classifier.bundle.manifest.name + (f" ({way.about})" if several else "")
        for classifier, way in pairs
    )
    return distinct_names(names, key=class_slug)


def _classify(
    name: str,
    classifier: Classifier,
    paths: Sequence[Path],
    way: Cropping,
    stretch: Stretch | None,
    task: Task,
) -> dict[str, NDArray[np.float32]]:
    """Return the probabilities (N, C) of the model and of each of several members."""
    size = classifier.input_size
    parts = []
    with PictureReader(stretch or classifier.stretch) as read:
        for start in range(0, len(paths), _CHUNK):
            chunk = paths[start : start + _CHUNK]
            boxes = way.boxes[start : start + _CHUNK]
            task.update(description=chunk[0].name)
            crops = [
                galaxy_crop(read(path), box, size, classifier.crop_margin)
                for path, box in zip(chunk, boxes, strict=True)
            ]
            parts.append(classifier.predict_members(np.stack(crops)))
            task.update(advance=len(chunk))
    members = np.concatenate(parts, axis=1)
    given = {name: classifier.combine(members)}
    if len(members) > 1:
        for member, probabilities in zip(classifier.member_names, members, strict=True):
            given[f"{name}: {member}"] = probabilities
    return given
