"""Measure classifiers of the ten Galaxy10 classes on images that they were not trained on.

    GALPIPE_DATA=... python benchmarks/galaxy_kinds.py BUNDLE [BUNDLE ...] [--against BUNDLE ...]

Several bundles are the folds of one cross-validation (``folds/models/*/bundle``): each classifies
the images that it held out, and the figures are of all folds together.  On the images that no fold
was trained on, they are means over the folds.  Galaxies are cropped around their annotated boxes
(``gz2``) or their isophotes.

With ``--against``, other bundles are compared with these by McNemar's test, on the galaxies that
neither were trained on.  Where several folds classify a galaxy, their mean decides.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from galpipe.annotations import read_annotated_images
from galpipe.classification.classifier import Classifier, load_classifier
from galpipe.classification.crops import read_crops
from galpipe.datasets.label_tables import (
    read_label_table,
    read_vote_probabilities,
)
from galpipe.datasets.labels import GroundTruth, LabelledImage, Labels, find_ground_truth
from galpipe.evaluation.significance import mcnemar
from galpipe.metrics.classifier_metrics import ClassificationMetrics, evaluate_probabilities

EYE = ("gz1", "kaggle_spiral", "gz_decals", "unlabelled")


def clear_votes(data: Path) -> list[LabelledImage]:
    """Return the galaxies of Galaxy Zoo 2 for one of whose classes more than half have voted."""
    images = read_vote_probabilities(data / "gz2/votes.csv", data / "gz2/images")
    return [image for image in images if image.class_id is not None]


def agreed_readings(data: Path) -> list[LabelledImage]:
    """Return the galaxies whose first two readings by eye name one class."""
    table = data / "eye_labels/labels.csv"
    chosen: list[LabelledImage] = []
    for name in EYE:
        rows = {"set": name, "agree": 1}
        classes = read_label_table(table, data / name / "images", where=rows)
        chosen += classes
    return chosen


def examples(data: Path, name: str, **where: str) -> list[LabelledImage]:
    """Return the images of a set that is never trained on."""
    return read_label_table(data / name / "labels.csv", data / name / "images", where=where)


def held_out_groups(data: Path, bundle: Path) -> list[LabelledImage]:
    """Return the images of Galaxy Zoo 1 that a training held out, labelled with sets of classes."""
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    files = {
        name
        for one in metrics["measurements"]
        if one["images"].startswith("gz1,")
        for name in one["files"]
    }
    return [image for image in examples(data, "gz1") if image.path.name in files]


class Measured:
    """Truth and probabilities of images, gathered over classifiers."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.truth: list[NDArray[np.int64]] = []
        self.given: list[NDArray[np.float32]] = []
        self.names: tuple[str, ...] = ()

    def add(
        self, paths: Sequence[Path], truth: GroundTruth, probabilities: NDArray[np.float32]
    ) -> None:
        """Add images."""
        self.names = truth.names
        self.paths += paths
        self.truth.append(truth.class_ids)
        self.given.append(truth.probabilities(probabilities))

    def extend(self, other: Measured) -> None:
        """Add the images of another measurement."""
        self.names = other.names
        self.paths += other.paths
        self.truth += other.truth
        self.given += other.given

    def metrics(self) -> ClassificationMetrics:
        """Return the metrics of all images together."""
        return evaluate_probabilities(
            np.concatenate(self.truth), np.concatenate(self.given), self.names
        )

    def recall(self) -> NDArray[np.float64]:
        """Return the recall of each class; NaN where there is no galaxy."""
        truth, given = np.concatenate(self.truth), np.concatenate(self.given).argmax(axis=1)
        with np.errstate(invalid="ignore"):
            count = np.bincount(truth, minlength=len(self.names))
            right = np.bincount(truth[truth == given], minlength=len(self.names))
            return np.asarray(right / count, np.float64)

    def is_right(self) -> dict[Path, bool]:
        """Return, by image, whether the mean of its probabilities names the true class."""
        if not self.truth:
            return {}
        truth, sums = {}, defaultdict[Path, float | NDArray[np.float32]](float)
        for path, class_id, given in zip(
            self.paths, np.concatenate(self.truth), np.concatenate(self.given), strict=True
        ):
            truth[path] = class_id
            sums[path] = sums[path] + given
        return {path: np.argmax(given) == truth[path] for path, given in sums.items()}


