"""Compact storage of annotated images, for writers that iterate over them several times."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from .annotation import AnnotatedImage, ObjectBox

__all__ = ["Collection"]

_Extras = tuple[str, tuple[tuple[str, str], ...]]
_NO_EXTRAS: _Extras = ("Unspecified", ())


class Collection:
    """Annotated images in packed arrays, 36 bytes per object.

    Parameters
    ----------
    images : iterable of AnnotatedImage, optional
        First images.
    """

    def __init__(self, images: Iterable[AnnotatedImage] = ()) -> None:
        self._names: list[str] = []
        self._sizes = array("l")
        self._ends = array("l")
        self._edges = array("d")
        self._label_ids = array("i")
        self._flags = array("b")
        self._labels: dict[str, int] = {}
        self._extras: dict[int, _Extras] = {}
        for image in images:
            self.append(image)

    def append(self, image: AnnotatedImage) -> None:
        """Add an image at the end.

        Parameters
        ----------
        image : AnnotatedImage
            The image.
        """
        self._names.append(image.filename)
        self._sizes.extend((image.width, image.height, image.depth))
        for box in image.objects:
            self._edges.extend(box.edges)
            self._label_ids.append(self._labels.setdefault(box.label, len(self._labels)))
            self._flags.append(box.difficult + 2 * box.truncated)
            extras = (box.pose, box.attributes)
            if extras != _NO_EXTRAS:
                self._extras[len(self._flags) - 1] = extras
        self._ends.append(len(self._flags))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._names)

    def __iter__(self) -> Iterator[AnnotatedImage]:
        """Yield the images in the order in which they were added."""
        labels = list(self._labels)
        start = 0
        for number, (name, end) in enumerate(zip(self._names, self._ends, strict=True)):
            width, height, depth = self._sizes[3 * number : 3 * number + 3]
            objects = tuple(self._object(index, labels) for index in range(start, end))
            yield AnnotatedImage(name, width, height, depth, objects)
            start = end

    def frames(self) -> Iterator[AnnotatedImage]:
        """Yield the images without their objects, which is faster."""
        for index, name in enumerate(self._names):
            width, height, depth = self._sizes[3 * index : 3 * index + 3]
            yield AnnotatedImage(name, width, height, depth)

    @property
    def names(self) -> tuple[str, ...]:
        """The images' names, in the order in which they were added."""
        return tuple(self._names)

    @property
    def objects(self) -> int:
        """Number of objects on all images."""
        return len(self._flags)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names that occur, sorted, so that class ids are the same on every run."""
        return tuple(sorted(self._labels))

    def _object(self, index: int, labels: list[str]) -> ObjectBox:
        pose, attributes = self._extras.get(index, _NO_EXTRAS)
        flags = self._flags[index]
        xmin, ymin, xmax, ymax = self._edges[4 * index : 4 * index + 4]
        return ObjectBox(
            labels[self._label_ids[index]],
            xmin,
            ymin,
            xmax,
            ymax,
            difficult=bool(flags & 1),
            truncated=bool(flags & 2),
            pose=pose,
            attributes=attributes,
        )
