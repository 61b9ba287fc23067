"""Annotations of any format, ready to be read: what the commands that take them share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .annotation import AnnotatedImage
from .formats.format import Reading
from .formats.registry import detect_format, format_named
from .images import ImageFolder, images_beside

__all__ = ["Source"]


class Source:
    """A file or folder of annotations; going through it yields ``(file, image)``.

    Parameters
    ----------
    path : str or Path
        The annotations.
    form : str, optional
        Name of their format; by default it is detected.
    images : str or Path, optional
        Folder of the images; by default the one beside the annotations, if there is one.
    class_names : sequence of str, optional
        The classes in order of their ids; by default those that the annotations declare.
    settings : mapping, optional
        What one format alone needs to know, under the names that it documents.

    Attributes
    ----------
    form : Format
        Their format.
    images : ImageFolder or None
        The folder of the images.
    class_names : tuple of str or None
        The classes that were given.
    settings : mapping
        What was given for one format alone.
    failures : list of InputError
        What was left out the last time that the annotations were read.

    Raises
    ------
    InputError
        If the annotations or the folder of images do not exist, or the format is unknown.
    """

    def __init__(
        self,
        path: str | Path,
        form: str | None = None,
        *,
        images: str | Path | None = None,
        class_names: Sequence[str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(f"{self.path} does not exist.")
        self.form = format_named(form) if form else detect_format(self.path)
        self.images = images_beside(self.path) if images is None else ImageFolder(images)
        self.failures: list[InputError] = []
        self.class_names = None if class_names is None else tuple(class_names)
        self.settings = settings or {}

    def __iter__(self) -> Iterator[tuple[Path, AnnotatedImage]]:
        """Yield each annotation file with what it says of one image, in a stable order.

        Raises
        ------
        InputError
            If nothing of the annotations can be read; single files and entries that cannot are
            left out and stand in `failures`.
        """
        self.failures.clear()
        reading = Reading(self.images, self.class_names, self.failures.append, self.settings)
        return self.form.read(self.path, reading)

    def class_order(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return the classes in order of their ids.

        They are those that were given, or else those that the annotations declare; labels beyond
        these follow, sorted.

        Parameters
        ----------
        labels : iterable of str
            The labels that occur.
        """
        known = self.class_names
        if known is None and self.form.read_classes is not None:
            known = self.form.read_classes(self.path)
        return (*(known or ()), *sorted(set(labels).difference(known or ())))
