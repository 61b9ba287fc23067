"""Measure how many galaxies at the centre of a cutout are found.

    GALPIPE_DATA=... python benchmarks/central_galaxies.py [--images 500] [--thresholds 0.25 0.1]

*About the centre*: a box contains the centre of the cutout.  *Found*: the middle of one of these is
within a quarter of its longer side of the centre, and that side is between 0.4 and 2.5 times that
of the isophote of the central object (`galpipe.classification.crops.central_box`, on the picture
without its glare).  The isophote often holds a star or a neighbour too, so that an IoU would ask
for the wrong box.  Where it is no measure of the galaxy at all (under 12 pixels, over 0.6 of the
cutout, or itself off centre by a quarter of its side), the size does not count.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from galpipe.classification.crops import central_box
from galpipe.detection.load import load_detector
from galpipe.detection.predict import detect_prepared
from galpipe.imaging import Detections, longer_sides, prepare_field, read_field

GROUPS = {
    "Galaxy10 DECaLS": "galaxy10_decals/images/*",
    "help pictures": "gz_examples/images/*",
    "SDSS, beside artefacts": "unlabelled/images/nongalaxy_*",
    "SDSS, ordinary": "unlabelled/images/galaxy_*",
}
SMALLEST, LARGEST, OFF_CENTRE = 12, 0.6, 0.25
SAME_SIZE = 0.4, 2.5


def is_credible(isophote: NDArray[np.float64], width: int, height: int) -> bool:
    """Return whether the isophote at the centre is that of a galaxy there."""
    side = float((isophote[2:] - isophote[:2]).max())
    offset = np.abs(isophote[:2] + isophote[2:] - (width, height)).max() / 2
    return bool(SMALLEST <= side < LARGEST * min(width, height) and offset < OFF_CENTRE * side)


def central(rgb: NDArray[np.uint8], found: Detections) -> tuple[bool, bool]:
    """Return whether a box is about the centre, and whether it is that of the galaxy there."""
    height, width = rgb.shape[:2]
    middle = np.array([width, height]) / 2
    about = ((found.boxes[:, :2] <= middle) & (found.boxes[:, 2:] >= middle)).all(axis=1)
    boxes = found.boxes[about]
    sides = longer_sides(boxes)
    offsets = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).max(axis=1, initial=0)
    right = offsets <= OFF_CENTRE * sides
    isophote = central_box(rgb)
    if is_credible(isophote, width, height):
        sizes = sides / longer_sides(isophote[np.newaxis])
        right &= (sizes >= SAME_SIZE[0]) & (sizes <= SAME_SIZE[1])
    return len(boxes) > 0, bool(right.any())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=10_000, help="most images of a group")
    parser.add_argument("--thresholds", type=float, nargs="*", help="by default the detector's")
    arguments = parser.parse_args()
    detector = load_detector()
    thresholds = arguments.thresholds or [detector.score_threshold]
    print("| cutouts | number | threshold | about the centre | found | boxes per cutout |")
    print("|---|---|---|---|---|---|")
    for name, pattern in GROUPS.items():
        paths = sorted(Path(os.environ["GALPIPE_DATA"]).glob(pattern))
        paths = paths[:: max(1, -(-len(paths) // arguments.images))]
        counts = np.zeros((len(thresholds), 3))
        for path in paths:
            prepared = prepare_field(read_field(path), detector.stretch, detector.psf_range)
            found = detect_prepared(prepared, detector, min(thresholds))
            for row, threshold in enumerate(thresholds):
                kept = found.select(found.scores >= threshold)
                counts[row] += (*central(prepared.searched, kept), len(kept))
        for threshold, rates in zip(thresholds, counts / len(paths), strict=True):
            cells = " | ".join(f"{rate:.3f}" for rate in rates)
            print(f"| {name} | {len(paths)} | {threshold} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
