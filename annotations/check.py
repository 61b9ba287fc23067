"""Check annotations for issues, and write a report and a repaired copy."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors import InputError, OutputError
from ..files.atomic import atomic_path
from ..files.output_folder import refuse_existing
from ..files.spreadsheet import to_cell
from ..files.versions import record_of_versions
from .annotation import AnnotatedImage
from .collection import Collection
from .formats.format import AnnotationFormat, WriteOptions
from .formats.registry import format_named
from .issues import ISSUES, Issue, IssueKind, box_issues, duplicates, small_boxes
from .repair import BoxRepair, repair
from .source import AnnotationSource

__all__ = ["REPORT_SUFFIXES", "CheckResult", "check", "write_check_report"]

REPORT_SUFFIXES = (".json", ".csv")

_COLUMNS = ("record", "kind", "file", "image", "object", "message")


@dataclass
class CheckResult:
    """Issues of annotations and the repairs made.

    Attributes
    ----------
    path : Path
        The annotations.
    form : AnnotationFormat
        Their format.
    images_folder : Path or None
        The folder of the images; None if they were not checked.
    images, objects : int
        Numbers of annotated images and objects.
    without_objects : int
        Number of annotated images without objects, which are no issue: a detector learns from them.
    not_annotated : list of str
        Images in the folder that no annotation names, which are not used.
    issues : list of Issue
        In the order of the annotations.
    repaired : Path or None
        The repaired copy.
    repairs : list of BoxRepair
        Differences of the repaired copy.
    """

    path: Path
    form: AnnotationFormat
    images_folder: Path | None
    images: int = 0
    objects: int = 0
    without_objects: int = 0
    not_annotated: list[str] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    repaired: Path | None = None
    repairs: list[BoxRepair] = field(default_factory=list)

    @property
    def counts(self) -> dict[IssueKind, int]:
        """Number of issues of each kind that occurs, in the order of `ISSUES`."""
        counts = Counter(issue.kind for issue in self.issues)
        return {kind: counts[kind] for kind in ISSUES if counts[kind]}


def check(
    source: AnnotationSource,
    *,
    smallest: float = 1.0,
    fix: str | Path | None = None,
    overwrite: bool = False,
) -> CheckResult:
    """Check annotations for issues.

    Images are checked if their folder is known: their size is read from the header, and JPEG and
    PNG files are scanned for truncation.  Labels are checked if the source has a class list.

    Parameters
    ----------
    source : AnnotationSource
        The annotations; read once.
    smallest : float
        Boxes with a shorter side below this, in pixels, are reported.
    fix : str or Path, optional
        Path of a copy with all safe repairs (see `repair`), in the same format, or as Pascal VOC if
        that format cannot be written.  Unreadable annotations and further annotations of the same
        image are left out.
    overwrite : bool
        Replace existing files of the repaired copy.

    Returns
    -------
    CheckResult
        Issues and repairs.

    Raises
    ------
    InputError
        If the format needs the size of an image and it is unknown.
    OutputError
        If `fix` exists already or cannot be written.
    """
    form = source.form if source.form.write is not None else format_named("voc")
    target = None if fix is None else Path(fix)
    if target is not None:
        if target.resolve() == source.path.resolve():
            raise OutputError(
                f"{target} is the input of the check. Write the repaired copy elsewhere."
            )
        refuse_existing([target], overwrite=overwrite, folders=not form.suffix)
    folder = None if source.images is None else source.images.folder
    result = CheckResult(source.path, source.form, folder)
    find_issues = _IssueFinder(source, smallest)
    copy = Collection()
    for file, image in _read(source, result):
        issues, size = find_issues(file, image)
        result.issues += issues
        if target is None:
            continue
        if any(issue.kind == "image-twice" for issue in issues):
            message = "the image has an annotation already"
            result.repairs.append(BoxRepair("left-out", file, image.filename, None, message))
        else:
            repaired, repairs = repair(image, size, file)
            result.repairs += repairs
            copy.append(repaired)
    if source.images is not None:
        result.not_annotated = [n for n in source.images.names if n not in find_issues.found]
    if target is not None and form.write is not None and len(copy):
        names = source.class_order(copy.labels)
        form.write(target, copy, WriteOptions(names, source.images, source.settings))
        result.repaired = target
    return result


def write_check_report(path: str | Path, result: CheckResult) -> Path:
    """Write every issue and repair as JSON or CSV.

    The CSV has the columns record (``fault`` or ``change``), kind, file, image, object and message.
    The JSON lists them, without the first column, under ``faults`` and ``changes``, next to
    ``path``, ``format``, ``images_folder``, the numbers of ``images`` and ``objects`` and of images
    ``without_objects``, the images ``not_annotated``, the ``counts`` of each kind of issue, and
    ``repaired``, the path of the repaired copy.

    Parameters
    ----------
    path : str or Path
        The file; its suffix, one of `REPORT_SUFFIXES`, selects the format.
    result : CheckResult
        From `check`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If the suffix is not supported, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in REPORT_SUFFIXES:
        raise OutputError(f"{path}: a report is written as {' or '.join(REPORT_SUFFIXES)}.")
    faults = [asdict(issue) for issue in result.issues]
    changes = [asdict(change) for change in result.repairs]
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        if path.suffix.lower() == ".csv":
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            for record, rows in (("fault", faults), ("change", changes)):
                for row in rows:
                    cells = {name: to_cell(value) for name, value in row.items()}
                    writer.writerow({"record": record, **cells})
        else:
            content = {
                **record_of_versions(),
                "path": str(result.path),
                "format": result.form.name,
                "images_folder": result.images_folder and str(result.images_folder),
                "images": result.images,
                "objects": result.objects,
                "without_objects": result.without_objects,
                "not_annotated": result.not_annotated,
                "counts": result.counts,
                "faults": faults,
                "repaired": result.repaired and str(result.repaired),
                "changes": changes,
            }
            json.dump(content, file, indent=1)
            file.write("\n")
    return path


