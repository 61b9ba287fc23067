"""Write TFRecord files of annotated images, in shards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import cv2

from ...errors import InputError, OutputError, require
from ...files.atomic import atomic_path
from ...files.file_types import kind_of
from ...imaging import read_field, to_rgb
from ..annotation import AnnotatedImage
from ..classes import index_of
from ..collection import Collection
from ..images import ImageFolder
from ..label_map import write_label_map
from .format import WriteOptions

__all__ = ["LABEL_MAP", "write_tfrecord"]

LABEL_MAP = "label_map.pbtxt"

_IMAGES_IN_SHARD = 1000

_Kind = Literal["bytes_list", "float_list", "int64_list"]


def write_tfrecord(folder: Path, images: Collection, writing: WriteOptions) -> None:
    """Write annotated images as TFRecord files.

    A JPEG or PNG is stored as it is; of other images the RGB picture, as PNG.  Edges are shares of
    the image's size, also those outside of it; a difficult object is a crowd too, which TF-Vision
    knows.  Attributes are not held.  ``image/source_id`` counts the images from 1.

    Parameters
    ----------
    folder : Path
        Gets ``NAME-00000-of-00010.tfrecord`` and so on, where NAME is the folder's own, and
        ``label_map.pbtxt``.  Shards of that name from an earlier time with another number are
        removed, for they would be read as well.
    images : Collection
        The annotations.
    writing : WriteOptions
        `images` are needed.  The setting ``shards`` is the number of files, by default one for
        each 1000 images.

    Raises
    ------
    InputError
        If an image is missing, damaged or of another size than its annotation says, an object's
        label is not among the classes, or ``shards`` is no whole number above 0.
    OutputError
        If a file cannot be written.
    MissingExtraError
        If TensorFlow is not installed.
    """
    if writing.images is None:
        raise InputError(
            "TFRecord files contain the images. Name the folder that they lie in with --images."
        )
    tf = require("tensorflow", "train")
    name = folder.resolve().name
    files = _shards(folder / name, len(images), writing.settings)
    records = _records(tf, images, writing.images, writing.class_names)
    for number, file in enumerate(files):
        first, last = (len(images) * place // len(files) for place in (number, number + 1))
        try:
            with atomic_path(file) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
                for record in islice(records, last - first):
                    writer.write(record)
        except tf.errors.OpError as error:
            raise OutputError(f"Cannot write {file}: {error.message}") from error
    write_label_map(folder / LABEL_MAP, writing.class_names)
    shard = re.compile(re.escape(name) + r"-\d{5}-of-\d{5}\.tfrecord")
    for file in sorted(set(folder.iterdir()).difference(files)):
        if shard.fullmatch(file.name):
            file.unlink()


def _shards(start: Path, images: int, settings: Mapping[str, Any]) -> list[Path]:
    count = settings.get("shards") or -(-images // _IMAGES_IN_SHARD) or 1
    if not isinstance(count, int) or not 0 < count < 100_000:
        raise InputError(f"shards is {count!r}; give a whole number from 1 to 99999.")
    return [start.with_name(f"{start.name}-{n:05}-of-{count:05}.tfrecord") for n in range(count)]


def _records(
    tf: Any, images: Collection, folder: ImageFolder, names: Sequence[str]
) -> Iterator[bytes]:
    for number, image in enumerate(images, 1):
        encoded, form, size = _picture(image, folder)
        try:
            yield _example(tf, number, image, encoded, form, size, names).SerializeToString()
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{error.object!r:.60} of {image.filename!r} is no text. Rename it."
            ) from error


def _picture(image: AnnotatedImage, folder: ImageFolder) -> tuple[bytes, str, tuple[int, int]]:
    """Return an image file as JPEG or PNG, the name of that format, and width and height."""
    path = folder.find(image.filename)
    if path is None:
        raise InputError(
            f"{folder.folder} holds no image {image.filename!r}, which the TFRecord file shall "
            "contain. Name the folder that it lies in with --images."
        )
    size = folder.sound_size(path)
    if image.width and image.height and (image.width, image.height) != size:
        raise InputError(
            f"{path} has {size[0]} x {size[1]} pixels, and its annotation says {image.width} x "
            f"{image.height}: the boxes are of another image. Correct the annotation."
        )
    encoded = path.read_bytes()
    kind = kind_of(encoded[:64])
    if kind in ("jpeg", "png"):
        return encoded, kind, size
    done, picture = cv2.imencode(".png", cv2.cvtColor(to_rgb(read_field(path)), cv2.COLOR_RGB2BGR))
    if not done:
        raise InputError(f"{path} could not be encoded as PNG.")
    return picture.tobytes(), "png", size


def _example(
    tf: Any,
    number: int,
    image: AnnotatedImage,
    encoded: bytes,
    form: str,
    size: tuple[int, int],
    names: Sequence[str],
) -> Any:
    width, height = size
    name = image.filename.encode()
    objects = image.objects
    features: dict[str, tuple[_Kind, list[Any]]] = {
        "image/encoded": ("bytes_list", [encoded]),
        "image/format": ("bytes_list", [form.encode()]),
        "image/filename": ("bytes_list", [name]),
        "image/source_id": ("bytes_list", [str(number).encode()]),
        "image/key/sha256": ("bytes_list", [hashlib.sha256(encoded).hexdigest().encode()]),
        "image/width": ("int64_list", [width]),
        "image/height": ("int64_list", [height]),
        "image/object/bbox/xmin": ("float_list", [box.xmin / width for box in objects]),
        "image/object/bbox/xmax": ("float_list", [box.xmax / width for box in objects]),
        "image/object/bbox/ymin": ("float_list", [box.ymin / height for box in objects]),
        "image/object/bbox/ymax": ("float_list", [box.ymax / height for box in objects]),
        "image/object/class/text": ("bytes_list", [box.label.encode() for box in objects]),
        "image/object/class/label": (
            "int64_list",
            [index_of(box.label, names, image.filename) + 1 for box in objects],
        ),
        "image/object/difficult": ("int64_list", [int(box.difficult) for box in objects]),
        "image/object/is_crowd": ("int64_list", [int(box.difficult) for box in objects]),
        "image/object/truncated": ("int64_list", [int(box.truncated) for box in objects]),
        "image/object/view": ("bytes_list", [box.pose.encode() for box in objects]),
        "image/object/area": ("float_list", [box.width * box.height for box in objects]),
    }
    lists = {
        "bytes_list": tf.train.BytesList,
        "float_list": tf.train.FloatList,
        "int64_list": tf.train.Int64List,
    }
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                key: tf.train.Feature(**{kind: lists[kind](value=values)})
                for key, (kind, values) in features.items()
            }
        )
    )
