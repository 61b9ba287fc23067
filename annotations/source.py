"""Read and write the boxes of images in any annotation format."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InputError
from .annotation import AnnotatedImage, refuse_empty_boxes
from .collection import Collection
from .dataset_files import WITHOUT_IMAGES, annotation_files_in
from .formats.format import ReadOptions, WriteOptions
from .formats.image_files import fill_size
from .formats.registry import format_named, format_with_columns, writable_formats
from .images import ImageFolder, ImagesOfPart, images_beside, inside

__all__ = [
    "AnnotationSource",
    "check_writable",
    "read_annotated_images",
    "write_annotations",
]


_LOGGER = logging.getLogger("galpipe")


class AnnotationSource:
    """File or folder of annotations in any format; iterating yields ``(file, image)``.

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
        Settings of the format, by the names that it documents.

    Attributes
    ----------
    form : AnnotationFormat
        Their format.
    images : ImageFolder or None
        The folder of the images.
    class_names : tuple of str or None
        The class list passed in, if any.
    settings : mapping
        Settings of the format.
    failures : list of InputError
        Files and entries left out when the annotations were last read.
    notes : list of str
        Decisions of the reader that the user should know, such as the columns used of a table.

    Raises
    ------
    InputError
        If the annotations or the folder of images do not exist, or the format is unknown.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from galpipe.annotations import ObjectBox
    >>> path = Path(mkdtemp()) / "boxes.json"
    >>> box = ObjectBox("spiral", 10, 20, 60, 80)
    >>> image = AnnotatedImage("m51.png", 424, 424, objects=(box,))
    >>> path = write_annotations(path, [image], "coco")
    >>> source = AnnotationSource(path)
    >>> source.form.name
    'coco'
    >>> [image.labels for _, image in source]
    [('spiral',)]
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
        known = format_named(form) if form else None
        if known is None and settings and settings.get("columns"):
            known = format_with_columns(self.path, settings["columns"])
        self.form, self._files = annotation_files_in(self.path, known)
        self.images = images_beside(self.path) if images is None else ImageFolder(images)
        self.failures: list[InputError] = []
        self.notes: list[str] = []
        self.class_names = None if class_names is None else tuple(class_names)
        self.settings = settings or {}

    def __iter__(self) -> Iterator[tuple[Path, AnnotatedImage]]:
        """Yield annotation file and annotated image, in a stable order.

        Raises
        ------
        InputError
            If nothing can be read; single files and entries that cannot be read are left out and
            added to `failures`.
        """
        self.failures.clear()
        self.notes.clear()
        return self.read(self.failures.append)

    def read(self, on_error: Callable[[InputError], None]) -> Iterator[tuple[Path, AnnotatedImage]]:
        """Yield annotation file and annotated image, in a stable order.

        Parameters
        ----------
        on_error : callable
            Called with the error of each file or entry that is left out.

        Raises
        ------
        InputError
            If nothing can be read.
        """
        if self._files == [self.path]:
            yield from self.form.read(self.path, self._options(self.images, on_error))
            return
        for file in self._files:
            folder = file if file.is_dir() else file.parent
            place = folder.relative_to(self.path).as_posix()
            place = "" if place in (".", *WITHOUT_IMAGES) else place
            images = None if self.images is None else ImagesOfPart(self.images, place)
            for source, image in self.form.read(file, self._options(images, on_error)):
                try:
                    path = None if images is None else images.find(image.filename)
                    name = inside(place, image.filename)
                except InputError as error:
                    on_error(error)
                    continue
                if path is not None and images is not None:
                    name = images.name_of(path)
                yield source, replace(image, filename=name)

    def _options(
        self, images: ImageFolder | None, on_error: Callable[[InputError], None]
    ) -> ReadOptions:
        return ReadOptions(images, self.class_names, on_error, self.settings, self._add_note)

    def _add_note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def located(self) -> Iterator[tuple[Path, AnnotatedImage]]:
        """Yield the image file of each annotated image with its annotation.

        An image that is missing, or whose name leads out of the folder of images, is left out and
        added to `failures`.

        Raises
        ------
        InputError
            If the folder of images is not known, or the annotations cannot be read.
        """
        if self.images is None:
            raise InputError(f"Found no folder of images near {self.path}. Name it with --images.")
        names: dict[Path, str] = {}
        for file, annotated in self:
            try:
                path = self.images.find(annotated.filename)
                if path is None:
                    raise InputError(
                        f"{file}: its image {annotated.filename!r} is not in {self.images.folder}."
                    )
                if names.setdefault(path, annotated.filename) != annotated.filename:
                    raise InputError(
                        f"{file}: {names[path]!r} and {annotated.filename!r} would both be {path}. "
                        "Give the folder that holds both images with --images."
                    )
            except InputError as error:
                self.failures.append(error)
            else:
                yield path, annotated

    def class_order(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return the classes in order of their ids.

        These are `class_names`, or else the classes that the annotations declare, followed by all
        other labels, sorted.

        Parameters
        ----------
        labels : iterable of str
            The labels that occur.
        """
        known = self.class_names
        if known is None and self.form.read_classes is not None:
            known = self._declared(self.form.read_classes)
        return (*(known or ()), *sorted(set(labels).difference(known or ())))

    def _declared(self, read: Callable[[Path], tuple[str, ...] | None]) -> tuple[str, ...] | None:
        """Return the classes that the annotations declare, each once; None if there are none."""
        if self._files == [self.path]:
            return read(self.path)
        lists = [names for file in self._files if (names := read(file)) is not None]
        return tuple(dict.fromkeys(name for names in lists for name in names)) if lists else None


def read_annotated_images(
    annotations: str | Path, images: str | Path
) -> list[tuple[Path, AnnotatedImage]]:
    """Read annotations in any format and pair them with their images.

    Images without an annotation are not returned, as they may contain objects.

    Parameters
    ----------
    annotations : str or Path
        File or folder of annotations; the format is detected.
    images : str or Path
        Folder of the images.

    Returns
    -------
    list of (Path, AnnotatedImage)
        Image file and annotation, in the order of the annotations (sorted by name where each image
        has its own file).  Boxes are pixel edges, 0-based, half-open; missing image sizes are
        filled in.

    Raises
    ------
    InputError
        If there are no annotations, none has its image, one cannot be read, or a box is empty or
        inverted.

    Warns
    -----
    UserWarning
        If the images of some annotations are missing; those annotations are left out.
    """
    source = AnnotationSource(annotations, images=images)
    folder = source.images or ImageFolder(images)
    pairs, missing = [], []
    for file, annotated in source.read(_raise):
        refuse_empty_boxes(file, annotated)
        path = folder.find(annotated.filename)
        if path is None:
            missing.append(annotated.filename if file == source.path else file.name)
        else:
            pairs.append((path, fill_size(annotated, folder, path)))
    for note in source.notes:
        _LOGGER.info(note)
    if not pairs and not missing:
        raise InputError(f"{annotations} holds no annotated image.")
    if not pairs:
        raise InputError(
            f"None of the {len(missing)} annotations in {annotations} has its image in {images}. "
            "An image needs the name given in its annotation, or that of the annotation file with "
            "another extension."
        )
    if missing:
        warnings.warn(
            f"{len(missing)} of {len(pairs) + len(missing)} annotations in {annotations} have no "
            f"image in {images} and are left out: {', '.join(missing[:5])}"
            + (", ..." if len(missing) > 5 else ""),
            stacklevel=2,
        )
    return pairs


def _raise(error: InputError) -> None:
    raise error


def write_annotations(
    path: str | Path,
    images: Iterable[AnnotatedImage],
    form: str = "voc",
    *,
    class_names: Sequence[str] | None = None,
    images_of: ImageFolder | None = None,
) -> Path:
    """Write annotations in any format that can be written.

    Parameters
    ----------
    path : str or Path
        The file or folder to write, as the format requires; files of the same names are replaced.
    images : iterable of AnnotatedImage
        The annotations.
    form : str
        Name of the format.
    class_names : sequence of str, optional
        The classes in order of their ids; by default the labels that occur, sorted.
    images_of : ImageFolder, optional
        The images, for formats that contain them or need their size.

    Returns
    -------
    Path
        The file or folder written.

    Raises
    ------
    InputError
        If the format is unknown or read-only, or the annotations lack something that it needs.
    OutputError
        If a file cannot be written.
    """
    collection = Collection(images)
    names = collection.labels if class_names is None else tuple(class_names)
    target = format_named(form)
    if target.write is None:
        raise InputError(f"{target.title} can be read, but not written.")
    path = Path(path)
    target.write(path, collection, WriteOptions(names, images_of))
    return path


def check_writable(forms: Iterable[str]) -> None:
    """Raise an error for formats that cannot be written.

    Parameters
    ----------
    forms : iterable of str
        Names of formats.

    Raises
    ------
    ConfigError
        If there is no such format, or it is read-only.
    """
    unknown = sorted(set(forms).difference(writable_formats()))
    if unknown:
        raise ConfigError(
            f"Annotation format {', '.join(unknown)} cannot be written; choose from "
            f"{', '.join(writable_formats())}"
        )
