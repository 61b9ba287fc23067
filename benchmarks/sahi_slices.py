"""Detect galaxies in slices, by SAHI (Akyon et al. 2022, arXiv:2202.06934) with our detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sahi.models.base import DetectionModel
from sahi.predict import get_sliced_prediction
from sahi.prediction import ObjectPrediction

from galpipe.detection.load import load_detector

OVERLAP = 0.5  # of a slice, as of galpipe's tiles
SAME_OBJECT_IOU = 0.45


class GalpipeModel(DetectionModel):  # type: ignore[misc]
    """The default detector of galpipe, without refinement, as a model of SAHI."""

    def load_model(self) -> None:
        self.model = load_detector()
        self.category_mapping = dict(enumerate(self.model.class_names))

    def perform_inference(self, image: NDArray[np.uint8]) -> None:
        # Slices have the size of the input; the whole picture, for large objects, is reduced to it.
        size = self.model.input_size
        scale = min(size / max(image.shape[:2]), 1)
        if scale < 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        below, right = size - image.shape[0], size - image.shape[1]
        square = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT)
        (found,) = self.model.detect_tiles(square[np.newaxis])
        self._original_predictions = found.with_boxes(found.boxes / scale)

    def _create_object_prediction_list_from_original_predictions(
        self, shift_amount_list: Any = None, full_shape_list: Any = None
    ) -> None:
        found = self._original_predictions
        shift = shift_amount_list[0] if shift_amount_list else [0, 0]
        self._object_prediction_list_per_image = [
            [
                ObjectPrediction(
                    bbox=box.tolist(),
                    category_id=int(class_id),
                    category_name=self.category_mapping[int(class_id)],
                    score=float(score),
                    shift_amount=shift,
                    full_shape=full_shape_list[0] if full_shape_list else None,
                )
                for box, score, class_id in zip(
                    found.boxes, found.scores, found.class_ids, strict=True
                )
            ]
        ]


def count_galaxies(path: Path, model: GalpipeModel) -> int:
    """Return the number of galaxies that SAHI finds in a picture."""
    size = model.model.input_size
    result = get_sliced_prediction(
        str(path),
        model,
        slice_height=size,
        slice_width=size,
        overlap_height_ratio=OVERLAP,
        overlap_width_ratio=OVERLAP,
        postprocess_type="NMS",
        postprocess_match_metric="IOU",
        postprocess_match_threshold=SAME_OBJECT_IOU,
        verbose=0,
    )
    return len(result.object_prediction_list)
