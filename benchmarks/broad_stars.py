"""Measure the search of fields with broad stars.

    python benchmarks/broad_stars.py [--fields 3] [--side 700]

Simulates the same fields with point spread functions of several widths and prints, for each width:
the width measured, the sampling of the search, the completeness of the galaxies of 20 pixels and
more (IoU 0.5 with their box), and the false boxes per field, all and those scored above 0.9; then
the same figures for the field searched at its own sampling.
"""

from __future__ import annotations

import argparse

import numpy as np

from galpipe.detection.load import load_detector
from galpipe.detection.predict import detect_field, detect_prepared
from galpipe.imaging import Detections, iou, longer_sides, prepare_field
from galpipe.simulation import SimulatedField, simulate_field

WIDTHS = (1.0, 1.3, 2.0, 3.3, 4.0, 5.0, 6.0, 7.5, 9.0, 12.0)
SMALLEST = 20.0
SURE = 0.9


def figures(found: Detections, simulated: SimulatedField) -> tuple[int, int, int, int]:
    """Return the numbers of galaxies, of those found, and of false boxes, all and sure."""
    truth = np.array([galaxy.box.edges for galaxy in simulated.galaxies])
    overlap = iou(found.boxes, truth)
    large = longer_sides(truth) >= SMALLEST
    false = overlap.max(axis=1, initial=0) < 0.3
    hit = overlap.max(axis=0, initial=0) >= 0.5
    sure = false & (found.scores > SURE)
    return int(large.sum()), int((hit & large).sum()), int(false.sum()), int(sure.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=3)
    parser.add_argument("--side", type=int, default=700)
    arguments = parser.parse_args()
    detector = load_detector()
    print("FWHM  measured  sampling | found  false  sure | as it is: found  false  sure")
    for fwhm in WIDTHS:
        widths, samplings, adapted, plain = [], [], [], []
        for index in range(arguments.fields):
            simulated = simulate_field(
                1, index=index, width=arguments.side, height=arguments.side, fwhm=fwhm
            )
            prepared = prepare_field(simulated.field, detector.stretch, detector.psf_range)
            widths.append(np.nan if prepared.psf is None else prepared.psf.fwhm)
            samplings.append(prepared.sampling)
            adapted.append(figures(detect_prepared(prepared, detector), simulated))
            plain.append(figures(detect_field(prepared.rgb, detector), simulated))
        columns = []
        for counts in (adapted, plain):
            galaxies, found, false, sure = np.sum(counts, axis=0)
            columns.append(
                f"{found / galaxies:5.3f} {false / arguments.fields:6.1f} "
                f"{sure / arguments.fields:5.1f}"
            )
        print(
            f"{fwhm:4.1f} {np.nanmean(widths):9.2f} {np.mean(samplings):9.2f} | "
            + " | ".join(columns),
            flush=True,
        )


if __name__ == "__main__":
    main()
