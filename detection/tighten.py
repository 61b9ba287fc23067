"""Find a detector a second look that makes its boxes tighter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..models import Detector
from ..models.second_look import SecondLook
from .dataset import Source
from .measure import Searched
from .predict import detect_field
from .second_look import fit_second_look

__all__ = ["find_second_look"]

# Of the uncalibrated detector: what scores less is hardly ever about an object.
_LOWEST_SCORE = 0.05


def find_second_look(
    detector: Detector, sources: Sequence[Source], validation: Mapping[str, Searched], seed: int
) -> SecondLook | None:
    """Train a second look on the training images, and say whether to use it.

    Parameters
    ----------
    detector : Detector
        Not calibrated yet, and without a second look.
    sources : sequence of Source
        The images that it was trained on.
    validation : mapping of str to Searched
        What it found on the validation images, by their role.
    seed : int

    Returns
    -------
    SecondLook or None
        None unless the average precision (IoU 0.5 to 0.95) of the validation images, a mean over
        their roles, is better with it.
    """
    if not validation:
        return None
    images = [image for source in sources for image in source.train]
    found = [detect_field(image.rgb, detector, _LOWEST_SCORE) for image in images]
    look = fit_second_look(images, found, seed)
    if look is None:
        return None
    before = np.mean([searched.metrics.ap for searched in validation.values()])
    after = np.mean([searched.tightened(look).metrics.ap for searched in validation.values()])
    return look if after > before else None
