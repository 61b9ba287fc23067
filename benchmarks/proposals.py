"""Measure the classical proposals of ``galpipe annotations propose`` on annotated images.

    GALPIPE_DATA=... python benchmarks/proposals.py [--fit]

Prints recall and precision at IoU 0.5 on ``gz2`` (cutouts of one galaxy each) and ``fields``
(survey frames), with the COCO rules; annotations marked difficult are ignored.  The weights that
separate galaxies from stars are cross-validated: each image is measured with weights fitted to the
other four fifths of the images.  ``--fit`` prints the weights fitted to all images, for
``annotations/classical_detection.py``.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from galpipe.annotations import AnnotatedImage, read_annotated_images
from galpipe.annotations.classical_detection import (
    Isophotes,
    find_isophotes,
    galaxy_probability,
    products,
)
from galpipe.annotations.propose import CERTAIN, DOUBTFUL, SMALLEST, THRESHOLD
from galpipe.files.report import format_number
from galpipe.imaging import Detections, iou, longer_sides, read_field, to_rgb
from galpipe.metrics.detector_metrics import evaluate_detections

SETS = {"gz2": "images", "fields": "jpeg"}
FOLDS = 5
# Sources slightly smaller than the smallest proposal are fitted too.
FITTED_FROM = 14.0
RIDGE = 0.01


@dataclass(frozen=True)
class Scene:
    """An image: its annotations and the detected sources."""

    data_set: str
    truth: AnnotatedImage
    sources: Isophotes
    seconds: float

    @property
    def longer(self) -> NDArray[np.float64]:
        return longer_sides(self.sources.boxes)


def find_scenes(data: Path) -> list[Scene]:
    scenes = []
    for name, images in SETS.items():
        for path, truth in read_annotated_images(data / name / "annotations", data / name / images):
            rgb = to_rgb(read_field(path))
            start = process_time()
            sources = find_isophotes(rgb, THRESHOLD)
            scenes.append(Scene(name, truth, sources, process_time() - start))
    return scenes


def known(scene: Scene) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return masks of the sources that are galaxies, and of those with a known class."""
    boxes, truth, difficult = scene.sources.boxes, scene.truth.boxes, scene.truth.difficult
    galaxy = iou(boxes, truth[~difficult]).max(axis=1, initial=0) >= 0.5
    low = np.maximum(boxes[:, None, :2], truth[None, difficult, :2])
    high = np.minimum(boxes[:, None, 2:], truth[None, difficult, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2) / (boxes[:, 2:] - boxes[:, :2]).prod(
        axis=1, keepdims=True
    )
    doubtful = shared.max(axis=1, initial=0) >= 0.5
    return galaxy, (galaxy | ~doubtful) & (scene.longer >= FITTED_FROM)


def fit(scenes: list[Scene]) -> NDArray[np.float64]:
    """Return the weights of a ridge logistic regression, with equal weight for both data sets."""
    rows, truth, weights = [], [], []
    sizes = {name: sum(known(s)[1].sum() for s in scenes if s.data_set == name) for name in SETS}
    for scene in scenes:
        galaxy, use = known(scene)
        rows.append(scene.sources.shapes[use])
        truth.append(galaxy[use])
        weights.append(np.full(use.sum(), sum(sizes.values()) / 2 / sizes[scene.data_set]))
    x, y, w = products(np.concatenate(rows)), np.concatenate(truth), np.concatenate(weights)
    spread = np.maximum(x.std(axis=0), 1e-9)
    spread[0] = 1
    x = x / spread
    model = LogisticRegression(
        C=1 / RIDGE, fit_intercept=False, solver="newton-cholesky", tol=1e-9, max_iter=100
    )
    coefficients: NDArray[np.float64] = model.fit(x, y, sample_weight=w).coef_[0]
    return coefficients / spread


def cross_validate(scenes: list[Scene]) -> list[NDArray[np.float64]]:
    """Return the cross-validated probability of each source of each scene."""
    probabilities: list[NDArray[np.float64]] = [np.zeros(0)] * len(scenes)
    for fold in range(FOLDS):
        weights = fit([scene for n, scene in enumerate(scenes) if n % FOLDS != fold])
        for n in range(fold, len(scenes), FOLDS):
            probabilities[n] = galaxy_probability(scenes[n].sources.shapes, tuple(weights))
    return probabilities


def print_table(scenes: list[Scene], probabilities: list[NDArray[np.float64]]) -> None:
    print("| images | galaxies | proposals | recall | precision | seconds per image |")
    print("|---|---|---|---|---|---|")
    for name in SETS:
        chosen = [n for n, scene in enumerate(scenes) if scene.data_set == name]
        truth = [scenes[n].truth for n in chosen]
        found = []
        for n in chosen:
            kept = (scenes[n].longer >= SMALLEST) & (probabilities[n] >= DOUBTFUL)
            found.append(Detections(scenes[n].sources.boxes[kept], probabilities[n][kept]))
        metrics = evaluate_detections(truth, found)
        seconds = np.median([scenes[n].seconds for n in chosen])
        for title, score in (("certain", CERTAIN), ("with difficult", DOUBTFUL)):
            precision, recall = metrics.curve.at(score)
            print(
                f"| {len(chosen)} of {name} | {metrics.galaxies} | {title} | {recall:.3f} | "
                f"{format_number(precision)} | {seconds:.2f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fit", action="store_true", help="print the weights fitted to all images")
    arguments = parser.parse_args()
    scenes = find_scenes(Path(os.environ["GALPIPE_DATA"]))
    if arguments.fit:
        print(", ".join(f"{weight:.5g}" for weight in fit(scenes)))
    print_table(scenes, cross_validate(scenes))


if __name__ == "__main__":
    main()
