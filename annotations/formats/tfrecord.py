"""TFRecord files of ``tf.Example`` records, as TF-Vision and the TF Object Detection API use them.

A record holds the encoded image, its name and size, and the edges of each object as shares of the
size.  They are float32: an edge comes back to a thousandth of a pixel on images up to 16,000 pixels
wide, and whole pixels come back whole up to 8,000.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, require
from ...files.file_types import kind_of, picture_size
from ..annotation import AnnotatedImage, ObjectBox
from ..label_map import read_label_map
from .format import AnnotationFormat, ReadOptions
from .text import bounded
from .tfrecord_frames import check_frames
from .tfrecord_writer import LABEL_MAP, write_tfrecord

__all__ = ["FORMAT", "read_tfrecord"]

_SHARD = re.compile(r".+\.(?:tfrecords?|record)(?:-\d+-of-\d+)?")
_DECIMALS = 3
_EDGES = ("xmin", "ymin", "xmax", "ymax")


def read_tfrecord(path: Path, reading: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Read the annotations of TFRecord files; their images are not written out.

    Parameters
    ----------
    path : Path
        A ``.tfrecord`` or ``.record`` file, or a folder of them (``NAME-00000-of-00010.tfrecord``
        and ``NAME.tfrecord-00000-of-00010``).
    reading : ReadOptions
        Records that number their classes without naming them need the ``label_map.pbtxt`` beside
        them, or `class_names`.

    Yields
    ------
    (Path, AnnotatedImage)
        The file and one image, in the order of the files' names and of the records.

    Raises
    ------
    InputError
        If there is no such file, or the label map cannot be read.  A record that cannot be
        understood goes to `reading.on_error`, and so does a file that is damaged from some record
        on.
    MissingExtraError
        If TensorFlow is not installed.
    """
    tf = require("tensorflow", "train")
    names = _read_classes(path) or reading.class_names
    for file in _files(path):
        try:
            for number, record in enumerate(_records(tf, file), 1):
                try:
                    image = _image(tf, record, names)
                except ValueError as error:
                    reading.on_error(InputError(f"{file}, record {number}: {error}"))
                else:
                    yield file, image
        except InputError as error:
            reading.on_error(error)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    try:
        files = sorted(file for file in path.iterdir() if _is_shard(file))
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}") from error
    if not files:
        raise InputError(f"{path} holds no .tfrecord or .record file.")
    return files


def _is_shard(path: Path) -> bool:
    return _SHARD.fullmatch(path.name) is not None and path.name[0] != "." and path.is_file()


def _records(tf: Any, file: Path) -> Iterator[bytes]:
    check_frames(file)
    try:
        yield from tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    except (tf.errors.OpError, UnicodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{file} is damaged ({reason}). Copy or write it again.") from error


def _image(tf: Any, record: bytes, names: Sequence[str] | None) -> AnnotatedImage:
    """Return what a record says.

    Raises
    ------
    ValueError
        If it is no ``tf.Example`` of an annotated image.
    """
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
            bounded(round(bounded(share) * side, _DECIMALS))
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
    """The features of a record, by name and with their kind checked; all raise ValueError."""

    def __init__(self, tf: Any, record: bytes) -> None:
        damage = require("google.protobuf.message", "train").DecodeError
        try:
            self._features = tf.train.Example.FromString(record).features.feature
        except damage:
            raise ValueError("it is no tf.Example") from None

    def values(self, name: str, kind: str) -> Sequence[Any]:
        """Return a feature's values; none if it is missing."""
        if name not in self._features:
            return ()
        feature = self._features[name]
        found = feature.WhichOneof("kind")
        if found not in (None, kind):
            raise ValueError(f"{name} is a {found} and not a {kind}")
        return tuple(getattr(feature, kind).value)

    def column(self, name: str, kind: str, count: int, default: Any) -> Sequence[Any]:
        """Return a feature of the objects, one value for each."""
        values = self.values(f"image/object/{name}", kind)
        if len(values) not in (0, count):
            raise ValueError(f"image/object/{name} has {len(values)} values for {count} boxes")
        return values or (default,) * count

    def text(self, name: str) -> str:
        values = self.values(name, "bytes_list")
        return values[0].decode() if values else ""

    def size(self) -> tuple[int, int]:
        """Return width and height: those given, or those of the encoded image."""
        sides = [self.values(f"image/{name}", "int64_list") for name in ("width", "height")]
        width, height = (values[0] if values else 0 for values in sides)
        if width <= 0 or height <= 0:
            encoded = (*self.values("image/encoded", "bytes_list"), b"")[0]
            kind = kind_of(encoded[:64])
            size = picture_size(encoded, kind) if kind in ("jpeg", "png") else None
            if size is None:
                raise ValueError("it does not give its size (image/width and image/height)")
            width, height = size
        return int(bounded(width)), int(bounded(height))

    def labels(self, count: int, names: Sequence[str] | None) -> Sequence[str]:
        texts = self.column("class/text", "bytes_list", count, b"")
        if all(texts):
            return [text.decode() for text in texts]
        ids = self.values("image/object/class/label", "int64_list")
        if len(ids) != count:
            raise ValueError(f"image/object/class/label has {len(ids)} values for {count} boxes")
        if names is None:
            raise ValueError(
                f"its classes are numbers. Put their {LABEL_MAP} beside it, or give it with "
                "--classes"
            )
        wrong = [number for number in ids if not 1 <= number <= len(names)]
        if wrong:
            raise ValueError(f"there is no class {wrong[0]}, but {len(names)} from 1 on")
        return [names[number - 1] for number in ids]


def _recognises(path: Path) -> bool:
    try:
        return any(map(_is_shard, path.iterdir() if path.is_dir() else [path]))
    except OSError:
        return False


def _read_classes(path: Path) -> tuple[str, ...] | None:
    file = (path if path.is_dir() else path.parent) / LABEL_MAP
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
