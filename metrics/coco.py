"""Hand annotations and detections to pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

from ..annotations import AnnotatedImage
from ..errors import InputError, require
from ..imaging import Detections

__all__ = ["run_coco"]


def run_coco(
    truth: Sequence[AnnotatedImage],
    predictions: Sequence[Detections],
    class_names: Sequence[str],
    caps: Sequence[int],
    areas: Sequence[tuple[float, float]],
) -> Any:
    """Match detections with objects by the rules of COCO, and add the matches up.

    Parameters
    ----------
    truth, predictions : sequence of AnnotatedImage, of Detections
        In the same order.  Objects marked `difficult` are COCO's ``iscrowd``.
    class_names : sequence of str
        The detector's classes, in order.
    caps : sequence of int
        Numbers of detections an image, ascending, up to which recall is measured.
    areas : sequence of (float, float)
        Ranges of area in square pixels, both ends within.

    Returns
    -------
    pycocotools.cocoeval.COCOeval
        Accumulated.  Images, categories and objects are numbered from 1, objects through all
        images in their order.

    Raises
    ------
    InputError
        If an annotation has a label that the detector does not know.
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
            side.dataset = {"images": images, "categories": categories, "annotations": content}
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(*sides, iouType="bbox")
        evaluation.params.maxDets = list(caps)
        evaluation.params.areaRng = [list(area) for area in areas]
        evaluation.params.areaRngLbl = [str(area) for area in areas]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _objects(truth: Sequence[AnnotatedImage], class_names: Sequence[str]) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = []
    category = {name: number for number, name in enumerate(class_names, 1)}
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
    return objects


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
