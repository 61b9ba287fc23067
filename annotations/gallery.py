"""One web page of annotated images that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

import cv2

from ..files.atomic import atomic_path
from ..imaging.draw import PALETTE
from .thumbnails import Thumbnail

__all__ = ["write_gallery"]

_QUALITY = 85

# Names come from strangers: they are escaped, and the page is forbidden to load or run anything.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ margin: 1em; background: #12141c; color: #e1e4eb; font: 14px sans-serif; }}
label {{ margin-right: 1.5em; white-space: nowrap; }}
main {{ display: grid; grid-template-columns: repeat({columns}, minmax(0, 1fr)); gap: 8px;
 margin-top: 1em; }}
figure {{ margin: 0; }}
figcaption {{ overflow-wrap: anywhere; padding: 3px 0; }}
.picture {{ position: relative; }}
.picture img, .picture svg {{ display: block; width: 100%; }}
.picture svg {{ position: absolute; inset: 0; height: 100%; }}
rect {{ fill: transparent; stroke-width: 1.5px; vector-effect: non-scaling-stroke; }}
rect:hover {{ stroke-width: 3px; }}
text {{ font-size: 11px; paint-order: stroke; stroke: #12141c; stroke-width: 3px; }}
.difficult {{ stroke-dasharray: 4 4; }}
body:has(#difficult:not(:checked)) .difficult {{ display: none; }}
{rules}
</style>
</head>
<body>
<h1>{title}</h1>
<div>
{boxes}
<label><input type="checkbox" id="difficult" checked> difficult (broken lines)</label>
</div>
<main>
"""
_TAIL = "</main>\n</body>\n</html>\n"


def write_gallery(
    path: Path,
    thumbnails: Iterable[Thumbnail],
    classes: Mapping[str, int],
    columns: int,
    title: str,
) -> int:
    """Write pictures with their boxes as a web page, on which classes can be hidden.

    Parameters
    ----------
    path : Path
        The HTML file.
    thumbnails : iterable of Thumbnail
        The pictures, written one by one.
    classes : mapping of str to int
        The classes, in the order of their colours, and the number of their objects.
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
    ids = {name: number for number, name in enumerate(classes)}
    rules, boxes = [], []
    for name, number in ids.items():
        colour = "#{:02x}{:02x}{:02x}".format(*PALETTE[number % len(PALETTE)])
        rules += [
            f"rect.c{number} {{ stroke: {colour}; }} text.c{number} {{ fill: {colour}; }}",
            f"body:has(#c{number}:not(:checked)) .c{number} {{ display: none; }}",
        ]
        boxes.append(
            f'<label style="color:{colour}"><input type="checkbox" id="c{number}" checked> '
            f"{escape(name)} {classes[name]:,}</label>"
        )
    count = 0
    # a name that is no text, such as a file's in another encoding, is shown with question marks
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", errors="replace") as file:
        file.write(
            _HEAD.format(
                title=escape(title), columns=columns, rules="\n".join(rules), boxes="\n".join(boxes)
            )
        )
        for one in thumbnails:
            file.write(_figure(one, ids))
            count += 1
        file.write(_TAIL)
    return count


def _figure(one: Thumbnail, ids: Mapping[str, int]) -> str:
    height, width = one.rgb.shape[:2]
    shapes = []
    order = sorted(range(len(one.boxes)), key=lambda k: -one.sides[k].max())
    for k in order:
        xmin, ymin, xmax, ymax = one.boxes[k]
        label = escape(one.labels[k])
        kind = f"c{ids[one.labels[k]]}" + (" difficult" if one.difficult[k] else "")
        across, down = one.sides[k]
        words = f"{label}{', difficult' if one.difficult[k] else ''}, {across:g} x {down:g} px"
        shapes.append(
            f'<rect class="{kind}" x="{xmin:.1f}" y="{ymin:.1f}" width="{xmax - xmin:.1f}" '
            f'height="{ymax - ymin:.1f}"><title>{words}</title></rect>'
        )
        if len(ids) > 1 and not one.difficult[k]:
            place = f'x="{xmin:.1f}" y="{max(ymin - 3, 11):.1f}"'
            shapes.append(f'<text class="{kind}" {place}>{label}</text>')
    return (
        f'<figure><div class="picture"><img alt="" src="{_data_uri(one)}">'
        f'<svg viewBox="0 0 {width} {height}">{"".join(shapes)}</svg></div>'
        f"<figcaption>{escape(one.name)}</figcaption></figure>\n"
    )


def _data_uri(one: Thumbnail) -> str:
    picture = cv2.cvtColor(one.rgb, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
