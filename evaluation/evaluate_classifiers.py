"""Evaluate classifiers and the members of ensembles on labelled images."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..classification import class_slug
from ..classification.classifier import Classifier, open_classifier
from ..classification.crops import galaxy_crop
from ..classification.priors import Prior
from ..classification.training.dataset import read_boxes, read_labels
from ..configs import ClassMap
from ..datasets.image_reader import ImageReader
from ..datasets.labels import Labels, find_ground_truth
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..errors import InputError, require
from ..files.atomic import write_png
from ..files.names import distinct_names
from ..files.report import PICTURES, open_report_folder
from ..imaging import Stretch
from ..models import Bundle, ModelLike
from ..progress import Progress, Task, open_progress
from .classifier_report import misclassified_picture, write_classifier_report
from .crop_sources import CropSource, find_crop_sources
from .evaluation_images import (
    labelled_source,
    read_surveys,
)
from .misclassified import Misclassified, draw_misclassified, worst_misclassified
from .training_overlap import check_seen_images, select_held_out

if TYPE_CHECKING:
    from ..metrics.classifier_metrics import ClassificationMetrics

__all__ = ["MeasuredClassifier", "evaluate_classifiers"]

logger = logging.getLogger("galpipe")

# Images held in memory at a time.
_CHUNK = 64
# Side in pixels of the pictures of misclassified galaxies.
_SHOWN_SIDE = 160


@dataclass(frozen=True)
class MeasuredClassifier:
    """Metrics of one model.

    Attributes
    ----------
    name : str
        Unique name of the model.
    model : dict
        Record of the model: name, path, checksum, class frequencies and options.
    by_classifier : dict of str to ClassificationMetrics
        Metrics of the model under its name, then of ensemble members as ``NAME: MEMBER``.
    by_survey : dict of str to ClassificationMetrics
        Metrics of the model on the images of each survey; empty if the labels name none.
    misclassified : tuple of Misclassified
        Galaxies with the most probable wrong classes, at most 24.
    """

    name: str
    model: dict[str, Any]
    by_classifier: dict[str, ClassificationMetrics]
    by_survey: dict[str, ClassificationMetrics] = field(default_factory=dict)
    misclassified: tuple[Misclassified, ...] = ()

    @property
    def metrics(self) -> ClassificationMetrics:
        """Metrics of the whole model."""
        return self.by_classifier[self.name]

    def to_json(self) -> dict[str, Any]:
        """Return the metrics as plain values."""
        members = {
            title.removeprefix(f"{self.name}: "): metrics.to_json()
            for title, metrics in self.by_classifier.items()
            if title != self.name
        }
        return {
            "model": self.model,
            "metrics": self.metrics.to_json(),
            "members": members,
            "surveys": {name: metrics.to_json() for name, metrics in self.by_survey.items()},
        }


def evaluate_classifiers(
    models: Classifier | ModelLike | Sequence[Classifier | ModelLike],
    images: str | Path,
    labels: str | Path | None = None,
    output: str | Path | None = None,
    *,
    kind: str | None = None,
    annotations: str | Path | None = None,
    detector: BaseDetector | ModelLike | None = None,
    held_out: bool = False,
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> list[MeasuredClassifier]:
    """Evaluate classifiers, and the members of ensembles, on the same images.

    Parameters
    ----------
    models : Classifier, Bundle, name or path, or sequence of these
        The classifiers, at least one, with the same classes.
    images : path
        Folder or ZIP archive of images with the galaxy at the centre; folder with a subfolder per
        class; or the HDF5 file of Galaxy10.
    labels : path, optional
        Table of the labels, unless they are in `images`.  Classes that the training of a model left
        out or merged are left out or merged here too.  Only images with a label of one class are
        evaluated.  If the labels are disjoint sets of classes, as those of Galaxy Zoo 1, all images
        are evaluated, and the prediction is the set with the largest sum of probabilities.  If the
        table has a column ``survey``, the metrics of each survey are given too.
    output : path, optional
        Folder for ``metrics.json`` (other models than the first under ``others``), ``report.md``,
        ``report.html`` and ``pictures/``: confusion matrix, ROC curves and reliability of every
        model and member.
    kind : str, optional
        Kind of the labels, as in the configuration of a training (`ClassifierData`); by default
        inferred from the files.
    annotations : path, optional
        File or folder of annotations in any format.  Crops are centred on the annotated box at the
        centre, if any, instead of the isophote.
    detector : BaseDetector, Bundle, name or path, optional
        Crops are centred on the galaxy detected at the centre, as in ``galpipe run``; images
        without one are excluded.  With `annotations`, every model is evaluated on both kinds of
        crops, of the images where the IoU of both boxes is at least 0.3.
    held_out : bool
        Evaluate only images held out in the training of every model.
    prior : str, Path or mapping of str to float, optional
        Class frequencies for which the probabilities of the models are re-weighted, as in
        `galpipe.load_classifier`; those of members remain as they are.
    test_time_augmentation : bool, optional
        Predict the mean over the eight flips and quarter turns of each crop; by default as in the
        models.
    overwrite : bool
        Replace an earlier result in `output`.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    list of MeasuredClassifier
        In the order of `models`; with both `annotations` and `detector`, each for annotated and
        then for detected boxes.

    Raises
    ------
    InputError
        If an image, annotation or the table is missing or cannot be read, no label is usable, no
        galaxy is detected, or the classes of models and labels differ.
    ConfigError
        If `kind` or `annotations` do not match the files.
    BundleError
        If a model is missing or invalid.
    OutputError
        If the output folder contains other files, or cannot be written.
    MissingExtraError
        If the evaluation packages are not installed.

    Examples
    --------
    >>> import galpipe
    >>> measured = galpipe.evaluate_classifiers(
    ...     "galaxy10_ensemble", "cutouts", "labels.csv", "measured"
    ... )  # doctest: +SKIP
    >>> measured[0].metrics.accuracy  # doctest: +SKIP
    0.8987341772151899
    """
    require("sklearn", "train")
    require("matplotlib", "train")
    from ..metrics.classifier_metrics import evaluate_probabilities

    several = [models] if isinstance(models, Classifier | ModelLike) else models
    classifiers = _open(several, prior, test_time_augmentation)
    opened_detector = None if detector is None else open_detector(detector)
    class_names = classifiers[0].class_names
    classes = _common_map(classifiers)
    data = labelled_source(images, labels, kind, annotations, classes)
    labelled = read_labels(data, classes)
    boxes = read_boxes(data)
    bundles = _by_name(classifiers)
    if held_out:
        chosen = set(select_held_out(bundles, [image.path for image in labelled]))
        labelled = [image for image in labelled if image.path in chosen]
    ground_truth = find_ground_truth(Labels.from_images(labelled, len(class_names)), class_names)
    if not ground_truth.evaluated.any():
        raise InputError(
            f"{labels or images}: no image has a label of one class, and the labels are not "
            "disjoint sets of classes; there is nothing to evaluate"
        )
    folder = None if output is None else open_report_folder(output, overwrite=overwrite)
    paths = [image.path for image in compress(labelled, ground_truth.evaluated)]
    crops = find_crop_sources(paths, boxes, opened_detector, progress=progress)
    for note in crops.notes:
        logger.info("%s", note)
    paths = list(compress(paths, crops.kept))
    truth = ground_truth.class_ids[crops.kept]
    seen = check_seen_images(bundles, paths, held_out=held_out)
    surveys = np.array(read_surveys(data, paths), dtype=str)
    pairs = list(product(classifiers, crops.sources))
    measured = []
    with open_progress(progress)("images", len(paths) * len(pairs)) as task:
        for name, (classifier, source) in zip(_names(pairs), pairs, strict=True):
            predicted = {
                title: ground_truth.probabilities(probabilities)
                for title, probabilities in _predict(
                    name, classifier, paths, source, crops.stretch, task
                ).items()
            }
            metrics = {
                title: evaluate_probabilities(truth, probabilities, ground_truth.names)
                for title, probabilities in predicted.items()
            }
            by_survey = {
                str(survey): evaluate_probabilities(
                    truth[surveys == survey], predicted[name][surveys == survey], ground_truth.names
                )
                for survey in np.unique(surveys[surveys != ""])
            }
            mistakes = worst_misclassified(truth, predicted[name], ground_truth.names, paths)
            model = classifier.as_dict()
            measured.append(MeasuredClassifier(name, model, metrics, by_survey, tuple(mistakes)))
            if folder is not None:
                pictures = folder.path / PICTURES
                _plot(pictures, metrics, truth, predicted)
                _draw_mistakes(pictures, measured[-1], classifier, paths, source, crops.stretch)
    if folder is not None:
        described = {
            "images": str(images),
            "labels": str(labels or images),
            **seen.record(),
            "crops_about": [source.name for source in crops.sources],
            "annotations": None if annotations is None else str(annotations),
            "detector": None if opened_detector is None else opened_detector.identity.as_dict(),
            "notes": [*seen.notes, *crops.notes],
        }
        write_classifier_report(folder, measured, described, bundles, by_sets=ground_truth.by_sets)
    return measured


def _by_name(classifiers: Sequence[Classifier]) -> dict[str, Bundle]:
    bundles = [classifier.bundle for classifier in classifiers]
    names = distinct_names((bundle.manifest.name for bundle in bundles), key=class_slug)
    return dict(zip(names, bundles, strict=True))


def _open(
    models: Sequence[Classifier | ModelLike],
    prior: Prior | None,
    test_time_augmentation: bool | None,
) -> list[Classifier]:
    classifiers = [open_classifier(model, prior, test_time_augmentation) for model in models]
    first = classifiers[0]
    for classifier in classifiers:
        if classifier.class_names != first.class_names:
            raise InputError(
                f"{classifier.bundle.path}: has other classes than {first.bundle.path}; "
                "evaluate them one at a time"
            )
    return classifiers


def _common_map(classifiers: Sequence[Classifier]) -> ClassMap:
    """Return the map from the classes of the labels; models without one take that of the others."""
    maps = [classifier.bundle.manifest.class_map for classifier in classifiers]
    changed = [classes for classes in maps if classes.changes]
    for classifier, classes in zip(classifiers, maps, strict=True):
        if classes.changes and classes != changed[0]:
            raise InputError(
                f"{classifier.bundle.path}: leaves out or merges other classes of the labels than "
                "the models before it; evaluate them one at a time"
            )
    return changed[0] if changed else maps[0]


def _names(pairs: Sequence[tuple[Classifier, CropSource]]) -> list[str]:
    """Return unique names, also as file names of plots."""
    several = len({source.name for _, source in pairs}) > 1
    names = (
        classifier.bundle.manifest.name + (f" ({source.name})" if several else "")
        for classifier, source in pairs
    )
    return distinct_names(names, key=class_slug)


def _predict(
    name: str,
    classifier: Classifier,
    paths: Sequence[Path],
    source: CropSource,
    stretch: Stretch | None,
    task: Task,
) -> dict[str, NDArray[np.float32]]:
    """Return the probabilities, shape (N, C), of the model and of its members if several."""
    size = classifier.input_size
    parts = []
    with ImageReader(stretch or classifier.stretch) as read:
        for start in range(0, len(paths), _CHUNK):
            chunk = paths[start : start + _CHUNK]
            boxes = source.boxes[start : start + _CHUNK]
            task.update(description=chunk[0].name)
            crops = [
                galaxy_crop(read(path), box, size, classifier.crop_margin)
                for path, box in zip(chunk, boxes, strict=True)
            ]
            parts.append(classifier.predict_members(np.stack(crops)))
            task.update(advance=len(chunk))
    members = np.concatenate(parts, axis=1)
    predicted = {name: classifier.combine(members)}
    if len(members) > 1:
        for member, probabilities in zip(classifier.member_names, members, strict=True):
            predicted[f"{name}: {member}"] = probabilities
    return predicted


def _draw_mistakes(
    folder: Path,
    model: MeasuredClassifier,
    classifier: Classifier,
    paths: Sequence[Path],
    source: CropSource,
    stretch: Stretch | None,
) -> None:
    """Write the contact sheet of the misclassified galaxies, if there are any."""
    if not model.misclassified:
        return
    with ImageReader(stretch or classifier.stretch) as read:

        def crop(index: int) -> NDArray[np.uint8]:
            rgb, box = read(paths[index]), source.boxes[index]
            return galaxy_crop(rgb, box, _SHOWN_SIDE, classifier.crop_margin)

        sheet = draw_misclassified(model.misclassified, crop)
    write_png(folder / misclassified_picture(model.name), sheet)


def _plot(
    folder: Path,
    metrics: Mapping[str, ClassificationMetrics],
    truth: NDArray[np.int64],
    predicted: Mapping[str, NDArray[np.float32]],
) -> None:
    from ..metrics.plots import write_classifier_plots

    for title, probabilities in predicted.items():
        write_classifier_plots(
            folder, class_slug(title), title, metrics[title], truth, probabilities
        )
