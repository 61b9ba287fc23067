"""TFRecord files of TF-Vision and the TF Object Detection API.

A record is a ``tf.Example`` with the encoded image, its name and size, and the edges of each object
as fractions of the size, in float32: exact to 0.001 pixel on images up to 16,000 pixels wide; whole
pixels are preserved up to 8,000.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import cv2

from ...errors import InputError, OutputError, require
from ...files.atomic import atomic_path
from ...files.file_types import kind_of
from ...files.picture_headers import picture_header
from ...imaging import read_field, to_rgb
from ..annotation import AnnotatedImage, ObjectBox
from ..classes import index_of
from ..collection import Collection
from ..images import ImageFolder
from ..label_map import read_label_map, write_label_map
from .format import AnnotationFormat, ReadOptions, WriteOptions
from .image_files import annotation_files, any_annotation_file
from .numbers import check_pixel

__all__ = ["FORMAT", "read_tfrecord", "write_tfrecord"]

_LABEL_MAP = "label_map.pbtxt"
# Some programs leave the suffix out, as in ``train-00000-of-00001``.
_SHARD = re.compile(r".+\.(?:tfrecords?|record)(?:-\d+-of-\d+)?|[^.]+-\d{5}-of-\d{5}")
_IMAGES_IN_SHARD = 1000
_DECIMALS = 3
_EDGES = ("xmin", "ymin", "xmax", "ymax")

# A record is preceded by its length and the checksum of it, and followed by its own checksum.
_HEAD = struct.Struct("<QI")
_FOOT = 4
_MAX_RECORD = 2**30

_Kind = Literal["bytes_list", "float_list", "int64_list"]


def read_tfrecord(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Read the annotations of TFRecord files, without their images.

    Parameters
    ----------
    path : Path
        A ``.tfrecord`` or ``.record`` file, or a folder of them (``NAME-00000-of-00010.tfrecord``
        and ``NAME.tfrecord-00000-of-00010``).
    options : ReadOptions
        `class_names` name the classes of records with numbers only, if there is no
        ``label_map.pbtxt`` in the folder.

    Yields
    ------
    (Path, AnnotatedImage)
        The file and one image, ordered by the files' names and their records.

    Raises
    ------
    InputError
        If there is no such file, or the label map cannot be read.  Invalid records and damaged
        files are passed to `options.on_error`.
    MissingExtraError
        If TensorFlow is not installed.
    """
    tf = require("tensorflow", "train")
    names = _read_classes(path) or options.class_names
    for file in annotation_files(path, _is_shard, ".tfrecord or .record file"):
        try:
            for number, record in enumerate(_read_records(tf, file), 1):
                try:
                    image = _parse_record(tf, record, names)
                except ValueError as error:
                    options.on_error(InputError(f"{file}, record {number}: {error}"))
                else:
                    yield file, image
        except InputError as error:
            options.on_error(error)


