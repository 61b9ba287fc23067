"""What became of every object and of every detection, at IoU 0.5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..imaging import Detections

__all__ = ["Matches", "gather_matches"]


@dataclass(frozen=True, eq=False)
class Matches:
    """Objects and detections that count; what is difficult, or lies on it, is left out.

    So are detections of a class of which nothing is annotated, as from COCO's means: they are
    neither right nor wrong, unless nothing is annotated at all.

    Attributes
    ----------
    object_images, object_rows : ndarray of int64, shape (N,)
        The image of each object, and which of the image's objects it is.
    object_sizes : ndarray, shape (N,)
        Square root of the area of its box, pixels.
    object_scores : ndarray, shape (N,)
        Score of the detection that found it, minus infinity where none did.
    images, rows : ndarray of int64, shape (K,)
        The image of each detection, and which of the image's detections it is; the best score
        first.
    scores : ndarray, shape (K,)
    hits : ndarray of bool, shape (K,)
        Whether it found an object.
    """

    object_images: NDArray[np.int64]
    object_rows: NDArray[np.int64]
    object_sizes: NDArray[np.float64]
    object_scores: NDArray[np.float64]
    images: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]


def gather_matches(
    evaluation: Any, truth: Sequence[AnnotatedImage], predictions: Sequence[Detections]
) -> Matches:
    """Gather COCO's matches over all images and classes.

    Parameters
    ----------
    evaluation : COCOeval
        From `run_coco`; its first IoU is 0.5 and its first area is everything.
    truth, predictions : sequence of AnnotatedImage, of Detections
        What it was run on.
    """
    everything = evaluation.params.areaRng[0]
    first_object = np.cumsum([1, *(len(image.objects) for image in truth)])
    first_result = np.cumsum([1, *(len(found) for found in predictions)])
    objects: list[tuple[int, int, float, float]] = []
    found: list[tuple[int, int, float, bool]] = []
    entries = [one for one in evaluation.evalImgs if one and one["aRng"] == everything]
    annotated = {entry["category_id"] for entry in entries if entry["gtIds"]}
    for entry in entries:
        if annotated and entry["category_id"] not in annotated:
            continue
        image = entry["image_id"] - 1
        score_of = dict(zip(entry["dtIds"], entry["dtScores"], strict=True))
        for number, by, ignored in zip(
            entry["gtIds"], entry["gtMatches"][0], entry["gtIgnore"], strict=True
        ):
            if not ignored:
                row = number - int(first_object[image])
                box = truth[image].objects[row]
                size = float(np.sqrt(box.width * box.height))
                objects.append((image, row, size, score_of[int(by)] if by else -np.inf))
        for number, score, match, ignored in zip(
            entry["dtIds"],
            entry["dtScores"],
            entry["dtMatches"][0],
            entry["dtIgnore"][0],
            strict=True,
        ):
            if not ignored:
                found.append((image, number - int(first_result[image]), score, match > 0))
    of_objects = np.array(objects, dtype=np.float64).reshape(-1, 4)
    of_found = np.array(found, dtype=np.float64).reshape(-1, 4)
    of_found = of_found[np.argsort(-of_found[:, 2], kind="stable")]
    return Matches(
        object_images=of_objects[:, 0].astype(np.int64),
        object_rows=of_objects[:, 1].astype(np.int64),
        object_sizes=of_objects[:, 2],
        object_scores=of_objects[:, 3],
        images=of_found[:, 0].astype(np.int64),
        rows=of_found[:, 1].astype(np.int64),
        scores=of_found[:, 2],
        hits=of_found[:, 3].astype(bool),
    )
