from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}


def picture(colour: str, seed: int, size: int = 48) -> np.ndarray:
    """A round blob of a colour at the centre, among dots that differ from picture to picture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    blob = np.exp(-(x**2 + y**2) / (2 * (size / 10) ** 2))
    image = 10 + blob[..., None] * np.array(COLOURS[colour])
    for px, py in rng.integers(0, size, (25, 2)):
        image[py, px] = rng.integers(120, 220)
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def labelled_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a folder of pictures, ``count`` of each colour, with ``labels.csv``."""

    def make(count: int, first_seed: int = 0) -> Path:
        folder = tmp_path_factory.mktemp("labelled")
        rows = ["filename,label"]
        for number in range(count):
            for place, colour in enumerate(COLOURS):
                seed = first_seed + 3 * number + place
                name = f"{colour}_{seed}.png"
                cv2.imwrite(str(folder / name), picture(colour, seed)[:, :, ::-1])
                rows.append(f"{name},{colour}")
        (folder / "labels.csv").write_text("\n".join(rows) + "\n")
        return folder

    return make
