"""Cross-validate detectors: train each fold, evaluate it, compare."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from ..configs import DetectorTraining
from ..errors import require
from ..files.report import Block, Heading, Report, Table
from ..metrics.records import DetectorFigures, read_detector_record
from ..models import Bundle, read_bundle
from ..models.training_folder import open_trainer
from ..progress import Progress
from .folds import plan_folds, spread, summarize, train_folds, write_result
from .significance import Comparison, compare_folds

__all__ = ["DetectorCrossValidation", "ValidatedDetector", "cross_validate_detectors"]

logger = logging.getLogger("galpipe")

_MEASURES = {
    "map50": "mAP@0.5",
    "ap": "AP@[.5:.95]",
    "ar1": "AR@1",
    "ar1_of_ceiling": "AR@1 of its ceiling",
    "ar1_single": "AR@1, images of one galaxy",
    "recall_at_90_precision": "recall at 90 % precision",
}


@dataclass(frozen=True, eq=False)
class ValidatedDetector:
    """Detectors of one training, one for each fold.

    Attributes
    ----------
    name : str
        Unique name of the training.
    bundles : tuple of Bundle
        Detector of each fold, with its metrics on the held-out images.
    """

    name: str
    bundles: tuple[Bundle, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of images, such as ``cutouts``, with metrics in every fold."""
        first, *others = self._figures
        return tuple(kind for kind in first if all(kind in figures for figures in others))

    def values(self, kind: str, measure: str, *, class_agnostic: bool = False) -> list[float]:
        """Return a metric for each fold that has it.

        Parameters
        ----------
        kind : str
            Kind of the images.
        measure : str
            Attribute of `DetectorFigures`.
        class_agnostic : bool
            Return the metric of the boxes alone.
        """
        figures = [one[kind] for one in self._figures]
        if class_agnostic and len(self.class_names) > 1:
            figures = [one.class_agnostic for one in figures if one.class_agnostic is not None]
        values = [getattr(one, measure) for one in figures]
        return [value for value in values if value is not None]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes of the detectors."""
        return self.bundles[0].manifest.class_names

    @cached_property
    def _figures(self) -> list[dict[str, DetectorFigures]]:
        return [read_detector_record(bundle).held_out for bundle in self.bundles]

    def held_out(self) -> list[list[list[str]]]:
        """Return the names of the held-out images, by fold and source."""
        return [
            [list(source.split.test) for source in bundle.manifest.data.sources]
            for bundle in self.bundles
        ]

    def test_share(self) -> float:
        """Return the fraction of test images among training and test images."""
        splits = [
            source.split for bundle in self.bundles for source in bundle.manifest.data.sources
        ]
        tested = sum(len(split.test) for split in splits)
        trained = sum(len(split.train) for split in splits)
        return tested / (tested + trained)


@dataclass(frozen=True, eq=False)
class DetectorCrossValidation:
    """Result of a cross-validation of detectors.

    Attributes
    ----------
    folds : int
    detectors : tuple of ValidatedDetector
    comparisons : tuple of Comparison
        Comparisons of all pairs of detectors with the same held-out images.
    """

    folds: int
    detectors: tuple[ValidatedDetector, ...]
    comparisons: tuple[Comparison, ...]

    def report(self) -> Report:
        """Return tables and comparisons."""
        names = ", ".join(one.name for one in self.detectors)
        blocks: list[Block] = [
            f"{self.folds} folds, split by galaxy: every image is searched once, by a detector "
            "trained without images of its galaxy. Mean ± standard deviation over the folds."
        ]
        for kind in dict.fromkeys(kind for one in self.detectors for kind in one.kinds):
            having = [one for one in self.detectors if kind in one.kinds]
            rows = [
                [title, *(spread(one.values(kind, measure)) for one in having)]
                for measure, title in _MEASURES.items()
            ]
            blocks += [Heading(kind), Table(["measure", *(one.name for one in having)], rows)]
        if len(self.detectors) > 1:
            blocks.append(Heading("Significance of differences"))
            blocks += [one.sentence for one in self.comparisons] or [
                "The trainings held out different images, so their folds cannot be compared."
            ]
        return Report(f"Cross-validation: {names}", blocks)

    def to_json(self) -> dict[str, Any]:
        """Return the metrics of each fold, their mean and deviation, and the comparisons."""
        return {
            "folds": self.folds,
            "detectors": [
                {
                    "name": one.name,
                    "bundles": [str(bundle.path) for bundle in one.bundles],
                    "training": one.bundles[0].manifest.training,
                    "measured": [bundle.metrics() for bundle in one.bundles],
                    "summary": {
                        kind: {
                            measure: summarize(one.values(kind, measure)) for measure in _MEASURES
                        }
                        for kind in one.kinds
                    },
                }
                for one in self.detectors
            ],
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
        }


def cross_validate_detectors(
    configs: Sequence[DetectorTraining],
    output: str | Path,
    *,
    folds: int = 5,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> DetectorCrossValidation:
    """Cross-validate detectors: train each configuration on all folds but one, in turn.

    Parameters
    ----------
    configs : sequence of DetectorTraining
        At least one.  Data are split by galaxy with ``split.seed``; trainings with the same data
        and seed have the same folds and are compared.  ``test_fraction`` and ``held_out`` are
        ignored.
    output : path
        Folder for ``metrics.json``, ``report.md``, ``report.html`` and ``models/`` with a folder
        per fold.  Finished folds are reused, an interrupted one is resumed.
    folds : int
        Number of folds, at least 2.
    overwrite : bool
        Replace an earlier report in `output`; its trained folds are reused, unless the data have
        changed.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    DetectorCrossValidation

    Raises
    ------
    ConfigError
        If the data cannot be split into so many folds.
    InputError
        If images, annotations or backbone weights cannot be read.
    OutputError
        If the folder contains other files, or folds that were trained with other data, or cannot
        be written.
    MissingExtraError
        If the training packages are not installed.
    """
    require("pycocotools", "train")
    folder, planned = plan_folds("detector", configs, folds, output, overwrite=overwrite)
    train = open_trainer("detector")
    detectors = []
    for one in planned:
        bundles = tuple(read_bundle(path) for _, path in train_folds(train, one, progress))
        detectors.append(ValidatedDetector(one.name, bundles))
    result = DetectorCrossValidation(folds, tuple(detectors), _compare(detectors))
    write_result(folder, result)
    return result


def _compare(detectors: Sequence[ValidatedDetector]) -> tuple[Comparison, ...]:
    """Compare all pairs of detectors by the metrics that all their folds have."""
    comparisons = []
    for first, second in combinations(detectors, 2):
        if first.held_out() != second.held_out():
            logger.warning(
                "%s and %s held out different images: they are not compared",
                first.name,
                second.name,
            )
            continue
        # Means over different classes are not comparable.
        other = first.class_names != second.class_names
        comparisons += [
            compare_folds(
                (first.name, second.name),
                f"{'class-agnostic ' * other}{title} on {kind}",
                (ours, theirs),
                first.test_share(),
            )
            for kind in first.kinds
            if kind in second.kinds
            for measure, title in _MEASURES.items()
            for ours, theirs in [
                (
                    first.values(kind, measure, class_agnostic=other),
                    second.values(kind, measure, class_agnostic=other),
                )
            ]
            if len(ours) == len(theirs) == len(first.bundles)
        ]
    return tuple(comparisons)
