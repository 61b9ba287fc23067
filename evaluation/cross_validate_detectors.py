"""Train detectors fold by fold, and say what they reach and whether one is better."""

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
from ..files.names import distinct_names
from ..files.report import Block, Heading, Report, Table
from ..metrics.records import DetectorFigures, read_detector_record
from ..models import Bundle, read_bundle
from ..models.training_folder import open_trainer, train_once
from .folds import mean_and_deviation, of_fold, open_folder, write_result
from .significance import Comparison, compare_folds

__all__ = ["CrossValidation", "ValidatedDetector", "cross_validate_detectors"]

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
    """One training, done on every fold.

    Attributes
    ----------
    name : str
        No two are named alike.
    bundles : tuple of Bundle
        The detector of each fold; its metrics are those of the images that the fold holds back.
    """

    name: str
    bundles: tuple[Bundle, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """The kinds of images, such as ``cutouts``, that every fold was measured on."""
        first, *others = self._figures
        return tuple(role for role in first if all(role in figures for figures in others))

    def values(self, role: str, measure: str) -> list[float]:
        """Return a figure of every fold that has it."""
        values = [getattr(one[role], measure) for one in self._figures]
        return [value for value in values if value is not None]

    @cached_property
    def _figures(self) -> list[dict[str, DetectorFigures]]:
        return [read_detector_record(bundle).held_out for bundle in self.bundles]

    def held_back(self) -> list[list[list[str]]]:
        """Return for each fold the names of the images held back, by source."""
        return [
            [list(source.split.test) for source in bundle.manifest.data.sources]
            for bundle in self.bundles
        ]

    def test_share(self) -> float:
        """Return the share of the images tested on among those trained and tested on."""
        splits = [
            source.split for bundle in self.bundles for source in bundle.manifest.data.sources
        ]
        tested = sum(len(split.test) for split in splits)
        trained = sum(len(split.train) for split in splits)
        return tested / (tested + trained)


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What was measured.

    Attributes
    ----------
    folds : int
    detectors : tuple of ValidatedDetector
    comparisons : tuple of Comparison
        Of every two detectors that held the same images back.
    """

    folds: int
    detectors: tuple[ValidatedDetector, ...]
    comparisons: tuple[Comparison, ...]

    def report(self) -> Report:
        """Return the tables and what they allow to say."""
        names = ", ".join(one.name for one in self.detectors)
        blocks: list[Block] = [
            f"{self.folds} folds, divided by galaxy: every image is measured on once, by a "
            "detector that saw no image of its galaxy. Mean ± standard deviation over the folds."
        ]
        for role in dict.fromkeys(role for one in self.detectors for role in one.roles):
            having = [one for one in self.detectors if role in one.roles]
            rows = [
                [title, *(_spread(one.values(role, measure)) for one in having)]
                for measure, title in _MEASURES.items()
            ]
            blocks += [Heading(role), Table(["measure", *(one.name for one in having)], rows)]
        if len(self.detectors) > 1:
            blocks.append(Heading("Is one better?"))
            blocks += [one.sentence for one in self.comparisons] or [
                "The trainings held different images back, so their folds cannot be compared."
            ]
        return Report(f"Cross-validation: {names}", blocks)

    def to_json(self) -> dict[str, Any]:
        """Return the figures of every fold, their means and deviations, and the comparisons."""
        return {
            "folds": self.folds,
            "detectors": [
                {
                    "name": one.name,
                    "bundles": [str(bundle.path) for bundle in one.bundles],
                    "training": one.bundles[0].manifest.training,
                    "measured": [bundle.metrics() for bundle in one.bundles],
                    "summary": {
                        role: {
                            measure: _summary(one.values(role, measure)) for measure in _MEASURES
                        }
                        for role in one.roles
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
) -> CrossValidation:
    """Train every configuration on all folds but one, in turn, and measure it on that one.

    Parameters
    ----------
    configs : sequence of DetectorTraining
        At least one.  Their data are divided by galaxy and by ``split.seed``; trainings with the
        same data and seed have the same folds and are compared.  ``test_fraction`` and
        ``held_back`` are not used.
    output : path
        Folder for ``metrics.json``, ``report.md``, ``report.html`` and ``models/``, where each fold
        has a folder of its own: finished folds are taken as they are, an interrupted one goes on.
    folds : int
        Number of folds, at least 2.
    overwrite : bool
        Replace an earlier report in `output`; its trained folds are kept and used.

    Returns
    -------
    CrossValidation
        What was measured.

    Raises
    ------
    ConfigError
        If the data cannot be divided so.
    InputError
        If images, annotations or backbone weights cannot be read.
    OutputError
        If the folder is refused or cannot be written.
    MissingExtraError
        If the packages of training are not installed.
    """
    require("pycocotools", "train")
    train = open_trainer("detector")
    folder = open_folder(output, overwrite=overwrite)
    names = distinct_names(config.name for config in configs)
    detectors = []
    for name, config in zip(names, configs, strict=True):
        bundles = []
        for fold in range(folds):
            logger.info("%s: fold %d of %d", name, fold + 1, folds)
            place = train_once(train, of_fold(config, folds, fold), folder.path / "models")
            bundles.append(read_bundle(place))
        detectors.append(ValidatedDetector(name, tuple(bundles)))
    result = CrossValidation(folds, tuple(detectors), _compare(detectors))
    write_result(folder, result)
    return result


def _compare(detectors: Sequence[ValidatedDetector]) -> tuple[Comparison, ...]:
    """Compare every two detectors on what both were measured on."""
    comparisons = []
    for first, second in combinations(detectors, 2):
        if first.held_back() != second.held_back():
            logger.warning(
                "%s and %s held different images back: they are not compared",
                first.name,
                second.name,
            )
            continue
        comparisons += [
            compare_folds(
                (first.name, second.name),
                f"{title} on {role}",
                (ours, theirs),
                first.test_share(),
            )
            for role in first.roles
            if role in second.roles
            for measure, title in _MEASURES.items()
            for ours, theirs in [(first.values(role, measure), second.values(role, measure))]
            # Only what every fold of both has can be paired.
            if len(ours) == len(theirs) == len(first.bundles)
        ]
    return tuple(comparisons)


def _summary(values: Sequence[float]) -> dict[str, float] | None:
    known = mean_and_deviation(values)
    return known and {"mean": round(known[0], 4), "deviation": round(known[1], 4)}


def _spread(values: Sequence[float]) -> str:
    summary = _summary(values)
    return "-" if summary is None else f"{summary['mean']:.3f} ± {summary['deviation']:.3f}"
