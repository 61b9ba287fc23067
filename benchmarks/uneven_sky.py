"""Measure how a sky that is not flat changes what is found on simulated fields.

    python benchmarks/uneven_sky.py [--fields N] [--skies NAME ...]

Adds gradients, steps between amplifiers, vignetting and fringes to the same simulated fields, and
prints the completeness and the number of false boxes for each.  Heights are in units of the noise
of a pixel.  A galaxy counts as found if a box has an IoU of 0.4 with its own; difficult ones, and
those under 16 pixels, do not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

import galpipe
from galpipe.imaging import iou, longer_sides
from galpipe.simulation.simulate import simulate_field
from galpipe.simulation.truth import SimulatedField

WIDTH, HEIGHT, GALAXIES = 1000, 800, 14
SKY = 1000.0  # of the noise, which vignetting darkens
SMALLEST = 16.0
SAME = 0.4

Sky = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


def gradient(height: float) -> Sky:
    """Return a sky that rises along a diagonal."""
    return lambda x, y: height * (0.8 * x + 0.6 * y) / 1.4


def steps(height: float, amplifiers: int) -> Sky:
    """Return a sky that jumps between two or four amplifiers, off the middle."""

    def sky(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        jumps = height * (x > 0.53)
        return jumps if amplifiers == 2 else jumps + height * 0.7 * ((y > 0.47) & (x <= 0.53))

    return sky


def vignetting(share: float) -> Sky:
    """Return a sky that darkens towards the corners."""
    return lambda x, y: -SKY * share * 0.02 * ((x - 0.5) ** 2 + (y - 0.5) ** 2) * 2


def fringes(height: float) -> Sky:
    """Return a sky of waves that are about 120 pixels long."""
    return lambda x, y: height / 2 * np.sin(8 * 2 * np.pi * (x + 0.3 * y**2))


SKIES: dict[str, Sky] = {
    "flat": gradient(0),
    **{f"gradient {height}": gradient(height) for height in (5, 10, 20)},
    **{f"2 amplifiers, step {height}": steps(height, 2) for height in (1, 3, 5)},
    **{f"4 amplifiers, step {height}": steps(height, 4) for height in (1, 3, 5)},
    "vignetting 35 %": vignetting(0.35),
    "vignetting and gradient 10": lambda x, y: vignetting(0.35)(x, y) + gradient(10)(x, y),
    "fringes 2": fringes(2),
}


def found(simulated: SimulatedField, sky: Sky) -> tuple[int, int, int]:
    """Return the number of galaxies, of those found, and of false boxes."""
    field = simulated.field
    y, x = np.indices(field.bad.shape) / np.array(field.bad.shape)[:, None, None]
    middle = np.median(field.pixels, axis=(0, 1))
    noise = 1.4826 * np.median(np.abs(field.pixels - middle), axis=(0, 1))
    pixels = (field.pixels + sky(x, y)[..., None] * noise).astype(np.float32)
    models = galpipe.FieldModels(classifier=None)
    settings = galpipe.FieldSettings(overlay=False, crops=None)
    rows = galpipe.process_field(replace(field, pixels=pixels), models, settings).rows
    boxes = np.column_stack([rows[name] for name in ("xmin", "ymin", "xmax", "ymax")])
    truth = simulated.annotated
    counted = ~truth.difficult & (longer_sides(truth.boxes) >= SMALLEST)
    overlaps = iou(boxes, truth.boxes)
    right = (overlaps > SAME).any(axis=0) & counted
    false = ~(overlaps > 0.1).any(axis=1)
    return int(counted.sum()), int(right.sum()), int(false.sum())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fields", type=int, default=4, help="number of simulated fields")
    parser.add_argument("--skies", nargs="*", choices=SKIES, default=list(SKIES))
    arguments = parser.parse_args()
    fields = [
        simulate_field(seed, width=WIDTH, height=HEIGHT, galaxies=GALAXIES)
        for seed in range(arguments.fields)
    ]
    print("| sky | galaxies | found | completeness | false boxes |")
    print("|---|---|---|---|---|")
    for name in arguments.skies:
        galaxies, right, false = np.sum([found(field, SKIES[name]) for field in fields], axis=0)
        print(f"| {name} | {galaxies} | {right} | {right / galaxies:.1%} | {false} |", flush=True)


if __name__ == "__main__":
    main()
