"""A folder of Pascal VOC files paired with the images that they annotate."""

from __future__ import annotations

import warnings
from pathlib import Path

from ...errors import InputError
from ..annotation import AnnotatedImage
from ..images import ImageFolder
from .locate import fill_size
from .voc import read_voc, voc_files

__all__ = ["read_voc_folder"]


def read_voc_folder(
    annotations: str | Path, images: str | Path
) -> list[tuple[Path, AnnotatedImage]]:
    """Read every XML file of a folder with the image that it annotates.

    An image belongs to the annotation of the same stem, or else to the one whose ``filename``
    names it.  Images without an annotation are not returned: they are not known to be empty.

    Parameters
    ----------
    annotations, images : str or Path
        The two folders; they may be the same one.

    Returns
    -------
    list of (Path, AnnotatedImage)
        Sorted by the annotation's name; a missing image size is filled in from the image.

    Warns
    -----
    UserWarning
        If the images of some annotations are missing; those annotations are left out.

    Raises
    ------
    InputError
        If there are no annotations, none has its image, or one cannot be read.
    """
    if not Path(annotations).is_dir():
        raise InputError(f"{annotations} is not a folder.")
    folder = ImageFolder(images)
    files = voc_files(Path(annotations))
    pairs, missing = [], []
    for file in files:
        annotated = read_voc(file)
        image = folder.find(file.stem) or folder.find(annotated.filename)
        if image is None:
            missing.append(file.name)
        else:
            pairs.append((image, fill_size(annotated, folder, image)))
    if not pairs:
        raise InputError(
            f"None of the {len(files)} annotations in {annotations} has its image in {images}. "
            "An image has the same name as its annotation, but for the extension."
        )
    if missing:
        warnings.warn(
            f"{len(missing)} of {len(files)} annotations in {annotations} have no image in "
            f"{images} and are left out: {', '.join(missing[:5])}"
            + (", ..." if len(missing) > 5 else ""),
            stacklevel=2,
        )
    return pairs
