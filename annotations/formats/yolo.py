"""YOLO text labels: one file an image, boxes as shares of its size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import InputError, OutputError
from ...imaging import atomic_path
from ..annotation import AnnotatedImage, label_order
from ..classes import index_of
from ..find import image_stem

__all__ = ["write_yolo"]


def write_yolo(
    folder: str | Path,
    images: Iterable[AnnotatedImage],
    class_names: Sequence[str] | None = None,
) -> list[Path]:
    """Write annotations as YOLO labels.

    A line is ``class x_centre y_centre width height``, the class from 0, the rest as shares of the
    image's width and height.  An image without objects gets an empty file.  The format cannot hold
    ``difficult``, ``truncated`` and ``pose``: difficult boxes are left out, so that they are not
    learned as certain, and the others are dropped.

    Parameters
    ----------
    folder : str or Path
        Gets ``labels/<image stem>.txt`` and ``classes.txt``, the class names in order.
    images : iterable of AnnotatedImage
        Their width and height must be known.
    class_names : sequence of str, optional
        The classes in order; by default the names that occur, sorted.

    Returns
    -------
    list of Path
        The label files, in the order of `images`.

    Raises
    ------
    InputError
        If an image's size is unknown, its name names no file, or an object's label is not among
        `class_names`.
    OutputError
        If two images have the same stem or a file cannot be written.
    """
    folder, images = Path(folder), list(images)
    names = label_order(images) if class_names is None else tuple(class_names)
    texts: dict[Path, str] = {}
    for image in images:
        path = folder / "labels" / f"{image_stem(image.filename)}.txt"
        if path in texts:
            raise OutputError(f"Two images would share {path}. Give each its own file name.")
        texts[path] = _lines(image, names)
    for path, text in [*texts.items(), (folder / "classes.txt", "".join(f"{n}\n" for n in names))]:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(texts)


def _lines(image: AnnotatedImage, names: Sequence[str]) -> str:
    if image.width <= 0 or image.height <= 0:
        raise InputError(f"The size of {image.filename} is unknown; YOLO labels need it.")
    lines = []
    for box in image.objects:
        if box.difficult:
            continue
        values = (
            (box.xmin + box.xmax) / 2 / image.width,
            (box.ymin + box.ymax) / 2 / image.height,
            box.width / image.width,
            box.height / image.height,
        )
        numbers = " ".join(f"{value:.8g}" for value in values)
        lines.append(f"{index_of(box.label, names, image.filename)} {numbers}\n")
    return "".join(lines)
