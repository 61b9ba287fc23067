"""Small annotated images: soft galaxies of known place on a noisy sky, and hard stars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.detection.views import LabelledImage, TrainingTile
from galpipe.imaging import write_png


@pytest.fixture
def labelled() -> Callable[..., LabelledImage]:
    """Make an image with round galaxies: (x, y, half width of the light) each."""

    def make(
        name: str, width: int, height: int, *galaxies: tuple[float, float, float], seed: int = 0
    ) -> LabelledImage:
        rng = np.random.default_rng(seed)
        image = 5 + rng.normal(0, 2, (height, width, 3))
        y, x = np.mgrid[:height, :width] + 0.5
        boxes = []
        for centre_x, centre_y, half in galaxies:
            light = 200 * np.exp(
                -0.5 * ((x - centre_x) ** 2 + (y - centre_y) ** 2) / (half / 3) ** 2
            )
            image += light[:, :, np.newaxis]
            # Where the light falls to six times the noise of the smoothed grey image.
            edge = half / 3 * np.sqrt(2 * np.log(200 / 3))
            boxes.append([centre_x - edge, centre_y - edge, centre_x + edge, centre_y + edge])
        return LabelledImage(
            name=name,
            rgb=np.clip(image, 0, 255).astype(np.uint8),
            boxes=np.array(boxes, float).reshape(-1, 4),
            class_ids=np.zeros(len(boxes), np.int64),
            difficult=np.zeros(len(boxes), bool),
            smallest=0.0,
        )

    return make


@pytest.fixture
def tile() -> Callable[..., TrainingTile]:
    """Make a dark tile with the given boxes."""

    def make(
        size: int,
        boxes: list[list[float]] | None = None,
        ignored: list[list[float]] | None = None,
        cut: list[list[float]] | None = None,
        smallest: float = 0.0,
    ) -> TrainingTile:
        real = np.array(boxes or [], float).reshape(-1, 4)
        return TrainingTile(
            image=np.full((size, size, 3), 5, np.uint8),
            boxes=real,
            class_ids=np.zeros(len(real), np.int64),
            ignored=np.array(ignored or [], float).reshape(-1, 4),
            cut=np.array(cut or [], float).reshape(-1, 4),
            smallest=smallest,
        )

    return make


@pytest.fixture
def save_source(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Write images and their labelImg annotations; returns the two folders."""

    def save(name: str, images: list[LabelledImage], label: str = "galaxy") -> tuple[Path, Path]:
        pictures, annotations = tmp_path / name / "images", tmp_path / name / "annotations"
        pictures.mkdir(parents=True)
        annotations.mkdir()
        for image in images:
            write_png(pictures / f"{image.name}.png", image.rgb)
            height, width = image.rgb.shape[:2]
            objects = tuple(ObjectBox(label, *np.round(box).tolist()) for box in image.boxes)
            write_voc(
                annotations / f"{image.name}.xml",
                AnnotatedImage(f"{image.name}.png", width, height, objects=objects),
            )
        return pictures, annotations

    return save


@pytest.fixture
def brightest() -> Callable[[np.ndarray], tuple[float, float]]:
    """Return x, y of the brightest place of a picture, after a little smoothing."""

    def find(image: np.ndarray) -> tuple[float, float]:
        grey = cv2.GaussianBlur(image.astype(np.float32).mean(axis=2), (0, 0), 2)
        y, x = np.unravel_index(int(grey.argmax()), grey.shape)
        return float(x) + 0.5, float(y) + 0.5

    return find
