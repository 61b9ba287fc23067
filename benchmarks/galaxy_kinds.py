"""Measure classifiers of the ten Galaxy10 classes on images that they were not trained on.

    GALPIPE_DATA=... python benchmarks/galaxy_kinds.py BUNDLE [BUNDLE ...] [--members]

Several bundles are the folds of one cross-validation (``folds/models/*/bundle``): each classifies
the images that it held out, and the figures are of all folds together.  On the images that no fold
was trained on, they are means over the folds.  Galaxies are cropped around their annotated boxes
(``gz2``) or their isophotes.
"""

from __future__ import annotations

import argparse
import json
import os
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
        self.truth: list[NDArray[np.int64]] = []
        self.given: list[NDArray[np.float32]] = []
        self.names: tuple[str, ...] = ()

    def add(self, truth: GroundTruth, probabilities: NDArray[np.float32]) -> None:
        """Add images."""
        self.names = truth.names
        self.truth.append(truth.class_ids)
        self.given.append(truth.probabilities(probabilities))

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
    measured.add(truth, classifier.predict(crops))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundles", nargs="+", type=Path)
    bundles = parser.parse_args().bundles
    data = Path(os.environ["GALPIPE_DATA"])
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
    for name in ("readings that agree (eye), held out", "help pictures (gz_examples)"):
        three.names = measured[name].names
        three.truth += measured[name].truth
        three.given += measured[name].given
    three.truth += measured["Galaxy10 DECaLS"].truth
    three.given += measured["Galaxy10 DECaLS"].given
    print("recall by class: clear votes, readings, help pictures, Galaxy10 DECaLS, last three")
    shown = [*list(measured.values())[:3], measured["Galaxy10 DECaLS"], three]
    columns = [one.recall() for one in shown if one.truth]
    for index, name in enumerate(three.names):
        print(f"{name:30}" + "".join(f"{column[index]:8.2f}" for column in columns))


if __name__ == "__main__":
    main()
