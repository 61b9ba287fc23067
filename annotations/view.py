"""Draw annotated images with their boxes on PNG pages or a web page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files.output_folder import refuse_existing
from ..progress import Progress, count_of, open_progress
from .annotation import AnnotatedImage
from .collection import Collection
from .contact_sheets import Thumbnail, sheet_paths, thumbnail, write_sheets
from .gallery import write_gallery
from .source import AnnotationSource

__all__ = ["view"]

_PAGE_WIDTH = 1800  # pixels


def view(
    source: AnnotationSource,
    output: str | Path,
    *,
    class_names: Sequence[str] = (),
    columns: int | None = None,
    rows: int | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> list[Path]:
    """Draw annotated images with their boxes as PNG pages or as one web page.

    Parameters
    ----------
    source : AnnotationSource
        The annotations; missing and unreadable images are added to its `failures`.
    output : path
        ``.html`` for the web page, else PNG.
    class_names : sequence of str
        Show only boxes of these classes, and images with one; by default all.
    columns : int, optional
        Pictures in a row; by default 2 to 6, so that they appear at about their own size.
    rows : int, optional
        Rows on a PNG page; by default as many as columns.
    overwrite : bool
        Replace existing files.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to this display.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        If the annotations cannot be read, or there is no readable image of these classes.
    OutputError
        If a file exists and may not be replaced, or cannot be written.
    """
    output = Path(output)
    paths, images = [], Collection()
    for path, annotated in source.located():
        shown = _filtered(annotated, class_names)
        if shown.objects or not class_names:
            paths.append(path)
            images.append(shown)
    if not paths:
        what = f" of the class {' or '.join(map(repr, class_names))}" if class_names else ""
        raise InputError(f"{source.path} holds no image{what} that could be shown.")
    counts = Counter(box.label for image in images for box in image.objects)
    classes = {name: counts[name] for name in sorted(counts)}
    across = min(columns or _columns(images), len(paths))
    web = output.suffix.lower() == ".html"
    down = rows or across
    pages = [output] if web else sheet_paths(output, len(paths), across * down)
    refuse_existing(pages, overwrite=overwrite)
    pictures = _pictures(source, paths, images, _PAGE_WIDTH // across, progress)
    if web:
        title = f"{source.path.name}: {len(paths):,} images, {counts.total():,} boxes"
        written = pages if write_gallery(output, pictures, classes, across, title) else []
    else:
        written = write_sheets(pages, pictures, classes, across, down)
    if not written:
        raise InputError(f"None of the {len(paths)} images of {source.path} could be read.")
    return written


def _filtered(image: AnnotatedImage, class_names: Sequence[str]) -> AnnotatedImage:
    if not class_names:
        return image
    return replace(image, objects=tuple(b for b in image.objects if b.label in class_names))


def _columns(images: Collection) -> int:
    """Return the number of images of median size across a page, 2 to 6."""
    longest = [max(image.width, image.height) for image in images if image.width]
    return int(np.clip(round(_PAGE_WIDTH / np.median(longest)), 2, 6)) if longest else 4


def _pictures(
    source: AnnotationSource,
    paths: Sequence[Path],
    images: Collection,
    side: int,
    progress: bool | Progress,
) -> Iterator[Thumbnail]:
    shown = 0
    with open_progress(progress)("images", len(paths)) as task:
        for path, annotated in zip(paths, images, strict=True):
            task.update(description=path.name)
            try:
                picture = thumbnail(path, annotated, side)
            except InputError as error:
                source.failures.append(error)
            else:
                shown += len(annotated.objects)
                yield picture
            task.update(advance=1, status=count_of(shown, "boxes", len(source.failures)))