def write_tfrecord(folder: Path, images: Collection, options: WriteOptions) -> None:
    """Write annotated images as TFRecord files.

    JPEG and PNG files are stored unchanged, other images as RGB in PNG.  Boxes may extend beyond
    the image.  Difficult objects are also marked as crowd, for TF-Vision.  Attributes are dropped.
    ``image/source_id`` is the number of the image from 1.

    Parameters
    ----------
    folder : Path
        Folder for ``label_map.pbtxt`` and ``NAME-00000-of-00010.tfrecord`` and so on, where NAME is
        that of the folder.  Other shards of that name are removed.
    images : Collection
        The annotations.
    options : WriteOptions
        `images` is required.  The setting ``shards`` is the number of files, by default one per
        1000 images.

    Raises
    ------
    InputError
        If an image is missing, damaged or differs in size from its annotation, a label is not among
        the classes, or ``shards`` is not a positive whole number.
    OutputError
        If a file cannot be written.
    MissingExtraError
        If TensorFlow is not installed.
    """
    if options.images is None:
        raise InputError("TFRecord files contain the images. Give their folder with --images.")
    tf = require("tensorflow", "train")
    name = folder.resolve().name
    files = _shards(folder / name, len(images), options.settings)
    records = _encode_records(tf, images, options.images, options.class_names)
    for number, file in enumerate(files):
        first, last = (len(images) * place // len(files) for place in (number, number + 1))
        try:
            with atomic_path(file) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
                for record in islice(records, last - first):
                    writer.write(record)
        except tf.errors.OpError as error:
            raise OutputError(f"Cannot write {file}: {error.message}") from error
    write_label_map(folder / _LABEL_MAP, options.class_names)
    shard = re.compile(re.escape(name) + r"-\d{5}-of-\d{5}\.tfrecord")
    for file in sorted(set(folder.iterdir()).difference(files)):
        if shard.fullmatch(file.name):
            file.unlink()


def _is_shard(path: Path) -> bool:
    return _SHARD.fullmatch(path.name) is not None and path.name[0] != "." and path.is_file()


def _read_records(tf: Any, file: Path) -> Iterator[bytes]:
    _check_frames(file)
    try:
        yield from tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    except (tf.errors.OpError, UnicodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{file} is damaged ({reason}). Copy or write it again.") from error


def _check_frames(file: Path) -> None:
    """Raise an error if the lengths of the records do not add up to the size of the file.

    TensorFlow allocates the declared length of a record before reading it, so that a small
    malicious file could exhaust the memory.
    """
    try:
        if not file.is_file():
            raise InputError(f"Cannot read {file}: there is no such file.")
        with file.open("rb") as content:
            end = os.fstat(content.fileno()).st_size
            number = place = 0
            while place < end:
                head = content.read(_HEAD.size)
                number += 1
                length = _HEAD.unpack(head)[0] if len(head) == _HEAD.size else end
                place += _HEAD.size + length + _FOOT
                if not 0 < length <= _MAX_RECORD or place > end:
                    raise InputError(
                        f"{file} breaks off at record {number}, or is not a plain TFRecord file. "
                        "Copy or write it again, without compression."
                    )
                content.seek(place)
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}") from error


def _parse_record(tf: Any, record: bytes, names: Sequence[str] | None) -> AnnotatedImage:
    """Parse a ``tf.Example``; raises ValueError."""
    example = _Example(tf, record)
    filename = example.text("image/filename") or example.text("image/source_id")
    if not filename.strip():
        raise ValueError("it does not name its image (image/filename)")
    width, height = example.size()
    edges = [example.values(f"image/object/bbox/{name}", "float_list") for name in _EDGES]
    count = len(edges[0])
    if any(len(values) != count for values in edges):
        raise ValueError("the boxes have edges in different numbers")
    labels = example.labels(count, names)
    crowds = example.column("is_crowd", "int64_list", count, 0)
    doubts = example.column("difficult", "int64_list", count, 0)
    cuts = example.column("truncated", "int64_list", count, 0)
    views = example.column("view", "bytes_list", count, b"")
    objects = []
    for index, shares in enumerate(zip(*edges, strict=True)):
        xmin, ymin, xmax, ymax = (
            check_pixel(round(check_pixel(share) * side, _DECIMALS))
            for share, side in zip(shares, (width, height, width, height), strict=True)
        )
        objects.append(
            ObjectBox(
                labels[index],
                xmin,
                ymin,
                xmax,
                ymax,
                difficult=bool(doubts[index] or crowds[index]),
                truncated=bool(cuts[index]),
                pose=views[index].decode() or "Unspecified",
            )
        )
    return AnnotatedImage(filename, width, height, objects=tuple(objects))


class _Example:
    """Typed access to the features of a record; all methods raise ValueError."""

    def __init__(self, tf: Any, record: bytes) -> None:
        damage = require("google.protobuf.message", "train").DecodeError
        try:
            self._features = tf.train.Example.FromString(record).features.feature
        except damage:
            raise ValueError("it is not a tf.Example") from None

    def values(self, name: str, kind: str) -> Sequence[Any]:
        """Return the values of a feature; empty if it is missing."""
        if name not in self._features:
            return ()
        feature = self._features[name]
        found = feature.WhichOneof("kind")
        if found not in (None, kind):
            raise ValueError(f"{name} is a {found} and not a {kind}")
        return tuple(getattr(feature, kind).value)

    def column(self, name: str, kind: str, count: int, default: Any) -> Sequence[Any]:
        """Return a feature with one value per object."""
        values = self.values(f"image/object/{name}", kind)
        if len(values) not in (0, count):
            raise ValueError(f"image/object/{name} has {len(values)} values for {count} boxes")
        return values or (default,) * count

    def text(self, name: str) -> str:
        values = self.values(name, "bytes_list")
        return values[0].decode() if values else ""

    def size(self) -> tuple[int, int]:
        """Return width and height, from the record or else from the encoded image."""
        sides = [self.values(f"image/{name}", "int64_list") for name in ("width", "height")]
        width, height = (values[0] if values else 0 for values in sides)
        if width <= 0 or height <= 0:
            encoded = (*self.values("image/encoded", "bytes_list"), b"")[0]
            kind = kind_of(encoded[:64])
            header = picture_header(io.BytesIO(encoded), kind) if kind in ("jpeg", "png") else None
            if header is None:
                raise ValueError("it does not give its size (image/width and image/height)")
            # TensorFlow ignores the EXIF orientation.
            width, height = header.width, header.height
        return int(check_pixel(width)), int(check_pixel(height))

    def labels(self, count: int, names: Sequence[str] | None) -> Sequence[str]:
        texts = self.column("class/text", "bytes_list", count, b"")
        if all(texts):
            return [text.decode() for text in texts]
        ids = self.values("image/object/class/label", "int64_list")
        if len(ids) != count:
            raise ValueError(f"image/object/class/label has {len(ids)} values for {count} boxes")
        if names is None:
            raise ValueError(
                f"its classes are numbers. Put their {_LABEL_MAP} beside it, or give it with "
                "--classes"
            )
        wrong = [number for number in ids if not 1 <= number <= len(names)]
        if wrong:
            raise ValueError(f"there is no class {wrong[0]}, but {len(names)} from 1")
        return [names[number - 1] for number in ids]


def _shards(start: Path, images: int, settings: Mapping[str, Any]) -> list[Path]:
    count = settings.get("shards") or -(-images // _IMAGES_IN_SHARD) or 1
    if not isinstance(count, int) or not 0 < count < 100_000:
        raise InputError(f"shards is {count!r}; give a whole number from 1 to 99999.")
    return [start.with_name(f"{start.name}-{n:05}-of-{count:05}.tfrecord") for n in range(count)]


def _encode_records(
    tf: Any, images: Collection, folder: ImageFolder, names: Sequence[str]
) -> Iterator[bytes]:
    for number, image in enumerate(images, 1):
        encoded, kind, size = _picture(image, folder)
        try:
            yield _example(tf, number, image, encoded, kind, size, names).SerializeToString()
        except UnicodeEncodeError as error:
            raise OutputError(
                f"{error.object!r:.60} of {image.filename!r} is not valid text. Rename it."
            ) from error


def _picture(image: AnnotatedImage, folder: ImageFolder) -> tuple[bytes, str, tuple[int, int]]:
    """Return an image as an encoded file, its kind (jpeg or png), and width and height."""
    path = folder.find(image.filename)
    if path is None:
        raise InputError(
            f"{folder.folder} holds no image {image.filename!r}, which the TFRecord file "
            "should contain. Give its folder with --images."
        )
    size = folder.sound_size(path)
    if image.width and image.height and (image.width, image.height) != size:
        raise InputError(
            f"{path} has {size[0]} x {size[1]} pixels, but its annotation {image.width} x "
            f"{image.height}: the boxes are of another image. Correct the annotation."
        )
    encoded = path.read_bytes()
    kind = kind_of(encoded[:64])
    header = picture_header(io.BytesIO(encoded), kind) if kind in ("jpeg", "png") else None
    # TensorFlow ignores the EXIF orientation.
    if header is not None and header.orientation == 1:
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
    kind: str,
    size: tuple[int, int],
    names: Sequence[str],
) -> Any:
    width, height = size
    name = image.filename.encode()
    objects = image.objects
    features: dict[str, tuple[_Kind, list[Any]]] = {
        "image/encoded": ("bytes_list", [encoded]),
        "image/format": ("bytes_list", [kind.encode()]),
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
                key: tf.train.Feature(**{type_: lists[type_](value=values)})
                for key, (type_, values) in features.items()
            }
        )
    )


def _recognises(path: Path) -> bool:
    return any_annotation_file(path, _is_shard) is not None


def _read_classes(path: Path) -> tuple[str, ...] | None:
    file = (path if path.is_dir() else path.parent) / _LABEL_MAP
    return read_label_map(file) if file.is_file() else None


FORMAT = AnnotationFormat(
    name="tfrecord",
    title="TFRecord (TF-Vision, TF Object Detection API)",
    supports=frozenset({"empty", "size", "difficult", "truncated", "pose"}),
    recognises=_recognises,
    read=read_tfrecord,
    read_classes=_read_classes,
    write=write_tfrecord,
)
