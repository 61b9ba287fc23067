from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.formats.createml import FORMAT
from galpipe.annotations.formats.format import ReadOptions, WriteOptions
from galpipe.annotations.formats.registry import detect_format
from galpipe.annotations.images import ImageFolder
from galpipe.errors import InputError

IMAGES = [
    AnnotatedImage(
        "m51.jpg",
        0,
        0,
        objects=(ObjectBox("galaxy", 0, 12, 31, 300), ObjectBox('a "b" é', 1.5, 2, 3, 5.25)),
    ),
    AnnotatedImage("empty.jpg", 0, 0),
]

GOLDEN = """[
{"image": "m51.jpg", "annotations": [{"label": "galaxy", "coordinates": \
{"x": 15.5, "y": 156, "width": 31, "height": 288}}, {"label": "a \\"b\\" \\u00e9", "coordinates": \
{"x": 2.25, "y": 3.625, "width": 1.5, "height": 3.25}}]},
{"image": "empty.jpg", "annotations": []}
]
"""


def read(path: Path, **reading: Any) -> list[AnnotatedImage]:
    return [image for _, image in FORMAT.read(path, ReadOptions(**reading))]


def write(path: Path, images: list[AnnotatedImage]) -> Path:
    assert FORMAT.write is not None
    FORMAT.write(path, Collection(images), WriteOptions(()))
    return path


def save(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_the_file_is_as_expected(tmp_path: Path) -> None:
    path = write(tmp_path / "boxes.json", IMAGES)
    assert path.read_text() == GOLDEN
    assert detect_format(path) is FORMAT
    assert read(path) == IMAGES


def test_nothing_at_all_is_a_file_too(tmp_path: Path) -> None:
    path = write(tmp_path / "boxes.json", [])
    assert json.loads(path.read_text()) == []
    assert detect_format(path) is FORMAT
    assert read(path) == []


_EDGE = st.one_of(
    st.integers(-50, 5000).map(float),
    st.floats(-1e8, 1e8),
    st.sampled_from([0.1, 0.3, 1e-9, 5e-324, -0.0]),
)


@given(st.lists(_EDGE, min_size=4, max_size=4))
def test_edges_are_kept_to_the_last_digit(edges: list[float]) -> None:
    image = AnnotatedImage("a.png", 0, 0, objects=(ObjectBox("galaxy", *edges),))
    with TemporaryDirectory() as folder:
        assert read(write(Path(folder) / "boxes.json", [image])) == [image]


def test_the_spellings_of_apples_pages(tmp_path: Path) -> None:
    coordinates = {"y": 156.062, "x": 195.122, "height": 148.872, "width": 148.03}
    annotations = [{"coordinates": coordinates, "label": "Waffle"}]
    path = save(
        tmp_path / "boxes.json",
        [{"annotation": annotations, "imagefilename": "a.png"}, {"image": "b.png"}],
    )
    assert detect_format(path) is FORMAT
    assert read(path) == [
        AnnotatedImage(
            "a.png", 0, 0, objects=(ObjectBox("Waffle", 121.107, 81.626, 269.137, 230.498),)
        ),
        AnnotatedImage("b.png", 0, 0),
    ]


def test_a_folder_of_roboflow(tmp_path: Path) -> None:
    write(tmp_path / "_annotations.createml.json", IMAGES)
    assert detect_format(tmp_path) is FORMAT
    [(file, _), _] = FORMAT.read(tmp_path, ReadOptions())
    assert file == tmp_path / "_annotations.createml.json"


def test_the_size_comes_from_the_image(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((30, 70, 3), np.uint8))
    path = save(tmp_path / "boxes.json", [{"image": "a.png", "annotations": []}])
    assert read(path, images=ImageFolder(tmp_path)) == [AnnotatedImage("a.png", 70, 30)]


def test_labelimg_reads_what_we_write(tmp_path: Path) -> None:
    pytest.importorskip("libs")
    from libs.create_ml_io import CreateMLReader

    path = write(tmp_path / "boxes.json", IMAGES)
    shapes = CreateMLReader(str(path), "/elsewhere/m51.jpg").get_shapes()
    assert [(label, points[0], points[2]) for label, points, *_ in shapes] == [
        ("galaxy", (0, 12), (31, 300)),
        ('a "b" é', (1.5, 2), (3, 5.25)),
    ]
    assert CreateMLReader(str(path), "empty.jpg").get_shapes() == []


def test_we_read_what_labelimg_writes(tmp_path: Path) -> None:
    pytest.importorskip("libs")
    from libs.create_ml_io import CreateMLWriter

    path = tmp_path / "boxes.json"
    for name, label, left in (("a.png", "spiral", 3), ("b.png", "étoile", 5.5)):
        corners = [(left, 7), (40, 7), (40, 30), (left, 30)]
        shapes = [{"label": label, "points": corners}]
        CreateMLWriter("images", name, (50, 60, 3), shapes, str(path)).write()
    assert read(path) == [
        AnnotatedImage("a.png", 0, 0, objects=(ObjectBox("spiral", 3, 7, 40, 30),)),
        AnnotatedImage("b.png", 0, 0, objects=(ObjectBox("étoile", 5.5, 7, 40, 30),)),
    ]


def _annotation(**changes: Any) -> dict[str, Any]:
    coordinates = {"x": 5, "y": 6, "width": 2, "height": 4, **changes.pop("coordinates", {})}
    return {"label": "galaxy", "coordinates": coordinates, **changes}


def test_bad_boxes_come_as_they_stand(tmp_path: Path) -> None:
    annotation = _annotation(coordinates={"width": -2, "height": 0})
    path = save(tmp_path / "boxes.json", [{"image": "a.png", "annotations": [annotation]}])
    [image] = read(path)
    assert image.objects[0].edges == (6, 6, 4, 6)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (None, "object 0 of a.png has no content"),
        (_annotation(label=""), "has a wrong label: the text '' (text should not be blank)"),
        (_annotation(label="\ud800"), "half a character"),
        ({"label": "galaxy"}, "has no coordinates"),
        (
            _annotation(coordinates={"x": "5"}),
            "has a wrong coordinates.x: the text '5' (it should be a number)",
        ),
        (_annotation(coordinates={"y": True}), "has a wrong coordinates.y: True"),
        (_annotation(coordinates={"width": None}), "has no coordinates.width"),
        (_annotation(coordinates={"height": 1e9}), "a wrong coordinates.height: 1000000000"),
        (_annotation(coordinates={"height": 10**400}), "a wrong coordinates.height: 100"),
    ],
)
def test_a_bad_annotation_is_left_out_and_told(
    tmp_path: Path, annotation: Any, message: str
) -> None:
    annotations = [annotation, _annotation()]
    path = save(tmp_path / "boxes.json", [{"image": "a.png", "annotations": annotations}])
    errors: list[InputError] = []
    [image] = read(path, on_error=errors.append)
    assert [box.edges for box in image.objects] == [(4, 4, 6, 8)]
    [error] = errors
    assert message in str(error)
    assert str(path) in str(error)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (5, "entry 0 has a wrong content: 5 (it should be an object in braces)"),
        ({"annotations": []}, "entry 0 has no image"),
        (
            {"image": "a.png", "annotations": {}},
            "has a wrong annotations: an object (it should be a list)",
        ),
    ],
)
def test_a_bad_entry_is_left_out_and_told(tmp_path: Path, entry: Any, message: str) -> None:
    path = save(tmp_path / "boxes.json", [entry, {"image": "b.png"}])
    errors: list[InputError] = []
    assert [image.filename for image in read(path, on_error=errors.append)] == ["b.png"]
    [error] = errors
    assert message in str(error)