def _read(source: AnnotationSource, result: CheckResult) -> Iterator[tuple[str, AnnotatedImage]]:
    """Yield and count the readable annotations, then add the unreadable ones to the issues."""
    fatal = []
    try:
        for file, image in source:
            result.images += 1
            result.objects += len(image.objects)
            result.without_objects += not image.objects
            yield str(file), image
    except InputError as error:
        fatal.append(error)
    result.issues += [
        Issue("unreadable-annotation", str(source.path), "", None, str(failure))
        for failure in (*source.failures, *fatal)
    ]


class _IssueFinder:
    """Find the issues of an image; remembers the images seen, to report duplicates."""

    def __init__(self, source: AnnotationSource, smallest: float) -> None:
        self.images = source.images
        self.classes = source.class_names
        self.smallest = smallest
        self.seen: dict[str, str] = {}
        self.found: set[str] = set()

    def __call__(
        self, file: str, image: AnnotatedImage
    ) -> tuple[list[Issue], tuple[int, int] | None]:
        """Return the issues of an image, and its true size or None if that is unknown."""
        issues: list[Issue] = []

        def add(kind: IssueKind, message: str = "", number: int | None = None) -> None:
            issues.append(Issue(kind, file, image.filename, number, message))

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
            if path is not None:
                self.found.add(self.images.name_of(path))
        key = str(path or image.filename)
        if key in self.seen:
            add("image-twice", f"also annotated in {self.seen[key]}")
        self.seen.setdefault(key, file)
        if size is not None and size != (image.width, image.height):
            declared = f"{image.width} x {image.height}"
            add("wrong-size", f"annotated as {declared}, the image has {size[0]} x {size[1]}")
        for number, kind, message in self._object_issues(image):
            add(kind, message, number)
        return issues, size

    def _object_issues(self, image: AnnotatedImage) -> Iterator[tuple[int, IssueKind, str]]:
        for number, box in enumerate(image.objects, 1):
            if self.classes is not None and box.label not in self.classes:
                yield number, "unknown-class", repr(box.label)
        for number, kind in box_issues(image):
            edges = ", ".join(f"{edge:.6g}" for edge in image.objects[number - 1].edges)
            inside = f" in {image.width} x {image.height}" if kind == "outside" else ""
            yield number, kind, f"({edges}){inside}"
        for number in small_boxes(image, self.smallest):
            box = image.objects[number - 1]
            yield number, "small", f"{box.width:.4g} x {box.height:.4g}"
        for number, earlier in duplicates(image):
            yield number, "duplicate", f"of object {earlier}, {image.objects[number - 1].label!r}"
