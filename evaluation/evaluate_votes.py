"""Evaluate classifiers that predict the votes of Galaxy Zoo."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..classification import class_slug
from ..classification.classifier import Classifier, open_classifier
from ..classification.crops import galaxy_crop
from ..classification.votes import predict_votes
from ..datasets.image_reader import ImageReader
from ..datasets.label_tables import read_vote_fractions
from ..datasets.votes.vote_trees import VoteTree, write_vote_table
from ..errors import InputError, require
from ..files.atomic import write_png
from ..files.names import distinct_names
from ..files.output_folder import OutputFolder
from ..files.report import (
    PICTURES,
    Block,
    Heading,
    Picture,
    Report,
    open_report_folder,
    write_report,
)
from ..imaging import contact_sheet, note_strip
from ..models import ModelLike
from ..progress import Progress, open_progress
from .learning_curves import learning_curve_blocks
from .training_overlap import check_seen_images, select_held_out

if TYPE_CHECKING:
    from ..metrics.vote_metrics import VoteMetrics

__all__ = ["EvaluatedVotes", "evaluate_votes"]

logger = logging.getLogger("galpipe")

_CHUNK = 64
_SHOWN = 3
_SHOWN_SIDE = 120
_LETTERS = 11
_MAJORITY = (
    "Trained on the answers of the majority: {}. What such a network predicts are the "
    "probabilities of these answers, not fractions of volunteers, so that its errors, and those of "
    "its sums, are larger. Compare accuracy, F1 and average precision."
)


@dataclass(frozen=True, eq=False)
class EvaluatedVotes:
    """Predicted votes of one model, and their metrics.

    Attributes
    ----------
    name : str
        Unique name of the model.
    model : dict
        Record of the model: name, path, checksum and options.
    metrics : VoteMetrics
        Metrics on all images.
    predicted : ndarray of float32, shape (N, A)
        Predicted fraction of all volunteers who give each answer.
    """

    name: str
    model: dict[str, Any]
    metrics: VoteMetrics
    predicted: NDArray[np.float32]

    def to_json(self) -> dict[str, Any]:
        """Return the metrics as plain values."""
        return {"model": self.model, "metrics": self.metrics.to_json()}


def evaluate_votes(
    models: Classifier | ModelLike | Sequence[Classifier | ModelLike],
    images: str | Path,
    labels: str | Path,
    output: str | Path | None = None,
    *,
    held_out: bool = False,
    test_time_augmentation: bool | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> list[EvaluatedVotes]:
    """Evaluate classifiers that predict votes, on the same images.

    Parameters
    ----------
    models : Classifier, Bundle, name or path, or sequence of these
        The classifiers, at least one, with the same decision tree.
    images : path
        Folder or ZIP archive of images with the galaxy at the centre.
    labels : path
        Table of votes for the tree, such as ``training_solutions_rev1.csv``.
    output : path, optional
        Folder for ``metrics.json`` (other models than the first under ``others``), ``report.md``,
        ``report.html``, ``pictures/`` with right and wrong galaxies by answer, and the predictions
        of each model in the layout of the campaign, ``<model>.csv``.
    held_out : bool
        Evaluate only images held out in the training of every model.
    test_time_augmentation : bool, optional
        Predict the mean over the eight flips and quarter turns of each crop; by default as in the
        models.
    overwrite : bool
        Replace an earlier result in `output`.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    list of EvaluatedVotes
        In the order of `models`.

    Raises
    ------
    InputError
        If an image or the table is missing or cannot be read, no image is left, or the models
        predict the votes of different trees.
    BundleError
        If a model is missing or invalid, or predicts classes.
    OutputError
        If the output folder contains other files, or cannot be written.
    MissingExtraError
        If the evaluation packages are not installed.
    """
    require("sklearn", "train")
    from ..metrics.vote_metrics import evaluate_votes as measure

    several = [models] if isinstance(models, Classifier | ModelLike) else models
    classifiers = [open_classifier(model, None, test_time_augmentation) for model in several]
    tree = _common_tree(classifiers)
    bundles = [classifier.bundle for classifier in classifiers]
    names = distinct_names((bundle.manifest.name for bundle in bundles), key=class_slug)
    by_name = dict(zip(names, bundles, strict=True))
    labelled = read_vote_fractions(labels, images, tree)
    if held_out:
        chosen = set(select_held_out(by_name, [image.path for image in labelled]))
        labelled = [image for image in labelled if image.path in chosen]
    if not labelled:
        raise InputError(f"{labels}: names no image with votes; there is nothing to evaluate.")
    paths = [image.path for image in labelled]
    truth = np.array([image.probabilities for image in labelled])
    folder = None
    if output is not None:
        tables = [f"{class_slug(name)}.csv" for name in names]
        folder = open_report_folder(output, overwrite=overwrite, tables=tables)
    seen = check_seen_images(by_name, paths, held_out=held_out)
    measured = []
    with open_progress(progress)("images", len(paths) * len(names)) as task:
        for name, classifier in zip(names, classifiers, strict=True):
            parts = []
            with ImageReader(classifier.stretch) as read:
                for start in range(0, len(paths), _CHUNK):
                    chunk = paths[start : start + _CHUNK]
                    task.update(description=chunk[0].name)
                    size, margin = classifier.input_size, classifier.crop_margin
                    crops = [galaxy_crop(read(path), None, size, margin) for path in chunk]
                    parts.append(predict_votes(classifier, np.stack(crops))[0])
                    task.update(advance=len(chunk))
            predicted = np.concatenate(parts)
            metrics = measure(truth, predicted, tree.places, tree.columns, tree.sums(predicted))
            measured.append(EvaluatedVotes(name, classifier.as_dict(), metrics, predicted))
            if folder is not None:
                target = folder.path / f"{class_slug(name)}.csv"
                write_vote_table(target, [path.name for path in paths], predicted, tree)
                _draw(folder, measured[-1], classifier, tree, paths, truth)
    if folder is not None:
        majority = [
            name
            for name, bundle in by_name.items()
            if bundle.manifest.training.get("vote_head") == "majority"
        ]
        notes = [_MAJORITY.format(", ".join(majority))] if majority else []
        blocks = _blocks(measured, tree, [*seen.notes, *notes])
        blocks += learning_curve_blocks(folder, by_name)
        first, *others = (one.to_json() for one in measured)
        data = {"images": str(images), "labels": str(labels), **seen.record()}
        write_report(
            folder,
            Report(f"{', '.join(names)}, measured on votes", blocks),
            first | {"data": data, "others": others},
            {"command": "evaluate", "models": {one.name: one.model for one in measured}},
        )
    return measured


def _common_tree(classifiers: Sequence[Classifier]) -> VoteTree:
    for classifier in classifiers:
        if classifier.votes is None:
            raise InputError(
                f"{classifier.bundle.path}: predicts classes, not votes; measure it with 'galpipe "
                "evaluate classifier'"
            )
        if classifier.votes is not classifiers[0].votes:
            raise InputError(
                f"{classifier.bundle.path}: predicts the votes of another campaign than "
                f"{classifiers[0].bundle.path}; evaluate them one at a time"
            )
    tree = classifiers[0].votes
    assert tree is not None
    return tree


def _picture(name: str, question: str) -> str:
    return f"{class_slug(name)}_{class_slug(question)}.png"


def _draw(
    folder: OutputFolder,
    model: EvaluatedVotes,
    classifier: Classifier,
    tree: VoteTree,
    paths: Sequence[Path],
    truth: NDArray[np.float64],
) -> None:
    """Draw a sheet for each question: a row for each answer, three right and three wrong."""
    predicted = model.predicted
    error = np.abs(truth - predicted)
    # Right are high fractions that are predicted as such, not those that are merely voted high.
    measures = {"right": np.minimum(truth, predicted) - error, "wrong": error}
    columns = min(_SHOWN, len(paths))
    with ImageReader(classifier.stretch) as read:
        for question, place in tree.places.items():
            halves = []
            for title, measure in measures.items():
                pictures, captions = [], []
                for answer in range(place.start, place.stop):
                    for index in np.argsort(-measure[:, answer], kind="stable")[:columns].tolist():
                        rgb = read(paths[index])
                        crop = galaxy_crop(rgb, None, _SHOWN_SIDE, classifier.crop_margin)
                        pictures.append(crop)
                        captions.append(
                            f"{tree.texts[answer]}\n{predicted[index, answer]:.2f}, voted "
                            f"{truth[index, answer]:.2f}"
                        )
                sheet = contact_sheet(pictures, captions, columns, _SHOWN_SIDE)
                strip = note_strip([title], sheet.shape[1], _LETTERS)
                halves.append(np.vstack([strip, sheet]))
            picture = folder.path / PICTURES / _picture(model.name, question)
            write_png(picture, np.hstack(halves))


def _blocks(
    measured: Sequence[EvaluatedVotes], tree: VoteTree, notes: Sequence[str]
) -> list[Block]:
    from ..metrics.vote_metrics import vote_table

    blocks: list[Block] = [
        f"Votes of {tree.title} for {measured[0].metrics.images} images, cropped about the "
        "isophote at the centre. Fractions are of all volunteers; an answer is that of the "
        "majority if more than half of them give it.",
        *notes,
        vote_table({one.name: one.metrics for one in measured}),
    ]
    for one in measured:
        blocks += [
            Heading(f"{one.name} by question"),
            one.metrics.question_table(),
            Heading(f"{one.name} by answer"),
            one.metrics.answer_table(tree.texts),
            Heading(f"Right and wrong: {one.name}"),
            f"A row for each answer: {_SHOWN} galaxies whose predicted and voted fractions are "
            "both high and close to each other, and those with the largest error. Below each, the "
            "predicted and the voted fraction.",
        ]
        blocks += [
            Picture(f"{PICTURES}/{_picture(one.name, name)}", question.text)
            for name, question in tree.questions.items()
        ]
    return blocks
