"""Count galaxies boxed twice, and neighbours merged.

    GALPIPE_DATA=... python benchmarks/duplicates.py [--images 200]

Every image is searched once; the first figures of each pair are before the duplicates are dropped
(`galpipe.detection.duplicates`), the second after.  *Nested*: galaxies with a box that lies to 70 %
in a better one and whose centre is within a quarter of the larger side of the larger box's centre.
*Overlapping*: pairs of boxes that share half of the smaller one, duplicates as well as real
neighbours.  *Neighbours lost*: annotated galaxies of ``gz2`` whose box was dropped.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from galpipe.annotations import read_voc
from galpipe.detection.duplicates import drop_duplicates
from galpipe.detection.load import load_detector
from galpipe.detection.predict import refine_detections, search_field
from galpipe.imaging import Detections, area, iou, longer_sides, read_field, to_rgb
from galpipe.imaging.background import smoothed_grey
from galpipe.imaging.boxes import intersection
from galpipe.simulation import simulate_field

FOLDERS = {
    "gz2": "gz2/images",
    "gz_decals": "gz_decals/images",
    "galaxy10_decals": "galaxy10_decals",
    "unlabelled": "unlabelled",
}
SIMULATED = 6


def pictures(data: Path, folder: str, limit: int) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Yield images of a folder, evenly chosen; of ``gz2`` those the detector did not learn."""
    detector = load_detector()
    paths = sorted(p for p in (data / folder).rglob("*") if p.suffix in (".jpg", ".png"))
    if folder.startswith("gz2"):
        held_out = {
            name for source in detector.bundle.manifest.data.sources for name in source.split.test
        }
        paths = [path for path in paths if path.name in held_out]
    for path in paths[:: max(1, len(paths) // limit)]:
        yield path, to_rgb(read_field(path), detector.stretch)


def search(rgb: NDArray[np.uint8]) -> Detections:
    """Return the detections over the threshold, duplicates included."""
    detector = load_detector()
    found = search_field(rgb, detector, detector.lowest_score)
    if detector.refinement is not None:
        found = refine_detections(smoothed_grey(rgb), found, detector.refinement)
    return found.select(found.scores >= detector.score_threshold)


def nested_and_overlapping(found: Detections) -> tuple[int, int]:
    """Return the number of galaxies boxed twice, and of overlapping pairs."""
    boxes, areas, sides = found.boxes, area(found.boxes), longer_sides(found.boxes)
    inside = intersection(boxes, boxes) / np.minimum(areas[:, None], areas)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    distances = np.linalg.norm(centres[:, None] - centres, axis=2)
    near = distances < 0.25 * np.maximum(sides[:, None], sides)
    pairs = np.triu(inside, 1)
    return int(((pairs > 0.7) & near).any(axis=1).sum()), int((pairs > 0.5).sum())


def found_among(boxes: NDArray[np.float64], found: Detections) -> int:
    return int((iou(boxes, found.boxes) > 0.5).any(axis=1).sum())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=500, help="most images of a folder")
    limit = parser.parse_args().images
    data = Path(os.environ["GALPIPE_DATA"])
    print("| images | boxes | nested | overlapping | neighbours lost |")
    print("|---|---|---|---|---|")
    for name in (*FOLDERS, "simulated"):
        images = lost = annotated = 0
        counts = np.zeros((2, 3), int)
        if name == "simulated":
            made = (simulate_field(seed, width=640, height=640) for seed in range(SIMULATED))
            scenes = ((Path(), to_rgb(field.field, load_detector().stretch)) for field in made)
        else:
            scenes = pictures(data, FOLDERS[name], limit)
        for path, rgb in scenes:
            before = search(rgb)
            after = drop_duplicates(smoothed_grey(rgb), before)
            images += 1
            counts += [(len(d), *nested_and_overlapping(d)) for d in (before, after)]
            if name == "gz2":
                truth = read_voc(data / "gz2" / "annotations" / f"{path.stem}.xml")
                galaxies = truth.boxes[~truth.difficult]
                annotated += len(galaxies)
                lost += found_among(galaxies, before) - found_among(galaxies, after)
        cells = [f"{old} -> {new}" for old, new in counts.T]
        cells.append(f"{lost} of {annotated}" if annotated else "-")
        print(f"| {images} of {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
