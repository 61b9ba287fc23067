"""Labels of images in the classes of a model that leaves out or merges classes of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..configs import ClassMap
from .labels import LabelledImage

__all__ = ["map_labels"]


def map_labels(labelled: Sequence[LabelledImage], classes: ClassMap) -> list[LabelledImage]:
    """Convert labels to the classes of a model.

    A set of classes becomes the set of those that their classes are merged into.  Probabilities of
    merged classes are added; those that are left become the probabilities given that the galaxy is
    of no class that is left out.  An image is left out if all classes of its set are, or if classes
    that are left out have more than half of its probability.

    Parameters
    ----------
    labelled : sequence of LabelledImage
        Images with labels over ``classes.labelled``.
    classes : ClassMap

    Returns
    -------
    list of LabelledImage
        The images that are used, with labels over ``classes.class_names``.

    Examples
    --------
    >>> from pathlib import Path
    >>> classes = ClassMap.of({"smooth": [0, 1], "barred": None}, ["round", "cigar", "barred"])
    >>> images = [
    ...     LabelledImage(Path("a.png"), (0, 1)),
    ...     LabelledImage(Path("b.png"), (2,)),
    ...     LabelledImage(Path("c.png"), (0, 1, 2), probabilities=(0.5, 0.3, 0.2)),
    ... ]
    >>> [(image.path.name, image.allowed) for image in map_labels(images, classes)]
    [('a.png', (0,)), ('c.png', (0,))]
    """
    mapped = (_mapped(image, classes) for image in labelled)
    return [image for image in mapped if image is not None]


def _mapped(image: LabelledImage, classes: ClassMap) -> LabelledImage | None:
    if not image.probabilities:
        targets = (classes.targets[index] for index in image.allowed)
        allowed = tuple(sorted({target for target in targets if target is not None}))
        return replace(image, allowed=allowed) if allowed else None
    kept = [0.0] * len(classes.class_names)
    left_out = 0.0
    for target, probability in zip(classes.targets, image.probabilities, strict=True):
        if target is None:
            left_out += probability
        else:
            kept[target] += probability
    if left_out > sum(image.probabilities) / 2 or not any(kept):
        return None
    probabilities = tuple(min(value / (1 - left_out), 1.0) for value in kept)
    allowed = tuple(index for index, value in enumerate(probabilities) if value)
    return replace(image, allowed=allowed, probabilities=probabilities)
