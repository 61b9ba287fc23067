from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.formats.format import ReadOptions
from galpipe.annotations.formats.registry import detect_format
from galpipe.annotations.formats.via import FORMAT
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError

RECT = {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 40}


def region(shape: Any = RECT, **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes or {"class": "galaxy"}}


def entry(*regions: Any, filename: str = "a.png") -> dict[str, Any]:
    return {"filename": filename, "size": 1234, "regions": list(regions), "file_attributes": {}}


def save(folder: Path, content: Any) -> Path:
    path = folder / "via.json"
    path.write_text(json.dumps(content))
    return path


def read(path: Path, **reading: Any) -> list[AnnotatedImage]:
    return [image for _, image in FORMAT.read(path, ReadOptions(**reading))]


def only(folder: Path, *regions: Any) -> tuple[ObjectBox, ...]:
    [image] = read(save(folder, {"a.png1234": entry(*regions)}))
    return image.objects


def test_project_and_export_of_both_versions(tmp_path: Path) -> None:
    second = entry(filename="b.png")
    version_2 = {"a.png1234": entry(region()), "b.png1234": second}
    version_1 = {
        "a.png1234": {"filename": "a.png", "regions": {"0": region()}, "fileref": ""},
        "b.png1234": {"filename": "b.png", "regions": {}},
    }
    project = {"_via_settings": {"ui": {}}, "_via_img_metadata": version_2, "_via_attributes": {}}
    for content in (version_2, version_1, project):
        path = save(tmp_path, content)
        assert detect_format(path) is FORMAT
        assert read(path) == [
            AnnotatedImage("a.png", 0, 0, objects=(ObjectBox("galaxy", 10, 20, 40, 60),)),
            AnnotatedImage("b.png", 0, 0),
        ]


@pytest.mark.parametrize(
    ("shape", "edges"),
    [
        (RECT, (10, 20, 40, 60)),
        ({"name": "circle", "cx": 10, "cy": 20, "r": 2.5}, (7.5, 17.5, 12.5, 22.5)),
        ({"name": "ellipse", "cx": 10, "cy": 20, "rx": 3, "ry": 4}, (7, 16, 13, 24)),
        (
            {"name": "ellipse", "cx": 10, "cy": 20, "rx": 3, "ry": 4, "theta": math.pi / 2},
            (6, 17, 14, 23),
        ),
        (
            {"name": "ellipse", "cx": 0, "cy": 0, "rx": 3, "ry": 4, "theta": math.pi / 4},
            (-math.sqrt(12.5), -math.sqrt(12.5), math.sqrt(12.5), math.sqrt(12.5)),
        ),
        (
            {"name": "polygon", "all_points_x": [5, 9, 7], "all_points_y": [1.5, 2, 8]},
            (5, 1.5, 9, 8),
        ),
        ({"name": "polyline", "all_points_x": [5, 9], "all_points_y": [8, 2]}, (5, 2, 9, 8)),
    ],
)
def test_shapes_become_the_boxes_around_them(
    tmp_path: Path, shape: dict[str, Any], edges: tuple[float, ...]
) -> None:
    [box] = only(tmp_path, region(shape))
    assert box.edges == pytest.approx(edges)


def test_a_tilted_ellipse_just_fits_its_box(tmp_path: Path) -> None:
    shape = {"name": "ellipse", "cx": 50, "cy": 60, "rx": 30, "ry": 10, "theta": 0.4}
    [box] = only(tmp_path, region(shape))
    turn = np.linspace(0, 2 * np.pi, 100_001)
    x = 50 + 30 * np.cos(turn) * np.cos(0.4) - 10 * np.sin(turn) * np.sin(0.4)
    y = 60 + 30 * np.cos(turn) * np.sin(0.4) + 10 * np.sin(turn) * np.cos(0.4)
    assert box.edges == pytest.approx((x.min(), y.min(), x.max(), y.max()), abs=1e-6)


@pytest.mark.parametrize(
    ("attributes", "label", "others"),
    [
        ({"morphology": "spiral"}, "spiral", ()),
        ({"Label": "spiral", "bar": "yes"}, "spiral", (("bar", "yes"),)),
        ({"name": "m51", "class": "spiral"}, "spiral", (("name", "m51"),)),
        ({"type": {"spiral": True}}, "spiral", ()),
        (
            {"type": {"spiral": True, "odd": False}, "seen": {"bar": True, "ring": True}},
            "spiral",
            (("seen", "bar"), ("seen", "ring")),
        ),
    ],
)
def test_the_class_is_one_of_the_attributes(
    tmp_path: Path, attributes: dict[str, Any], label: str, others: tuple[Any, ...]
) -> None:
    [box] = only(tmp_path, region(**attributes))
    assert (box.label, box.attributes) == (label, others)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (region({"name": "point", "cx": 1, "cy": 2}), "Input tag 'point' found"),
        (region({"cx": 1}), "a wrong shape_attributes: an object"),
        (
            region({**RECT, "x": "10"}),
            "region 0 of a.png has a wrong shape_attributes.x: the text '10'",
        ),
        (region({**RECT, "width": 1e12}), "a wrong shape_attributes.width: 1000000000000.0"),
        (region({"name": "polygon", "all_points_x": [1], "all_points_y": []}), "1 x and 0 y"),
        (
            region({"name": "polygon", "all_points_x": [None], "all_points_y": [1]}),
            "has no shape_attributes.all_points_x[0]",
        ),
        (
            region({"name": "polygon", "all_points_x": 5, "all_points_y": [1]}),
            "(it should be a list)",
        ),
        (region(5), "has a wrong shape_attributes: 5"),
        ({"shape_attributes": RECT, "region_attributes": {}}, "does not give its class"),
        ({"shape_attributes": RECT}, "has no region_attributes"),
        (region(bar="yes", ring="no"), "does not give its class"),
        (region(label="", bar="yes"), "has a blank class (label)"),
        (region(label={"a": True, "b": True}), "several classes under 'label'"),
        (region(label={"a": False}), "does not give its class"),
        ([], "has a wrong content: a list"),
    ],
)
def test_a_bad_region_is_left_out_and_told(tmp_path: Path, bad: Any, message: str) -> None:
    path = save(tmp_path, {"a.png1234": entry(bad, region())})
    errors: list[InputError] = []
    [image] = read(path, on_error=errors.append)
    assert image.objects == (ObjectBox("galaxy", 10, 20, 40, 60),)
    [error] = errors
    assert message in str(error)
    assert str(path) in str(error)


