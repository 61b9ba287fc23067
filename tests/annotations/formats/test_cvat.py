from __future__ import annotations

from pathlib import Path

import pytest

from galpipe.annotations import ObjectBox
from galpipe.annotations.formats.cvat import FORMAT
from galpipe.annotations.source import AnnotationSource

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><name>sky</name><labels>
    <label><name>spiral</name><color>#fa3253</color></label>
    <label><name>merger</name></label>
  </labels></task></meta>
"""


def write(folder: Path, *images: str) -> AnnotationSource:
    path = folder / "annotations.xml"
    path.write_text(f"{HEAD}{''.join(images)}</annotations>\n")
    return AnnotationSource(path)


def image(name: str, *shapes: str) -> str:
    return f'<image id="0" name="{name}" width="64" height="48">{"".join(shapes)}</image>'


BOX = (
    '<box label="spiral" source="manual" occluded="{}" xtl="3.5" ytl="4" xbr="13" ybr="16.25" '
    'z_order="0">{}</box>'
)


@pytest.mark.parametrize(
    ("drawn", "edges"),
    [
        (BOX.format(0, ""), (3.5, 4, 13, 16.25)),
        (
            '<box label="spiral" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90.0"/>',
            (15, 5, 25, 25),
        ),
        ('<polygon label="spiral" points="1.0,2.0;9,3;5,12"/>', (1, 2, 9, 12)),
        ('<polyline label="spiral" points="1.0,2.0;9,3;5,12"/>', (1, 2, 9, 12)),
        ('<ellipse label="spiral" cx="20" cy="20" rx="5" ry="4"/>', (15, 16, 25, 24)),
        (
            '<ellipse label="spiral" cx="20" cy="20" rx="5" ry="4" rotation="90"/>',
            (16, 15, 24, 25),
        ),
        (
            '<mask label="spiral" rle="1, 2" left="3" top="4" width="10" height="12"/>',
            (3, 4, 13, 16),
        ),
    ],
)
def test_shapes_become_boxes(tmp_path: Path, drawn: str, edges: tuple[float, ...]) -> None:
    write(tmp_path, image("sub/a.png", drawn))
    source = AnnotationSource(tmp_path)
    [[_, found]] = list(source)
    assert source.form is FORMAT
    assert not source.failures
    assert (found.filename, found.width, found.height) == ("sub/a.png", 64, 48)
    assert found.objects == (ObjectBox("spiral", *edges),)


def test_attributes_empty_images_and_classes(tmp_path: Path) -> None:
    attributes = "".join(
        f'<attribute name="{name}">{value}</attribute>'
        for name, value in (("difficult", "true"), ("arms", "2"), ("note", ""))
    )
    source = write(
        tmp_path, image("a.png", BOX.format(1, attributes)), image("b.png", '<tag label="sky"/>')
    )
    [_, first], [_, second] = list(source)
    [box] = first.objects
    assert (box.difficult, box.truncated) == (True, True)
    assert box.attributes == (("arms", "2"), ("note", ""))
    assert (second.filename, second.objects) == ("b.png", ())
    assert source.class_order(["other"]) == ("spiral", "merger", "other")


def test_one_odd_shape_costs_one_object(tmp_path: Path) -> None:
    odd = (
        '<points label="spiral" points="1,2"/>',
        '<box xtl="3" ytl="4" xbr="5" ybr="6"/>',
        '<box label="spiral" xtl="nan" ytl="4" xbr="5" ybr="6"/>',
        '<box label="spiral" ytl="4" xbr="5" ybr="6"/>',
        '<polygon label="spiral" points="1;2"/>',
    )
    source = write(tmp_path, image("a.png", BOX.format(0, ""), *odd), image("b.png", odd[0]))
    [[_, found]] = list(source)
    assert (found.filename, len(found.objects)) == ("a.png", 1)
    said = [str(failure) for failure in source.failures]
    assert len(said) == 7
    assert all(f"shape {n} of a.png" in text for n, text in enumerate(said[:5], 1))
    assert "has no extent" in said[0]
    assert "b.png is left out" in said[-1]


def test_tracks_are_named(tmp_path: Path) -> None:
    track = '<track id="0" label="spiral"><box frame="0" xtl="1" ytl="2" xbr="3" ybr="4"/></track>'
    source = write(tmp_path, track)
    assert list(source) == []
    [failure] = source.failures
    assert "CVAT for images" in str(failure)
