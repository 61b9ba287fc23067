"""Measure the search of fields with broad stars.

    python benchmarks/broad_stars.py [--fields 8] [--side 700]

Simulates the same fields with point spread functions of several widths and prints, for each width:
the width measured, the sampling of the search, the share of the galaxies that are found (IoU 0.5
with their box at that width), and per field the boxes on stars, all and those scored above 0.9;
then the same figures without the measures for broad stars.  The galaxies are the same at all
widths: those of 20 pixels and more at the width of the simulation's default (3.3 pixels) whose box
is certain at every width, so that blur alone hides none of them.  Other boxes, mostly on faint
background galaxies that are in no list, are not counted.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from galpipe.detection.load import load_detector
from galpipe.detection.predict import detect_field, detect_prepared
from galpipe.imaging import Detections, iou, prepare_field
from galpipe.simulation import SimulatedField, TrueGalaxy, simulate_field

WIDTHS = (2.0, 3.3, 4.0, 5.0, 6.0, 7.5, 9.0, 12.0)
SHARP = 3.3
SIZES = (20, 26, 35, 1000)
SURE = 0.9

Key = tuple[float, float]


def listed_galaxies(simulated: dict[float, SimulatedField]) -> dict[Key, int]:
    """Return the galaxies that show at every width, by place, with their class of size."""
    certain = [
        {place(galaxy) for galaxy in field.galaxies if not galaxy.box.difficult}
        for field in simulated.values()
    ]
    listed = {}
    for galaxy in simulated[SHARP].galaxies:
        side = max(galaxy.box.width, galaxy.box.height)
        if side >= SIZES[0] and all(place(galaxy) in seen for seen in certain):
            listed[place(galaxy)] = int(np.searchsorted(SIZES, side, side="right")) - 1
    return listed


def place(galaxy: TrueGalaxy) -> Key:
    return galaxy.x, galaxy.y


def figures(
    found: Detections, simulated: SimulatedField, listed: dict[Key, int]
) -> NDArray[np.int64]:
    """Return the galaxies found of each class of size, and the boxes on stars, all and sure."""
    truth = np.array([galaxy.box.edges for galaxy in simulated.galaxies], dtype=float)
    overlap = iou(found.boxes, truth.reshape(-1, 4))
    hits = np.zeros(len(SIZES) - 1, dtype=np.int64)
    for galaxy, best in zip(simulated.galaxies, overlap.max(axis=0, initial=0), strict=True):
        if place(galaxy) in listed:
            hits[listed[place(galaxy)]] += best >= 0.5
    stars = np.array([(star.x, star.y) for star in simulated.stars]).reshape(-1, 2)
    low, high = found.boxes[:, np.newaxis, :2], found.boxes[:, np.newaxis, 2:]
    offsets, sides = np.abs((low + high) / 2 - stars), high - low
    on_star = (offsets < sides / 4).all(axis=2).any(axis=1)
    on_star &= overlap.max(axis=1, initial=0) < 0.3
    return np.array([*hits, on_star.sum(), (on_star & (found.scores > SURE)).sum()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=8)
    parser.add_argument("--side", type=int, default=700)
    arguments = parser.parse_args()
    detector = load_detector()
    totals = np.zeros((len(WIDTHS), 2, len(SIZES) + 1), dtype=np.int64)
    measured = np.full((len(WIDTHS), arguments.fields, 2), np.nan)
    galaxies = np.zeros(len(SIZES) - 1, dtype=np.int64)
    for index in range(arguments.fields):
        simulated = {
            fwhm: simulate_field(
                7, index=index, width=arguments.side, height=arguments.side, galaxies=14, fwhm=fwhm
            )
            for fwhm in WIDTHS
        }
        listed = listed_galaxies(simulated)
        galaxies += np.bincount(list(listed.values()), minlength=len(galaxies))
        for row, field in enumerate(simulated.values()):
            prepared = prepare_field(field.field, detector.stretch, detector.psf_range)
            fwhm = np.nan if prepared.psf is None else prepared.psf.fwhm
            measured[row, index] = fwhm, prepared.sampling
            totals[row, 0] += figures(detect_prepared(prepared, detector), field, listed)
            totals[row, 1] += figures(detect_field(prepared.rgb, detector), field, listed)
        print(f"field {index + 1} of {arguments.fields}: {len(listed)} galaxies", flush=True)
    names = [f"{low} px+ (of {count})" for low, count in zip(SIZES, galaxies, strict=False)]
    print(f"FWHM  measured  sampling | all   {'  '.join(names)}  on stars  sure | without ...")
    for row, fwhm in enumerate(WIDTHS):
        columns = []
        for counts in totals[row]:
            hits, (stars, sure) = counts[:-2], counts[-2:] / arguments.fields
            shares = "  ".join(f"{share:5.3f}" for share in hits / np.maximum(galaxies, 1))
            columns.append(
                f"{hits.sum() / galaxies.sum():5.3f}  {shares}  {stars:5.1f} {sure:5.1f}"
            )
        width, sampling = np.nanmean(measured[row], axis=0)
        print(f"{fwhm:4.1f} {width:9.2f} {sampling:9.2f} | " + " | ".join(columns))


if __name__ == "__main__":
    main()