def add(
    measured: Measured, classifier: Classifier, images: Sequence[LabelledImage], data: Path
) -> None:
    """Classify images and add them to a measurement."""
    if not images:
        return
    names = classifier.class_names
    truth = find_ground_truth(Labels.from_images(images, len(names)), names)
    kept = [image for image, used in zip(images, truth.evaluated, strict=True) if used]
    boxes = dict(read_annotated_images(data / "gz2/annotations", data / "gz2/images"))
    crops = read_crops(
        [image.path for image in kept], classifier.input_size, classifier.crop_margin, boxes
    )
    measured.add([image.path for image in kept], truth, classifier.predict(crops))


def measure(bundles: Sequence[Path], data: Path) -> dict[str, Measured]:
    """Return the measurement of bundles on each set of images."""
    sets = {
        "clear votes (gz2), held out": clear_votes(data),
        "readings that agree (eye), held out": agreed_readings(data),
        "help pictures (gz_examples)": examples(data, "gz_examples"),
        "  decals": examples(data, "gz_examples", survey="decals"),
        "  gama": examples(data, "gz_examples", survey="gama"),
        "  sloan": examples(data, "gz_examples", survey="sloan"),
        "Galaxy10 DECaLS": examples(data, "galaxy10_decals"),
        "Galaxy Zoo 1 in four groups, held out": [],
    }
    measured = {name: Measured() for name in sets}
    for path in bundles:
        classifier = load_classifier(path)
        test = set(classifier.bundle.manifest.data.test)
        for name, images in sets.items():
            if "four groups" in name:
                images = held_out_groups(data, path)
            elif "held out" in name:
                images = [image for image in images if image.path.name in test]
            add(measured[name], classifier, images, data)
    return measured


def print_figures(measured: dict[str, Measured]) -> None:
    """Print accuracy and calibration on each set, and the recall of each class."""
    print(f"{'':38} galaxies  accuracy  balanced  calibration error")
    for name, one in measured.items():
        if not one.truth:
            print(f"{name:38}        -")
            continue
        m = one.metrics()
        count = sum(map(len, one.truth))
        print(
            f"{name:38} {count:8}  {m.accuracy:8.3f}  {np.nanmean(one.recall()):8.3f}  "
            f"{m.calibration_error:8.3f}"
        )
    three = Measured()
    for name in (
        "readings that agree (eye), held out",
        "help pictures (gz_examples)",
        "Galaxy10 DECaLS",
    ):
        three.extend(measured[name])
    print("recall by class: clear votes, readings, help pictures, Galaxy10 DECaLS, last three")
    shown = [*list(measured.values())[:3], measured["Galaxy10 DECaLS"], three]
    columns = [one.recall() for one in shown if one.truth]
    for index, name in enumerate(three.names):
        print(f"{name:30}" + "".join(f"{column[index]:8.2f}" for column in columns))


def print_comparison(measured: dict[str, Measured], others: dict[str, Measured]) -> None:
    """Print McNemar's test of two measurements on each set."""
    print(f"{'galaxies that neither was trained on':38} galaxies  first  second       p")
    for name, one in measured.items():
        first, second = one.is_right(), others[name].is_right()
        both = sorted(first.keys() & second.keys())
        if not both:
            continue
        pairs = np.array([(first[path], second[path]) for path in both])
        p = mcnemar(*pairs.T).p
        shares = "".join(f"{share:7.3f}" for share in pairs.mean(axis=0))
        print(f"{name:38} {len(both):8}{shares}  {'-' if p is None else f'{p:.2g}':>7}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--against", nargs="+", type=Path, metavar="BUNDLE", default=[])
    options = parser.parse_args()
    data = Path(os.environ["GALPIPE_DATA"])
    measured = measure(options.bundles, data)
    print_figures(measured)
    if options.against:
        print_comparison(measured, measure(options.against, data))


if __name__ == "__main__":
    main()
