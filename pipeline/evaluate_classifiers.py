"""Measure classifiers on labelled images, side by side, and keep what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..classification import central_crop, class_slug
from ..classification.dataset import allowed_classes, read_labels
from ..classification.pictures import PictureReader
from ..classification.targets import find_targets
from ..errors import InputError, require
from ..models import Classifier
from .classifier_report import PICTURES, open_folder, write_report
from .held_back_images import only_held_back, warn_of_trained_on
from .labelled import labelled_source
from .measured_classifier import MeasuredClassifier
from .naming import distinct_names
from .progress import FieldProgress, field_progress
from .record import describe_model
from .run import open_classifier

__all__ = ["evaluate_classifiers"]

# Images held in memory at a time.
_CHUNK = 64


def evaluate_classifiers(
    models: Sequence[Classifier | str | Path],
    images: str | Path,
    labels: str | Path | None = None,
    output: str | Path | None = None,
    *,
    kind: str | None = None,
    held_back: bool = False,
    overwrite: bool = False,
    progress: bool = False,
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
    held_back : bool
        Measure only on the images that the training of every model held back for its test, of any
        of its sources.
    overwrite : bool
        Replace an earlier result in `output`.
    progress : bool
        Show a progress bar on the terminal.

    Returns
    -------
    list of MeasuredClassifier
        In the order of `models`.

    Raises
    ------
    InputError
        If an image or the table is missing or cannot be read, the labels decide nothing, or the
        models differ in their classes from each other or from the labels.
    ConfigError
        If `kind` does not go with the files that are given.
    BundleError, OutputError, MissingExtraError
        If a model, the output or the packages of evaluation are not as needed.
    """
    require("sklearn", "train")
    require("matplotlib", "train")
    from ..classification.evaluate import evaluate_probabilities
    from ..classification.evaluation_pictures import write_pictures

    classifiers = [open_classifier(model) for model in models]
    class_names = classifiers[0].class_names
    for classifier in classifiers:
        if classifier.class_names != class_names:
            raise InputError(
                f"{classifier.bundle.path}: has other classes than {classifiers[0].bundle.path}; "
                "measure them one at a time"
            )
    labelled = read_labels(labelled_source(images, labels, kind, class_names), class_names)
    if held_back:
        labelled = only_held_back(labelled, classifiers)
    else:
        warn_of_trained_on(labelled, classifiers)
    targets = find_targets(allowed_classes(labelled, len(class_names)), class_names)
    if not targets.counted.any():
        raise InputError(
            f"{labels or images}: no image has a label of one class, nor do the labels name "
            "several sets of classes of which no two share a class; nothing can be measured"
        )
    folder = None if output is None else open_folder(output, overwrite=overwrite)
    paths = [image.path for image in compress(labelled, targets.counted)]
    # Neither the names may be alike nor the files of their pictures.
    names = distinct_names((one.bundle.manifest.name for one in classifiers), key=class_slug)
    measured = []
    with field_progress(len(paths) * len(classifiers), shown=progress) as bar:
        for name, classifier in zip(names, classifiers, strict=True):
            given = {
                title: targets.of(probabilities)
                for title, probabilities in _classify(name, classifier, paths, bar).items()
            }
            metrics = {
                title: evaluate_probabilities(targets.truth, probabilities, targets.names)
                for title, probabilities in given.items()
            }
            model = describe_model(classifier.bundle.identity)
            measured.append(MeasuredClassifier(name, model, metrics))
            if folder is not None:
                for title, probabilities in given.items():
                    write_pictures(
                        folder.path / PICTURES,
                        class_slug(title),
                        title,
                        metrics[title],
                        targets.truth,
                        probabilities,
                    )
    if folder is not None:
        which = "held back by the training of every model" if held_back else "all"
        data = {"images": str(images), "labels": str(labels or images), "which": which}
        write_report(folder, measured, data, by_sets=targets.by_sets)
    return measured


def _classify(
    name: str, classifier: Classifier, paths: Sequence[Path], bar: FieldProgress
) -> dict[str, NDArray[np.float32]]:
    """Return the probabilities (N, C) of the model and of each of several members."""
    parts = []
    with PictureReader(classifier.bundle.manifest.stretch) as read:
        for start in range(0, len(paths), _CHUNK):
            chunk = paths[start : start + _CHUNK]
            bar.start(chunk[0].name)
            crops = [central_crop(read(path), classifier.input_size) for path in chunk]
            parts.append(classifier.predict_members(np.stack(crops)))
            bar.advance(len(chunk), start + len(chunk), 0)
    members = np.concatenate(parts, axis=1)
    given = {name: classifier.combine(members)}
    if len(members) > 1:
        for member, probabilities in zip(classifier.member_names, members, strict=True):
            given[f"{name}: {member}"] = probabilities
    return given
