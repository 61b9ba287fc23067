"""YOLO text labels: one file per image, boxes as fractions of the image size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import yaml

from ...errors import InputError, OutputError
from ...files.safe_readers import read_text
from ..annotation import AnnotatedImage, ObjectBox
from ..classes import index_of
from ..collection import Collection
from ..images import ImageFolder, image_stem
from .format import AnnotationFormat, ReadOptions, WriteOptions, none_left
from .image_files import files_by_stem, locate
from .numbers import check_pixel, parse_number, write_lines
from .yolo_classes import (
    CLASSES_NAME,
    YAML_SUFFIXES,
    class_file,
    dataset_folder,
    keypoint_numbers,
    read_class_file,
)
from .yolo_dataset import IMAGES, LABEL_SUFFIX, LABELS, Part, find_parts, first_line, is_label_line
from .yolo_keypoints import keypoint_count

__all__ = ["FORMAT", "image_stems", "read_yolo", "write_yolo"]

_MAX_BYTES = 32 * 2**20
# Number of label files by which the kind of their lines is judged.
_FIRST_FILES = 50
_VALIDATION = ("valid", "val", "validation")

# Decimals of a pixel: finer than any label file, coarser than rounding errors.
_DECIMALS = 6


@dataclass(frozen=True)
class _Classes:
    names: Sequence[str]
    keypoint_numbers: int


def read_yolo(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Read a YOLO data set.

    A line is ``class x_centre y_centre width height``; ``class x1 y1 x2 y2 x3 y3 ...`` is a
    polygon, which becomes its bounding box.  An additional number is a confidence, kept as the
    attribute ``score``.  Key points after a box, which ``data.yaml`` declares or `keypoint_count`
    recognises, are dropped.  Edges are rounded to
    1e-6 pixel, which restores whole pixels.

    Parameters
    ----------
    path : Path
        A folder in one of the layouts of `find_parts`, or the YAML file in it.  Of the paths in
        the YAML file, ``path`` is followed if it is inside the file's folder, the others are
        ignored.  Classes are read from the file that `class_file` returns.
    options : ReadOptions
        Images are searched in `images` first, then in the folder of the layout.  `class_names` are
        used if the data set lists none, else the setting ``class_name`` as the only class.

    Yields
    ------
    (Path, AnnotatedImage)
        Label file and image; for an image in an ``images`` folder without label file, and so
        without objects, the path of the image.

    Raises
    ------
    InputError
        If there is no class list, or no labels.  Malformed lines, and errors in single files such
        as a missing image, are passed to `options.on_error`.
    """
    if not path.is_dir() and not (path.is_file() and path.suffix.lower() in YAML_SUFFIXES):
        raise InputError(
            f"{path} is neither a folder nor a data.yaml. Give the folder of the data set."
        )
    parts = find_parts(dataset_folder(path))
    if not parts:
        raise InputError(f"{path} holds no YOLO labels: neither a labels folder nor .txt files.")
    classes = _read_classes(path, options)
    if not classes.keypoint_numbers and (count := _undeclared_keypoints(parts)):
        classes = replace(classes, keypoint_numbers=count)
        options.on_note(
            f"{path}: the lines are read as a box and key points, which are dropped. If they are "
            "polygons, write kpt_shape: [0, 0] into data.yaml."
        )
    for part in parts:
        prefix = _name_prefix(part.images, options.images)
        for stem, file in part.files():
            try:
                image, images = _image_file(part, stem, options.images)
                labelled = file.suffix == LABEL_SUFFIX
                text = read_text(file, _MAX_BYTES) if labelled else ""
                width, height = images.size(image)
                objects = _read_objects(file, text, (width, height), classes, options)
                name = f"{prefix}{image.name}"
                if images is options.images:
                    name = images.name_of(image)
                yield file, AnnotatedImage(name, width, height, objects=objects)
            except InputError as error:
                options.on_error(error)


