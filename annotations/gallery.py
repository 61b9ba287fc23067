"""Write annotated images as a web page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2

from ..files.atomic import atomic_path
from ..files.report import load_template
from ..imaging.draw import PALETTE
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
    """Write pictures with their boxes as a web page on which classes can be hidden.

    Names are untrusted: they are escaped, and the page is forbidden to load or run anything.

    Parameters
    ----------
    path : Path
        The HTML file.
    thumbnails : iterable of Thumbnail
        The pictures, written one by one.
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
            "colour": "#{:02x}{:02x}{:02x}".format(*PALETTE[number % len(PALETTE)]),
        }
        for number, (name, count) in enumerate(classes.items())
    ]
    written = 0

    def figures() -> Iterator[dict[str, Any]]:
        nonlocal written
        for one in thumbnails:
            yield _figure(one, ids)
            written += 1

    page = load_template("gallery.html").generate(
        title=title, columns=columns, classes=listed, figures=figures()
    )
    # A name in another encoding than UTF-8 is shown with question marks.
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(page)
    return written


def _figure(one: Thumbnail, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return what the template shows of a picture; small boxes come last, on top."""
    height, width = one.rgb.shape[:2]
    _, jpeg = cv2.imencode(
        ".jpg",
        cv2.cvtColor(one.rgb, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY],
    )
    boxes = []
    for k in sorted(range(len(one.boxes)), key=lambda k: -one.sides[k].max()):
        (xmin, ymin, xmax, ymax), (across, down) = one.boxes[k], one.sides[k]
        label, difficult = one.labels[k], one.difficult[k]
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
        "name": one.name,
        "jpeg": base64.b64encode(jpeg.tobytes()).decode(),
        "width": width,
        "height": height,
        "boxes": boxes,
    }
