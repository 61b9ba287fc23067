"""Give a bundle a second look, where that makes its boxes tighter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..models import Detector, read_bundle, write_bundle
from ..models.bundle import CARD_NAME, METRICS_NAME
from .dataset import Source
from .measure import images_by_role, measure_images
from .predict import detect_field
from .second_look import fit_second_look

__all__ = ["add_second_look"]

_FILE = "second_look.json"
# Of the uncalibrated detector: what scores less is hardly ever about an object.
_LOWEST_SCORE = 0.05


def add_second_look(folder: Path, sources: Sequence[Source], seed: int) -> bool:
    """Train the second look of a bundle on the training images, and write it into the bundle.

    Parameters
    ----------
    folder : Path
        The bundle; its detector is not calibrated yet.  A second look that it has is replaced.
    sources : sequence of Source
        The images that it was trained on and validated with.
    seed : int

    Returns
    -------
    bool
        Whether there is one now: it is kept where the average precision (IoU 0.5 to 0.95) of the
        validation images, a mean over their kinds, is better with it.
    """
    bundle = read_bundle(folder)
    detector = Detector(bundle)
    detector.second_look = None
    images = [image for source in sources for image in source.train]
    found = [detect_field(image.rgb, detector, _LOWEST_SCORE) for image in images]
    look = fit_second_look(images, found, seed)
    kinds = images_by_role(sources, "validation").values()
    if look is None or bundle.manifest.head is None or not kinds:
        return False
    before = np.mean([measure_images(detector, kind).ap for kind in kinds])
    detector.second_look = look
    if np.mean([measure_images(detector, kind).ap for kind in kinds]) <= before:
        return False
    head = bundle.manifest.head.model_copy(update={"second_look": _FILE})
    manifest = bundle.manifest.model_copy(update={"head": head})
    written = (CARD_NAME, METRICS_NAME)
    files = {name: bundle.read(name) for name in manifest.files if name not in written}
    card = bundle.read(CARD_NAME).decode()
    write_bundle(folder, manifest, files | {_FILE: look.to_bytes()}, card, bundle.metrics())
    return True
