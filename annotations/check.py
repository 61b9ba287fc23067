"""Find every fault of annotations, and mend what is safe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError, OutputError
from ..files.output_folder import refuse_existing
from .annotation import AnnotatedImage
from .collection import Collection
from .formats.format import AnnotationFormat, WriteOptions
from .formats.registry import format_named
from .issues import FAULTS, Fault, FaultKind, box_faults, duplicates, small_boxes
from .repair import Change, mend
from .source import AnnotationSource

__all__ = ["Check", "check"]


@dataclass
class Check:
    """What was found.

    Attributes
    ----------
    path : Path
        The annotations.
    form : AnnotationFormat
        Their format.
    images_folder : Path or None
        Where the images were looked for; None if they were not.
    images, objects : int
        How many the annotations hold.
    faults : list of Fault
        In the order of the annotations.
    mended : Path or None
        Where the mended annotations were written.
    changes : list of Change
        What was mended.
    """

    path: Path
    form: AnnotationFormat
    images_folder: Path | None
    images: int = 0
    objects: int = 0
    faults: list[Fault] = field(default_factory=list)
    mended: Path | None = None
    changes: list[Change] = field(default_factory=list)

    @property
    def counts(self) -> dict[FaultKind, int]:
        """How many faults there are of each kind that occurs, in the order of `FAULTS`."""
        found = Counter(fault.kind for fault in self.faults)
        return {kind: found[kind] for kind in FAULTS if found[kind]}


def check(
    source: AnnotationSource,
    *,
    smallest: float = 1.0,
    fix: str | Path | None = None,
    overwrite: bool = False,
) -> Check:
    """Look for everything that can be wrong with annotations.

    Images are looked at if their folder is known: their size is read from their heads, and JPEG and
    PNG files are followed to their end.  Labels are looked up if the source was given its classes.

    Parameters
    ----------
    source : AnnotationSource
        The annotations; read once.
    smallest : float
        A box whose shorter side is below so many pixels is a fault.
    fix : str or Path, optional
        Where to write the annotations with everything mended that is safe (see `mend`), in their
        own format, or as Pascal VOC where theirs is only read.  Annotations that cannot be read,
        and further annotations of one image, are left out.
    overwrite : bool
        Whether files in the place of the mended ones may be replaced.

    Returns
    -------
    Check
        What was found and changed.

    Raises
    ------
    InputError
        If the format needs the size of an image that is not to be had.
    OutputError
        If `fix` exists already or cannot be written.
    """
    form = source.form if source.form.write is not None else format_named("voc")
    goal = None if fix is None else Path(fix)
    if goal is not None:
        if goal.resolve() == source.path.resolve():
            raise OutputError(f"{goal} is what is to be mended. Write the mended copy elsewhere.")
        refuse_existing([goal], overwrite=overwrite, folders=not form.suffix)
    folder = None if source.images is None else source.images.folder
    result = Check(source.path, source.form, folder)
    examine = _Examiner(source, smallest)
    mended = Collection()
    for file, image in _read(source, result):
        faults, size = examine(file, image)
        result.faults += faults
        if goal is None:
            continue
        if any(fault.kind == "image-twice" for fault in faults):
            message = "the image has an annotation already"
            result.changes.append(Change("left-out", file, image.filename, None, message))
        else:
            sound, changes = mend(image, size, file)
            result.changes += changes
            mended.append(sound)
    if goal is not None and form.write is not None and len(mended):
        names = source.class_order(mended.labels)
        form.write(goal, mended, WriteOptions(names, source.images, source.settings))
        result.mended = goal
    return result


def _read(source: AnnotationSource, result: Check) -> Iterator[tuple[str, AnnotatedImage]]:
    """Yield what can be read and count it; what cannot is a fault, at the end."""
    whole = []
    try:
        for file, image in source:
            result.images += 1
            result.objects += len(image.objects)
            yield str(file), image
    except InputError as error:
        whole.append(error)
    for failure in (*source.failures, *whole):
        fault = Fault("unreadable-annotation", str(source.path), "", None, str(failure))
        result.faults.append(fault)


class _Examiner:
    """Finds the faults of one image after the other."""

    def __init__(self, source: AnnotationSource, smallest: float) -> None:
        self.images = source.images
        self.classes = source.class_names
        self.smallest = smallest
        self.seen: dict[str, str] = {}

    def __call__(
        self, file: str, image: AnnotatedImage
    ) -> tuple[list[Fault], tuple[int, int] | None]:
        """Return the faults of an image, and its true size or None where that is not to be had."""
        faults: list[Fault] = []

        def add(kind: FaultKind, message: str = "", number: int | None = None) -> None:
            faults.append(Fault(kind, file, image.filename, number, message))

        path = size = None
        if self.images is not None:
            try:
                path = self.images.find(image.filename)
                if path is None:
                    add("missing-image", f"not in {self.images.folder}")
            except InputError as error:
                add("missing-image", str(error))
            try:
                size = None if path is None else self.images.sound_size(path)
            except InputError as error:
                add("unreadable-image", str(error))
        key = str(path or image.filename)
        if key in self.seen:
            add("image-twice", f"also annotated in {self.seen[key]}")
        self.seen.setdefault(key, file)
        if size is not None and size != (image.width, image.height):
            declared = f"{image.width} x {image.height}"
            add("wrong-size", f"annotated as {declared}, the image has {size[0]} x {size[1]}")
        if not image.objects:
            add("no-boxes")
        for number, kind, message in self._of_objects(image):
            add(kind, message, number)
        return faults, size

    def _of_objects(self, image: AnnotatedImage) -> Iterator[tuple[int, FaultKind, str]]:
        for number, box in enumerate(image.objects, 1):
            if self.classes is not None and box.label not in self.classes:
                yield number, "unknown-class", repr(box.label)
        for number, kind in box_faults(image):
            edges = ", ".join(f"{edge:.6g}" for edge in image.objects[number - 1].edges)
            inside = f" in {image.width} x {image.height}" if kind == "outside" else ""
            yield number, kind, f"({edges}){inside}"
        for number in small_boxes(image, self.smallest):
            box = image.objects[number - 1]
            yield number, "small", f"{box.width:.4g} x {box.height:.4g}"
        for number, earlier in duplicates(image):
            yield number, "duplicate", f"of object {earlier}, {image.objects[number - 1].label!r}"
