"""Small files in the layouts of Galaxy10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def decals_columns(count: int) -> dict[str, np.ndarray]:
    """The columns of Galaxy10 DECaLS: all ten classes in turn, 0.01 degrees apart."""
    return {
        "images": _images(count, 256),
        "ans": (np.arange(count) % 10).astype(np.uint8),
        "ra": 150 + 0.01 * np.arange(count),
        "dec": np.full(count, 2.0),
        "redshift": np.full(count, 0.05),
        "pxscale": np.full(count, 0.262),
    }


def sdss_columns(count: int) -> dict[str, np.ndarray]:
    """The columns of Galaxy10 SDSS."""
    return {"images": _images(count, 69), "ans": (np.arange(count) % 10).astype(np.uint8)}


def write_galaxy10(path: Path, columns: dict[str, np.ndarray], **layout: Any) -> Path:
    """Write columns as HDF5; the layout is that of the images."""
    # Imported here because modules with a test of these files run without the train extra too.
    import h5py

    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            file.create_dataset(name, data=values, **(layout if name == "images" else {}))
    return path


def _images(count: int, side: int) -> np.ndarray:
    """An elliptical in each picture, among stars that tell it from the others."""
    y, x = np.mgrid[:side, :side] / side
    images = np.empty((count, side, side, 3))
    for seed, image in enumerate(images):
        random = np.random.default_rng(seed)
        light = 200 * np.exp(-np.hypot(x - 0.5, y - 0.5) / 0.06)
        for x0, y0, peak in random.uniform((0.1, 0.1, 60), (0.9, 0.9, 200), (12, 3)):
            light += peak * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * 0.015**2))
        image[:] = (light + random.normal(8, 2, light.shape))[..., None] * (1, 0.9, 0.8)
    return np.clip(images, 0, 255).astype(np.uint8)
