"""Record in a bundle of the images that the model was trained, validated and tested on."""

from __future__ import annotations

import base64
import binascii
import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from ..errors import BundleError
from .bundle import Bundle

__all__ = ["TRAINING_IMAGES_NAME", "RecordedImage", "format_images", "read_images"]

TRAINING_IMAGES_NAME = "training_images.csv"
"""File of the record in a bundle."""

_PARTS = ("train", "validation", "test")


class RecordedImage(NamedTuple):
    """Image of a training.

    Attributes
    ----------
    part : {"train", "validation", "test"}
        Use of the image.
    name : str
        File name.
    sha256 : str
        Checksum of the file, or of the pixels of an image in a data file.
    sketch : bytes
        Bits that those of near-duplicates resemble; see `galpipe.datasets.near_duplicates.sketch`.
    """

    part: str
    name: str
    sha256: str
    sketch: bytes


def format_images(images: Iterable[RecordedImage]) -> bytes:
    """Return the content of the record: CSV with the sketches in Base64.

    Parameters
    ----------
    images : iterable of RecordedImage
    """
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(RecordedImage._fields)
    for image in sorted(images):
        writer.writerow([*image[:-1], base64.b64encode(image.sketch).decode()])
    return lines.getvalue().encode("utf-8", "backslashreplace")


def read_images(bundle: Bundle) -> list[RecordedImage]:
    """Read the record of a bundle.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    list of RecordedImage
        Empty if the bundle has no record, as those of earlier versions.

    Raises
    ------
    BundleError
        If the record is altered or damaged.
    """
    if TRAINING_IMAGES_NAME not in bundle.manifest.files:
        return []
    try:
        rows = csv.reader(io.StringIO(bundle.read(TRAINING_IMAGES_NAME).decode()))
        if tuple(next(rows)) != RecordedImage._fields:
            raise ValueError("other columns")
        images = [
            RecordedImage(part, name, sha256, base64.b64decode(sketch, validate=True))
            for part, name, sha256, sketch in rows
        ]
        if any(image.part not in _PARTS for image in images):
            raise ValueError("another part")
    except (ValueError, StopIteration, csv.Error, binascii.Error) as error:
        raise BundleError(
            f"{bundle.path}: {TRAINING_IMAGES_NAME} is not a record of training images ({error})"
        ) from error
    return images