def test_the_class_can_be_given_or_its_attribute_named(tmp_path: Path) -> None:
    bare = {"shape_attributes": RECT, "region_attributes": {}}
    path = save(tmp_path, {"a.png1234": entry(bare, region(label=""), region(label="star"))})
    [image] = read(path, settings={"class_name": "galaxy"})
    assert image.labels == ("galaxy", "galaxy", "star")
    path = save(tmp_path, {"a.png1234": entry(region(Morphology="E", ring="no"))})
    [image] = read(path, settings={"columns": {"label": "morphology"}})
    assert image.labels == ("E",)
    assert image.objects[0].attributes == (("ring", "no"),)


def test_an_image_of_which_every_region_is_refused_is_left_out(tmp_path: Path) -> None:
    path = save(tmp_path, {"a.png1": entry(region(5)), "b.png1": entry(filename="b.png")})
    errors: list[InputError] = []
    assert [image.filename for image in read(path, on_error=errors.append)] == ["b.png"]
    assert "a.png is left out, as its only object" in str(errors[1])


def test_an_embedded_picture_does_not_hide_the_format(tmp_path: Path) -> None:
    picture = f"data:image/png;base64,{'A' * 200_000}"
    content = {picture: entry(region()) | {"file_attributes": {"thumbnail": picture}}}
    path = save(tmp_path, content)
    assert detect_format(path) is FORMAT
    assert read(path)[0].labels == ("galaxy",)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (5, "entry 'bad' has a wrong content: 5"),
        ({"regions": []}, "has no filename"),
        ({"filename": "b.png", "regions": "none"}, "has a wrong regions: the text 'none'"),
    ],
)
def test_a_bad_entry_is_left_out_and_told(tmp_path: Path, bad: Any, message: str) -> None:
    path = save(tmp_path, {"bad": bad, "a.png1234": entry(region())})
    errors: list[InputError] = []
    assert [image.filename for image in read(path, on_error=errors.append)] == ["a.png"]
    [error] = errors
    assert message in str(error)


def test_the_size_comes_from_the_image(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 70, 3), np.uint8))
    path = save(tmp_path, {"a.png1234": entry()})
    assert read(path, images=ImageFolder(tmp_path)) == [AnnotatedImage("a.png", 70, 30)]


def test_a_name_that_leads_out_of_the_images_is_told(tmp_path: Path) -> None:
    path = save(tmp_path, {"a": entry(filename="../../etc/passwd")})
    with pytest.raises(InputError, match="does not name a file inside"):
        read(path, images=ImageFolder(tmp_path))


@pytest.mark.parametrize("content", [[], 5, {"_via_img_metadata": []}])
def test_what_is_no_via_is_told(tmp_path: Path, content: Any) -> None:
    with pytest.raises(InputError, match="it lists no images"):
        read(save(tmp_path, content), on_error=lambda _: None)


def test_other_json_is_not_recognised(tmp_path: Path) -> None:
    for content in ([], {}, {"images": []}, [{"image": "a.png"}]):
        assert not FORMAT.recognises(save(tmp_path, content))
    assert not FORMAT.recognises(tmp_path)


def test_the_table_of_via_is_read(tmp_path: Path) -> None:
    path = tmp_path / "via.csv"
    header = "filename,file_size,file_attributes,region_count,region_id,"
    shape = json.dumps(RECT).replace('"', '""')
    path.write_text(
        f"{header}region_shape_attributes,region_attributes\n"
        f'a.png,9,"{{}}",3,0,"{shape}","{{""class"":""galaxy""}}"\n'
        f'a.png,9,"{{}}",3,1,"{shape}","{{}}"\n'
        f'a.png,9,"{{}}",3,2,"{{","{{}}"\n'
        'b.png,9,"{}",0,0,"{}","{}"\n'
    )
    assert detect_format(path) is FORMAT
    errors: list[InputError] = []
    first, second = read(path, on_error=errors.append, settings={"class_name": "star"})
    assert first.objects == (
        ObjectBox("galaxy", 10, 20, 40, 60),
        ObjectBox("star", 10, 20, 40, 60),
    )
    assert second == AnnotatedImage("b.png", 0, 0)
    assert "region 2 of a.png has a wrong shape_attributes" in str(errors[0])
