"""Validation during the training of a detector, and selection of the best weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs import DetectorTraining
from ...files.atomic import atomic_path
from ...imaging import Detections, Stretch
from ...models import DetectorHead, ModelIdentity
from ...progress import Progress, silent
from ..anchors import decode_boxes, multilevel_anchors
from ..base import LOWEST_SCORE, BaseDetector
from ..detector import best_boxes
from ..export.litert_export import flat_heads
from ..measure import SearchedImages, images_by_kind
from ..predict import field_tiles
from ..refinement import Refinement
from .architectures import scale_images
from .dataset import TrainingSource
from .starting_point import BEST_FOLDER, PARTS, read_checkpoint
from .training_tiles import TrainingImage

__all__ = ["Validation", "Validator"]

_RECORD = "validation.json"
_PREFIX = "ckpt"
# Largest number of tiles per kind; two SDSS frames have 278.
_MAX_TILES = 300


@dataclass(frozen=True)
class Validation:
    """Metrics of the mean weights at a step on the validation images.

    Attributes
    ----------
    step : int
    score : float
        Mean of `ap` over the kinds, so that few frames count as much as many cutouts.
    map50, ap : dict of str to float
        Mean average precision at IoU 0.5, and over 0.5, 0.55, ..., 0.95, by kind.
    loss : float or None
        Loss on tiles of the validation images; None in records of earlier versions.
    """

    step: int
    score: float
    map50: dict[str, float]
    ap: dict[str, float]
    loss: float | None = None


class Validator:
    """Validates a model during training, and keeps its best weights.

    Parameters
    ----------
    model : RetinaNetModel
        In float32 on one device.
    config : DetectorTraining
    sources : sequence of TrainingSource
    folder : Path
        Folder of the training, for ``validation.json`` and the best weights, a TF-Vision
        checkpoint under ``best/``.
    step : int
        Step from which the training continues; later validations are dropped.
    loss : callable, optional
        Returns the loss of the model on tiles of the validation images.
    progress : Progress
        Receives the number of images.

    Attributes
    ----------
    history : list of Validation
        Validations in order of their steps.
    """

    def __init__(
        self,
        model: Any,
        config: DetectorTraining,
        sources: Sequence[TrainingSource],
        folder: Path,
        step: int,
        loss: Callable[[], float] | None = None,
        progress: Progress = silent,
    ) -> None:
        import tensorflow as tf

        self._config = config
        self._loss = loss
        self._progress = progress
        self._record = folder / _RECORD
        self._detector = _ModelDetector(model, config)
        self._images = {
            kind: _sample(images, config.input_size)
            for kind, images in images_by_kind(sources, "validation").items()
            if config.validate_every is not None
        }
        self._parts = {name: getattr(model, name) for name in PARTS}
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(**self._parts),
            str(folder / BEST_FOLDER),
            # After a kill between weights and record, the record names those before.
            max_to_keep=2,
            checkpoint_name=_PREFIX,
        )
        self.history = [
            Validation(**entry)
            for entry in (json.loads(self._record.read_text()) if self._record.is_file() else [])
            if entry["step"] <= step
        ]

    @property
    def best(self) -> Validation | None:
        """Best validation so far, the first if tied; None without validations."""
        return max(self.history, key=lambda entry: entry.score, default=None)

    @property
    def out_of_patience(self) -> bool:
        """True if the last ``patience`` validations brought no improvement."""
        if self._config.patience is None or self.best is None:
            return False
        return len(self.history) - 1 - self.history.index(self.best) >= self._config.patience

    def is_due(self, step: int) -> bool:
        """Return whether to validate at a step.

        Parameters
        ----------
        step : int
        """
        every = self._config.validate_every
        return step >= self._config.steps or (every is not None and step % every == 0)

    def validate(self, step: int) -> Validation | None:
        """Validate the model, and keep its weights if they are the best so far.

        Without validation images, the latest weights are kept.

        Parameters
        ----------
        step : int

        Returns
        -------
        Validation or None
            None without validation images.
        """
        if not self._images:
            self._manager.save(checkpoint_number=step)
            return None
        measured = {
            kind: SearchedImages.search(
                self._detector, images, self._progress, f"validation: {kind}"
            ).metrics
            for kind, images in self._images.items()
        }
        found = Validation(
            step,
            round(float(np.mean([figures.ap for figures in measured.values()])), 4),
            {kind: round(figures.map50, 4) for kind, figures in measured.items()},
            {kind: round(figures.ap, 4) for kind, figures in measured.items()},
            None if self._loss is None else round(self._loss(), 6),
        )
        self.history.append(found)
        if self.best is found:
            self._manager.save(checkpoint_number=step)
        with atomic_path(self._record) as beside:
            beside.write_text(json.dumps([asdict(entry) for entry in self.history], indent=1))
        return found

    def use_best(self) -> None:
        """Set the weights of the model to the best ones."""
        latest = Path(self._manager.latest_checkpoint)
        recorded = latest if self.best is None else latest.with_name(f"{_PREFIX}-{self.best.step}")
        read_checkpoint(
            recorded if recorded.with_suffix(".index").is_file() else latest, self._parts
        )


class _ModelDetector(BaseDetector):
    """Detector with the model of a running training."""

    def __init__(self, model: Any, config: DetectorTraining) -> None:
        import tensorflow as tf

        self.identity = ModelIdentity(
            config.name, Path(), "detector", config.class_map.class_names, {}
        )
        self.class_names = config.class_map.class_names
        self.input_size = config.input_size
        self.score_threshold = self.lowest_score = LOWEST_SCORE
        self.stretch = Stretch()
        self.refinement: Refinement | None = None
        self._head = DetectorHead(anchors=config.anchors, score_threshold=LOWEST_SCORE)
        self._anchors = multilevel_anchors(config.anchors, config.input_size)
        per_cell = config.anchors.per_cell
        self._run = tf.function(lambda images: flat_heads(model, scale_images(images), per_cell))

    def detect_tiles(
        self, images: NDArray[np.uint8], score_threshold: float | None = None
    ) -> list[Detections]:
        from scipy.special import expit

        threshold = self.score_threshold if score_threshold is None else score_threshold
        logits, codes = (output.numpy().astype(np.float64) for output in self._run(images))
        return [
            best_boxes(
                expit(logits[index]),
                decode_boxes(codes[index], self._anchors),
                (self.input_size, self.input_size),
                threshold,
                self._head.iou_threshold,
            )
            for index in range(len(images))
        ]


def _sample(images: Sequence[TrainingImage], size: int) -> list[TrainingImage]:
    """Return a fixed random sample of images with at most `_MAX_TILES` tiles, at least one."""
    chosen: list[TrainingImage] = []
    tiles = 0
    for index in np.random.default_rng(0).permutation(len(images)):
        height, width = images[index].rgb.shape[:2]
        tiles += len(field_tiles(width, height, size))
        if chosen and tiles > _MAX_TILES:
            break
        chosen.append(images[index])
    return chosen
