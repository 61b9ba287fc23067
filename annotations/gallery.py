"""Write annotated images as a self-contained web page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2

from ..files.atomic import atomic_path
from ..files.report import load_template
from ..imaging.draw import class_colour
from .contact_sheets import Thumbnail

__all__ = ["write_gallery"]

_JPEG_QUALITY = 85


def write_gallery(
    path: Path,
    thumbnails: Iterable[Thumbnail],
    classes: Mapping[str, int],
    columns: int,
    title: str,
) -> int:
    """Write pictures with their boxes as a web page with a filter by class.

    Names are untrusted: they are escaped, and the page may neither load nor run anything.

    Parameters
    ----------
    path : Path
        The HTML file.
    thumbnails : iterable of Thumbnail
        The pictures; written one by item.
    classes : mapping of str to int
        The classes in the order of their colours, and the number of their objects.
    columns : int
        Pictures side by side.
    title : str
        Heading of the page.

    Returns
    -------
    int
        Number of pictures written.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    ids = {name: f"c{number}" for number, name in enumerate(classes)}
    listed = [
        {
            "id": ids[name],
            "name": name,
            "count": f"{count:,}",
            "colour": class_colour(number),
        }
        for number, (name, count) in enumerate(classes.items())
    ]
    written = 0

    def figures() -> Iterator[dict[str, Any]]:
        nonlocal written
        for item in thumbnails:
            yield _figure(item, ids)
            written += 1

    page = load_template("gallery.html").generate(
        title=title, columns=columns, classes=listed, figures=figures()
    )
    # Characters that UTF-8 cannot encode become question marks.
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="replace") as file,
    ):
        file.writelines(page)
    return written


def _figure(item: Thumbnail, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a picture for the template; small boxes are last, so drawn on top."""
    height, width = item.rgb.shape[:2]
    _, jpeg = cv2.imencode(
        ".jpg",
        cv2.cvtColor(item.rgb, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY],
    )
    boxes = []
    for k in sorted(range(len(item.boxes)), key=lambda k: -item.sides[k].max()):
        (xmin, ymin, xmax, ymax), (across, down) = item.boxes[k], item.sides[k]
        label, difficult = item.labels[k], item.difficult[k]
        boxes.append(
            {
                "kind": f"{ids[label]}{' difficult' if difficult else ''}",
                "x": f"{xmin:.1f}",
                "y": f"{ymin:.1f}",
                "width": f"{xmax - xmin:.1f}",
                "height": f"{ymax - ymin:.1f}",
                "title": f"{label}{', difficult' if difficult else ''}, {across:g} x {down:g} px",
                "label": label if len(ids) > 1 and not difficult else "",
                "label_y": f"{max(ymin - 3, 11):.1f}",
            }
        )
    return {
        "name": item.name,
        "jpeg": base64.b64encode(jpeg.tobytes()).decode(),
        "width": width,
        "height": height,
        "boxes": boxes,
    }
