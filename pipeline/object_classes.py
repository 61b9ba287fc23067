"""Classes of the objects of a run, and their colours: the same in overlays, reports and pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..imaging.draw import class_colour
from .plan import RunPlan

__all__ = ["ObjectClass", "class_numbers", "object_classes"]


@dataclass(frozen=True)
class ObjectClass:
    """Class of objects.

    Attributes
    ----------
    name : str
        Its name.
    colour : str
        Its colour in pictures, as ``#rrggbb``.
    """

    name: str
    colour: str


def object_classes(plan: RunPlan) -> tuple[ObjectClass, ...]:
    """Return the classes of a run: those of the classifier, then those of the detector.

    Parameters
    ----------
    plan : RunPlan
        Plan of the run.
    """
    names = (*(plan.class_names or ()), *plan.record.models["detector"]["class_names"])
    return tuple(ObjectClass(name, class_colour(number)) for number, name in enumerate(names))


def class_numbers(rows: Mapping[str, ArrayLike], plan: RunPlan) -> NDArray[np.int64]:
    """Return the number of the class of each object in `object_classes`.

    Parameters
    ----------
    rows : mapping of str to array_like, shape (N,)
        Columns of the catalogue.
    plan : RunPlan
        Plan of the run.

    Returns
    -------
    ndarray of int64, shape (N,)
        The class of the classifier; of objects that it did not see, that of the detector.
    """
    detected: list[str] = plan.record.models["detector"]["class_names"]
    count = np.size(rows["x"])
    names: Any = rows.get("detected_class", [detected[0]] * count)
    first = len(plan.class_names or ())
    numbers = np.array([first + detected.index(str(name)) for name in names], dtype=np.int64)
    if plan.class_names is None:
        return numbers
    classes = np.asarray(rows["class_id"], dtype=np.int64)
    return np.where(classes >= 0, classes, numbers)