def write_yolo(folder: Path, collection: Collection, options: WriteOptions) -> None:
    """Write annotations as YOLO labels.

    A line is ``class x_centre y_centre width height``: the class from 0, the others as fractions of
    the image size with twelve digits (errors below 1e-6 pixel).  All boxes are written, including
    difficult ones and those that extend beyond the image; ``difficult``, ``truncated``, ``pose``
    and attributes are dropped.  An image without objects gets an empty file.

    Parameters
    ----------
    folder : Path
        Folder for ``labels/<image stem>.txt``, with ``classes.txt`` beside them, as labelImg
        expects, and for ``classes.txt`` and ``data.yaml``.  Folders in the names of images are
        kept.  If they are ``train`` and ``valid`` or ``val``, ``data.yaml`` names them; otherwise
        it names all images for training and validation.  Images belong into ``images``
        (`image_stems`).
    collection : Collection
        The annotations.
    options : WriteOptions
        `images` supply missing image sizes.

    Raises
    ------
    InputError
        If an image's size is unknown, its name is not a file name, or a label is not among the
        classes.
    OutputError
        If two images have the same stem, a class name has a line break, or a file cannot be
        written.
    """
    names = options.class_names
    for name in names:
        if "\n" in name:
            raise OutputError(f"The class name {name!r} has a line break. Rename the class.")
    files = files_by_stem(folder / LABELS, collection.names, LABEL_SUFFIX, keep_folders=True)
    lists = {file.with_name(CLASSES_NAME) for file in files}
    if not lists.isdisjoint(files):
        raise OutputError(
            "The label file of the image 'classes' would be the class list. Rename the image."
        )
    for file, image in zip(files, collection, strict=True):
        write_lines(file, _lines(locate(image, options.images), names))
    for file in (folder / CLASSES_NAME, *sorted(lists)):
        write_lines(file, (f"{name}\n" for name in names))
    tops = {file.relative_to(folder / LABELS).parts[0] for file in files}
    description = {**_splits(tops), "nc": len(names), "names": list(names)}
    text = yaml.safe_dump(description, sort_keys=False, allow_unicode=True)
    write_lines(folder / "data.yaml", [text])


def _splits(tops: set[str]) -> dict[str, str]:
    """Return the folders of the images for training, validation and test."""
    validation = next((name for name in _VALIDATION if name in tops), "train")
    if "train" not in tops or tops.difference(("train", "test", validation)):
        return {"train": IMAGES, "val": IMAGES}
    splits = {"train": f"{IMAGES}/train", "val": f"{IMAGES}/{validation}"}
    return {**splits, "test": f"{IMAGES}/test"} if "test" in tops else splits


