from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from galpipe.annotations import ObjectBox
from galpipe.annotations.formats.vott import FORMAT
from galpipe.annotations.source import AnnotationSource


def region(*tags: str, **parts: Any) -> dict[str, Any]:
    box = {"height": 12.25, "width": 9.5, "left": 3.5, "top": 4}
    points = [{"x": 3.5, "y": 4}, {"x": 13, "y": 4}, {"x": 13, "y": 16.25}]
    entry = {"id": "r", "type": "RECTANGLE", "tags": tags, "boundingBox": box, "points": points}
    return entry | parts


def asset(name: str, *regions: dict[str, Any], state: int = 2) -> dict[str, Any]:
    described = {
        "format": "png",
        "id": "0f",
        "name": name,
        "path": f"file:C:/images/{name}",
        "size": {"width": 64, "height": 48},
        "state": state,
        "type": 1,
    }
    return {"asset": described, "regions": regions, "version": "2.2.0"}


def write_export(folder: Path, *assets: dict[str, Any]) -> Path:
    path = folder / "sky-export.json"
    tags = [{"name": "spiral", "color": "#5db300"}, {"name": "merger", "color": "#e81123"}]
    content = {
        "name": "sky",
        "videoSettings": {"frameExtractionRate": 15},
        "tags": tags,
        "id": "x",
        "assets": {f"{number:032x}": entry for number, entry in enumerate(assets)},
    }
    path.write_text(json.dumps(content))
    return path


def test_the_export_of_a_project(tmp_path: Path) -> None:
    path = write_export(
        tmp_path,
        asset("a.png", region("spiral"), region("merger", boundingBox=None)),
        asset("b.png", state=1),
        asset("c.png", state=0),
    )
    assert [image for _, image in AnnotationSource(tmp_path)] == [
        image for _, image in AnnotationSource(path)
    ]
    source = AnnotationSource(path)
    [_, first], [_, second] = list(source)
    assert source.form is FORMAT
    assert not source.failures
    assert (first.filename, first.width, first.height) == ("a.png", 64, 48)
    assert first.objects == tuple(ObjectBox(n, 3.5, 4, 13, 16.25) for n in ("spiral", "merger"))
    # The image that nobody has opened is not one without galaxies.
    assert (second.filename, second.objects) == ("b.png", ())
    [note] = source.notes
    assert "nobody has opened" in note
    assert source.class_order(["other"]) == ("spiral", "merger", "other")


def test_one_file_per_asset(tmp_path: Path) -> None:
    for name in ("a", "b"):
        content = asset(f"{name}.png", region("spiral"))
        (tmp_path / f"{name}-asset.json").write_text(json.dumps(content))
    (tmp_path / "sky.vott").write_text("{}")
    source = AnnotationSource(tmp_path)
    assert source.form is FORMAT
    assert [image.filename for _, image in source] == ["a.png", "b.png"]
    [[_, one]] = list(AnnotationSource(tmp_path / "a-asset.json"))
    assert one.objects == (ObjectBox("spiral", 3.5, 4, 13, 16.25),)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (region("spiral", "merger"), "has 2 tags"),
        (region(), "has no tag"),
        (region("spiral", boundingBox={"left": 1}), "boundingBox.top"),
        (region("spiral", boundingBox=None, points=[]), "0 points"),
    ],
)
def test_one_odd_region_costs_one_object(tmp_path: Path, entry: dict[str, Any], says: str) -> None:
    path = write_export(
        tmp_path, asset("a.png", region("spiral"), entry), asset("b.png", entry), {"asset": 1}
    )
    source = AnnotationSource(path)
    [[_, image]] = list(source)
    assert (image.filename, len(image.objects)) == ("a.png", 1)
    first, _, left_out, last = map(str, source.failures)
    assert "region 1 of a.png" in first
    assert says in first
    assert "the image b.png is left out" in left_out
    assert "wrong asset" in last


def test_a_class_for_regions_without_one(tmp_path: Path) -> None:
    path = write_export(tmp_path, asset("a.png", region()))
    [[_, image]] = list(AnnotationSource(path, settings={"class_name": "galaxy"}))
    assert image.labels == ("galaxy",)
