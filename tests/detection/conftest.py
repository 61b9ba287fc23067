"""Small annotated images: soft galaxies of known place on a noisy sky, and hard stars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox, write_voc
from galpipe.configs import DetectorTraining
from galpipe.detection.export.card import describe_data
from galpipe.detection.training.dataset import read_sources
from galpipe.detection.training.training_tiles import TrainingImage, TrainingTile
from galpipe.files.atomic import write_png
from galpipe.models import read_bundle, write_bundle


@pytest.fixture
def labelled() -> Callable[..., TrainingImage]:
    """Make an image with round galaxies: (x, y, half width of the light) each."""

    def make(
        name: str, width: int, height: int, *galaxies: tuple[float, float, float], seed: int = 0
    ) -> TrainingImage:
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
        return TrainingImage(
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
    """Write images and their labelImg annotations, by the names of the classes (`galaxy` alone).

    Returns the two folders.
    """

    def save(name: str, images: list[TrainingImage], *labels: str) -> tuple[Path, Path]:
        pictures, annotations = tmp_path / name / "images", tmp_path / name / "annotations"
        pictures.mkdir(parents=True)
        annotations.mkdir()
        for image in images:
            write_png(pictures / f"{image.name}.png", image.rgb)
            height, width = image.rgb.shape[:2]
            objects = tuple(
                ObjectBox((labels or ("galaxy",))[class_id], *np.round(box).tolist())
                for class_id, box in zip(image.class_ids, image.boxes, strict=True)
            )
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


@pytest.fixture
def squares_training(
    save_source: Callable[..., tuple[Path, Path]],
) -> DetectorTraining:
    """Images with two bright galaxies, and a fainter spot that is none."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(12):
        rgb = np.zeros((64, 64, 3), np.uint8)
        # No two alike, or they would be taken for one galaxy.
        rgb[:] = cv2.resize(rng.integers(0, 90, (4, 4), dtype=np.uint8), (64, 64))[..., np.newaxis]
        # A cell of the tiny detector each; its box is the 16 pixels about it.
        cells = [(8 + 16 * (cell % 3), 8 + 16 * (cell // 3)) for cell in rng.permutation(9)[:3]]
        for (x, y), darkest, brightest in zip(cells, (130, 130, 90), (250, 250, 150), strict=True):
            rgb[y : y + 8, x : x + 8] = rng.integers(darkest, brightest)
        images.append(
            TrainingImage(
                name=f"i{number}",
                rgb=rgb,
                boxes=np.array([[x - 4.0, y - 4, x + 12, y + 12] for x, y in cells[:2]]),
                class_ids=np.zeros(2, np.int64),
                difficult=np.zeros(2, bool),
                smallest=0.0,
            )
        )
    pictures, annotations = save_source("squares", images)
    return DetectorTraining.model_validate(
        {
            "data": [{"images": pictures, "annotations": annotations}],
            "backbone_weights": "none",
            "input_size": 64,
            "split": {"test_fraction": 0.25, "validation_fraction": 0.3},
        }
    )


@pytest.fixture
def recorded_bundle(
    tiny_detector_bundle: Path, squares_training: DetectorTraining, tmp_path: Path
) -> Path:
    """The tiny detector, as if it had been trained on ``squares_training``."""
    tiny = read_bundle(tiny_detector_bundle)
    record = {
        "training": squares_training.model_dump(mode="json"),
        "data": describe_data(read_sources(squares_training)),
    }
    files = {"model.tflite": tiny.read("model.tflite"), "notes.txt": b"kept"}
    manifest = tiny.manifest.model_copy(update=record)
    return write_bundle(tmp_path / "tiny", manifest, files, "", {})