@pytest.mark.parametrize("number", ["1e999999999999999999999", "1e-99999999999999999999"])
def test_numbers_beyond_all_bounds_are_no_json(tmp_path: Path, number: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(GOLDEN.replace("15.5", number))
    with pytest.raises(InputError, match="not JSON"):
        read(path)


@pytest.mark.parametrize("number", ["1e-999999999", "0." + "1" * 10_000, "-1e-1000000"])
def test_numbers_with_many_digits_are_rounded(tmp_path: Path, number: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(GOLDEN.replace("15.5", number))
    assert read(path)[0].objects[0].xmin == pytest.approx(float(number) - 15.5)


def test_an_object_is_no_createml(tmp_path: Path) -> None:
    path = save(tmp_path / "boxes.json", {"image": "a.png"})
    assert not FORMAT.recognises(path)
    with pytest.raises(InputError, match="it is not a list of images"):
        read(path, on_error=lambda _: None)


def test_a_name_that_leads_out_of_the_images_is_told(tmp_path: Path) -> None:
    path = save(tmp_path / "boxes.json", [{"image": "../../etc/passwd"}])
    with pytest.raises(InputError, match="does not name a file inside"):
        read(path, images=ImageFolder(tmp_path))


def test_a_folder_may_hold_a_file_for_each_image(tmp_path: Path) -> None:
    for name in ("b", "a"):
        coordinates = {"x": 5, "y": 6, "width": 4, "height": 2}
        objects = [{"label": "galaxy", "coordinates": coordinates}]
        save(tmp_path / f"{name}.json", [{"image": f"{name}.png", "annotations": objects}])
    assert detect_format(tmp_path) is FORMAT
    (tmp_path / "c.json").write_text("{}")
    errors: list[InputError] = []
    images = read(tmp_path, on_error=errors.append)
    assert [(image.filename, image.objects[0].edges) for image in images] == [
        ("a.png", (3, 5, 7, 7)),
        ("b.png", (3, 5, 7, 7)),
    ]
    assert "c.json" in str(errors[0])
