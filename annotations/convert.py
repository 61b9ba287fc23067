"""Convert annotations from one format to another and count what is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from ..errors import InputError, OutputError
from ..files.output_folder import refuse_existing
from .annotation import AnnotatedImage, ObjectBox
from .collection import Collection
from .formats.format import AnnotationFormat, Feature, WriteOptions
from .formats.registry import FORMATS, format_named
from .image_copies import ImagesAs, PlacedImages, place_images
from .issues import box_issues
from .source import AnnotationSource

__all__ = ["Conversion", "convert", "target_format"]

# The default where several formats share a suffix.
_DEFAULTS = {".json": "coco"}


@dataclass(frozen=True)
class Conversion:
    """Result of a conversion.

    Attributes
    ----------
    source, target : AnnotationFormat
        The formats.
    images, objects : int
        Numbers written.
    class_names : tuple of str
        The classes in the order of their ids.
    failures : tuple of InputError
        Files and entries that could not be read and were left out.
    skipped : int
        Number of difficult objects left out on request.
    lost : mapping of Feature to int
        Number of images (``empty``, ``size``) or objects with a feature that the target does not
        support.
    invalid : int
        Number of boxes that are inverted, empty or outside the image; written unchanged.
    empty : int
        Number of empty and inverted boxes left out, for which programs that read the format refuse
        a whole file.
    placed : PlacedImages or None
        Images of the data set; None for a format that does not include their files.
    """

    source: AnnotationFormat
    target: AnnotationFormat
    images: int
    objects: int
    class_names: tuple[str, ...]
    failures: tuple[InputError, ...]
    skipped: int
    lost: Mapping[Feature, int]
    invalid: int
    empty: int = 0
    placed: PlacedImages | None = None


def convert(
    source: AnnotationSource,
    output: str | Path,
    form: AnnotationFormat,
    *,
    skip_difficult: bool = False,
    settings: Mapping[str, Any] | None = None,
    images_as: ImagesAs = "link",
    overwrite: bool = False,
) -> Conversion:
    """Write annotations in another format.

    Parameters
    ----------
    source : AnnotationSource
        The annotations; read once.
    output : str or Path
        File or folder to write, as the format requires.
    form : AnnotationFormat
        The format to write; see `target_format`.
    skip_difficult : bool
        Leave out difficult objects, which a format without that flag would make ordinary ones.
    settings : mapping, optional
        Settings of the format, by the names that it documents.
    images_as : {"link", "copy", "none"}
        How the images of a YOLO data set are placed in it; see `place_images`.
    overwrite : bool
        Replace files of the same names; other files in the folder are kept.

    Returns
    -------
    Conversion
        Counts and failures.

    Raises
    ------
    InputError
        If nothing can be read, or the annotations lack something that the format needs.
    OutputError
        If the output exists already, or cannot be written.
    """
    output = Path(output)
    if form.write is None:
        raise OutputError(f"{form.title} can be read, but not written.")
    refuse_existing([output], overwrite=overwrite, folders=not form.suffix)
    collection = Collection()
    features: Counter[Feature] = Counter()
    skipped = invalid = empty = 0
    for _, image in source:
        kept = _without_difficult(image) if skip_difficult else image
        skipped += len(image.objects) - len(kept.objects)
        if form.refuses_empty_boxes:
            drawn = replace(kept, objects=tuple(filter(_has_area, kept.objects)))
            empty += len(kept.objects) - len(drawn.objects)
            kept = drawn
        invalid += sum(1 for _ in box_issues(kept))
        _count(kept, features)
        collection.append(kept)
    if not len(collection):
        reason = f" The first reason: {source.failures[0]}" if source.failures else ""
        raise InputError(f"{source.path} holds no annotated image that can be read.{reason}")
    class_names = source.class_order(collection.labels)
    _refuse_unknown(source, collection)
    form.write(output, collection, WriteOptions(class_names, source.images, settings or {}))
    placed = None
    if form.image_stems is not None and images_as != "none":
        stems = form.image_stems(output, collection.names)
        placed = place_images(stems, collection.names, source.images, images_as)
    return Conversion(
        source=source.form,
        target=form,
        images=len(collection),
        objects=collection.objects,
        class_names=class_names,
        failures=tuple(source.failures),
        skipped=skipped,
        lost={
            feature: features[feature]
            for feature in get_args(Feature)
            if features[feature] and feature not in form.supports
        },
        invalid=invalid,
        empty=empty,
        placed=placed,
    )


def target_format(output: str | Path, name: str | None = None) -> AnnotationFormat:
    """Return the format of an output.

    Parameters
    ----------
    output : str or Path
        The file or folder to write.
    name : str, optional
        Name of the format; by default the suffix of the output decides.

    Raises
    ------
    InputError
        If there is no such format, or the suffix does not determine it.
    """
    if name is not None:
        return format_named(name)
    suffix = Path(output).suffix.lower()
    written = [form for form in FORMATS.values() if form.write is not None]
    for form in written:
        if suffix and form.suffix == suffix and _DEFAULTS.get(suffix, form.name) == form.name:
            return form
    raise InputError(
        f"The suffix of {Path(output).name} does not determine a format. Name it with --to: "
        f"{', '.join(form.name for form in written)}."
    )


def _refuse_unknown(source: AnnotationSource, collection: Collection) -> None:
    if source.class_names is None:
        return
    unknown = [repr(label) for label in collection.labels if label not in source.class_names]
    if unknown:
        raise InputError(
            f"{source.path} has objects of classes that the class list lacks: "
            f"{', '.join(unknown[:5])}{', ...' if len(unknown) > 5 else ''}. Add them to the list, "
            "or rename the objects."
        )


def _without_difficult(image: AnnotatedImage) -> AnnotatedImage:
    return replace(image, objects=tuple(box for box in image.objects if not box.difficult))


def _has_area(box: ObjectBox) -> bool:
    return box.xmax > box.xmin and box.ymax > box.ymin


def _count(image: AnnotatedImage, counts: Counter[Feature]) -> None:
    """Count the features of an image that not every format supports."""
    counts["empty"] += not image.objects
    counts["size"] += image.width > 0 and image.height > 0
    for box in image.objects:
        counts["difficult"] += box.difficult
        counts["truncated"] += box.truncated
        counts["pose"] += box.pose != "Unspecified"
        counts["attributes"] += bool(box.attributes)
