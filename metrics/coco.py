"""Match detections with annotated objects by the rules of COCO, with pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage
from ..annotations.annotation import ANY_CLASS
from ..errors import InputError, require
from ..imaging import Detections

__all__ = ["Matches", "gather_matches", "run_coco"]


@dataclass(frozen=True, eq=False)
class Matches:
    """Objects and detections matched at IoU 0.5.

    Difficult objects and detections on them are left out, as are detections of classes without
    annotations (as in COCO's means), unless there are no annotations at all.

    Attributes
    ----------
    object_images, object_rows : ndarray of int64, shape (N,)
        Index of each object's image, and of the object in that image.
    object_sizes : ndarray of float64, shape (N,)
        Square root of the area of its box, pixels.
    object_scores : ndarray of float64, shape (N,)
        Score of the matched detection; minus infinity if there is none.
    images, rows : ndarray of int64, shape (K,)
        Index of each detection's image, and of the detection in that image; best score first.
    scores : ndarray of float64, shape (K,)
    hits : ndarray of bool, shape (K,)
        True if the detection matches an object.
    """

    object_images: NDArray[np.int64]
    object_rows: NDArray[np.int64]
    object_sizes: NDArray[np.float64]
    object_scores: NDArray[np.float64]
    images: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]


def run_coco(
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    caps: Sequence[int],
    areas: Sequence[tuple[float, float]],
) -> Any:
    """Match detections with objects and accumulate the matches.

    Parameters
    ----------
    truth, predictions : sequence of AnnotatedImage, of Detections
        In the same order.  Objects marked `difficult` are COCO's ``iscrowd``, those of `ANY_CLASS`
        in every category.
    class_names : sequence of str
        The detector's classes, in order.
    caps : sequence of int
        Maximum numbers of detections per image, ascending, at which recall is measured.
    areas : sequence of (float, float)
        Ranges of area in square pixels, both ends included.

    Returns
    -------
    pycocotools.cocoeval.COCOeval
        Accumulated.  Images, categories and objects are numbered from 1, objects across all images.

    Raises
    ------
    InputError
        If an annotation has a label that is not a class of the detector.
    MissingExtraError
        If pycocotools is not installed.
    """
    require("pycocotools", "train")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    images = [{"id": number} for number in range(1, len(truth) + 1)]
    categories = [{"id": number, "name": name} for number, name in enumerate(class_names, 1)]
    # pycocotools prints its progress.
    with contextlib.redirect_stdout(io.StringIO()):
        sides = []
        for content in (_objects(truth, class_names), _results(predictions)):
            side = COCO()
            dataset: Any = {"images": images, "categories": categories, "annotations": content}
            side.dataset = dataset
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(sides[0], sides[1], iouType="bbox")
        evaluation.params.maxDets = list(caps)
        evaluation.params.areaRng = [list(area) for area in areas]
        evaluation.params.areaRngLbl = [str(area) for area in areas]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def gather_matches(
    evaluation: Any, truth: Sequence[AnnotatedImage], predictions: Sequence[Detections]
) -> Matches:
    """Gather COCO's matches over all images and classes.

    Parameters
    ----------
    evaluation : COCOeval
        From `run_coco`; its first IoU is 0.5 and its first area range includes everything.
    truth, predictions : sequence of AnnotatedImage, of Detections
        The arguments of `run_coco`.
    """
    everything = evaluation.params.areaRng[0]
    first_object = np.cumsum([1, *(len(image.objects) for image in truth)])
    first_result = np.cumsum([1, *(len(found) for found in predictions)])
    objects: list[tuple[int, int, float, float]] = []
    found: list[tuple[int, int, float, bool]] = []
    entries = [one for one in evaluation.evalImgs if one and one["aRng"] == everything]
    labels = {label for image in truth for label in image.labels}
    annotated = {number for number, one in evaluation.cocoGt.cats.items() if one["name"] in labels}
    for entry in entries:
        if annotated and entry["category_id"] not in annotated:
            continue
        image = entry["image_id"] - 1
        score_of = dict(zip(entry["dtIds"], entry["dtScores"], strict=True))
        for number, match, ignored in zip(
            entry["gtIds"], entry["gtMatches"][0], entry["gtIgnore"], strict=True
        ):
            if not ignored:
                row = number - int(first_object[image])
                box = truth[image].objects[row]
                size = float(np.sqrt(box.width * box.height))
                objects.append((image, row, size, score_of[int(match)] if match else -np.inf))
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


def _objects(truth: Sequence[AnnotatedImage], class_names: Sequence[str]) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = []
    # Objects of any class are repeated for each class but the first, numbered after all others.
    repeated: list[dict[str, Any]] = []
    category = {name: number for number, name in enumerate(class_names, 1)}
    category[ANY_CLASS] = 1
    for number, image in enumerate(truth, 1):
        for box in image.objects:
            if box.label not in category:
                raise InputError(
                    f"{image.filename}: is annotated with '{box.label}', but the detector finds "
                    f"{', '.join(class_names)}"
                )
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": number,
                    "category_id": category[box.label],
                    "bbox": [box.xmin, box.ymin, box.width, box.height],
                    "area": box.width * box.height,
                    "iscrowd": int(box.difficult),
                }
            )
            if box.label == ANY_CLASS:
                others = range(2, len(class_names) + 1)
                repeated += [objects[-1] | {"category_id": other} for other in others]
    numbered = enumerate(repeated, len(objects) + 1)
    return objects + [one | {"id": number} for number, one in numbered]


def _results(predictions: Sequence[Detections]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for number, found in enumerate(predictions, 1):
        rows = zip(found.boxes.tolist(), found.scores, found.class_ids, strict=True)
        for (xmin, ymin, xmax, ymax), score, class_id in rows:
            results.append(
                {
                    "id": len(results) + 1,
                    "image_id": number,
                    "category_id": int(class_id) + 1,
                    "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
                    "area": (xmax - xmin) * (ymax - ymin),
                    "score": float(score),
                }
            )
    return results