def image_stems(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the path of each image of a written data set, without its extension.

    Parameters
    ----------
    folder : Path
        Folder of the data set.
    names : sequence of str
        The images' names.

    Raises
    ------
    InputError
        If an image's name is not a file name.
    OutputError
        If two images have the same name but for the extension.
    """
    return files_by_stem(folder / IMAGES, names, "", keep_folders=True)


def _read_classes(path: Path, options: ReadOptions) -> _Classes:
    file = class_file(path)
    if file is not None:
        return _Classes(read_class_file(file), keypoint_numbers(file))
    if options.class_names is not None:
        return _Classes(options.class_names, 0)
    if name := options.settings.get("class_name"):
        return _Classes((str(name),), 0)
    raise InputError(
        f"{path} lists no classes. Put their names in order, one a line, into "
        f"{path / 'classes.txt'}, or into a file that you give with --classes; --class-name names "
        "a single class."
    )


def _image_file(part: Part, stem: str, images: ImageFolder | None) -> tuple[Path, ImageFolder]:
    for place, name in ((images, f"{part.place}/{stem}"), (part.images, stem)):
        path = None if place is None else place.find(name.lstrip("/"))
        if place is not None and path is not None:
            return path, place
    raise InputError(
        f"{part.labels / stem}.txt has no image of that name, which gives the size of its boxes. "
        "Give the folder of the images with --images."
    )


def _name_prefix(images: ImageFolder | None, folder: ImageFolder | None) -> str:
    """Return the path of a part's images in the folder of all images, as a prefix of names."""
    if images is None or folder is None:
        return ""
    part, whole = images.folder.resolve(), folder.folder.resolve()
    if part == whole or not part.is_relative_to(whole):
        return ""
    return f"{part.relative_to(whole).as_posix()}/"


def _undeclared_keypoints(parts: Sequence[Part]) -> int:
    """Return the number of key point values in a line, judged by the first label files."""
    lines = []
    for part in parts:
        for file in islice(part.label_files(), _FIRST_FILES):
            with suppress(InputError):
                lines += [line.split()[1:] for line in read_text(file, _MAX_BYTES).split("\n")]
    try:
        return keypoint_count([float(word) for word in line] for line in lines)
    except ValueError:
        return 0


def _read_objects(
    file: Path, text: str, size: tuple[int, int], classes: _Classes, options: ReadOptions
) -> tuple[ObjectBox, ...]:
    objects = []
    refused = 0
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if words:
            try:
                objects.append(_read_object(words, size, classes))
            except ValueError as error:
                refused += 1
                options.on_error(InputError(f"{file}, line {number}: {error}. Export it again."))
    if refused and not objects:
        raise none_left(file, image_stem(file.name.removesuffix(LABEL_SUFFIX)), refused)
    return tuple(objects)


def _read_object(words: list[str], size: tuple[int, int], classes: _Classes) -> ObjectBox:
    class_id = parse_number(words[0])
    if class_id != int(class_id) or not 0 <= class_id < len(classes.names):
        raise ValueError(f"there is no class {words[0][:40]}, but {len(classes.names)} from 0")
    numbers = [parse_number(word) for word in words[1:]]
    if classes.keypoint_numbers and len(numbers) == 4 + classes.keypoint_numbers:
        numbers = numbers[:4]
    if len(numbers) < 4:
        raise ValueError("a box needs a class and four numbers")
    # The count is odd with a confidence, which is the last number.
    attributes = (("score", words[-1]),) if len(numbers) % 2 else ()
    edges = _edges(numbers[:-1] if attributes else numbers)
    xmin, ymin, xmax, ymax = (
        check_pixel(round(edge * side, _DECIMALS))
        for edge, side in zip(edges, 2 * size, strict=True)
    )
    label = classes.names[int(class_id)]
    return ObjectBox(label, xmin, ymin, xmax, ymax, attributes=attributes)


def _edges(numbers: list[float]) -> tuple[float, float, float, float]:
    """Return xmin, ymin, xmax, ymax of a box given by its centre, or of a polygon."""
    if len(numbers) == 4:
        x, y, width, height = numbers
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


def _lines(image: AnnotatedImage, names: Sequence[str]) -> list[str]:
    if image.width <= 0 or image.height <= 0:
        raise InputError(
            f"The size of {image.filename} is unknown; YOLO labels need it. Give the folder of the "
            "image with --images."
        )
    lines = []
    for box in image.objects:
        values = (
            (box.xmin + box.xmax) / 2 / image.width,
            (box.ymin + box.ymax) / 2 / image.height,
            box.width / image.width,
            box.height / image.height,
        )
        numbers = " ".join(f"{value:.12g}" for value in values)
        lines.append(f"{index_of(box.label, names, image.filename)} {numbers}\n")
    return lines


def _recognises(path: Path) -> bool:
    try:
        if path.is_file():
            return path.suffix.lower() in YAML_SUFFIXES and bool(read_class_file(path))
        parts = find_parts(path) if path.is_dir() else []
        line = first_line(parts)
        if line:
            return is_label_line(line)
        return bool(parts) and class_file(path) is not None
    except (InputError, OSError, ValueError):
        return False


def _read_class_list(path: Path) -> tuple[str, ...] | None:
    file = class_file(path)
    return None if file is None else read_class_file(file)


FORMAT = AnnotationFormat(
    name="yolo",
    title="YOLO labels",
    supports=frozenset({"empty"}),
    recognises=_recognises,
    read=read_yolo,
    read_classes=_read_class_list,
    write=write_yolo,
    image_stems=image_stems,
    refuses_empty_boxes=True,
)
