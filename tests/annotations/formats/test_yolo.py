from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox, write_annotations
from galpipe.annotations.collection import Collection
from galpipe.annotations.formats.format import ReadOptions, WriteOptions
from galpipe.annotations.formats.yolo import FORMAT
from galpipe.annotations.formats.yolo_keypoints import keypoint_count
from galpipe.annotations.images import ImageFolder, image_stem
from galpipe.errors import InputError, OutputError

STAR = ObjectBox("star", 0, 10, 50, 30)
GALAXY = ObjectBox("galaxy", 25, 0, 75, 100)
UNSURE = ObjectBox("galaxy", 0, 0, 1, 1, difficult=True)
LINE = "0 0.5 0.5 0.25 0.5\n"
BOX = (75, 25, 125, 75)


def make_picture(path: Path, width: int = 200, height: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.zeros((height, width), np.uint8))
    return path


def make(folder: Path, files: dict[str, str]) -> Path:
    """Write text files; of each label whose name a picture shall share, a picture."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def write_yolo(
    folder: Path, images: Iterable[AnnotatedImage], names: Sequence[str] | None = None
) -> list[Path]:
    images = list(images)
    write_annotations(folder, images, "yolo", class_names=names)
    return [folder / "labels" / f"{image_stem(image.filename)}.txt" for image in images]


def read(path: Path, **reading: object) -> list[AnnotatedImage]:
    return [image for _, image in FORMAT.read(path, ReadOptions(**reading))]  # type: ignore[arg-type]


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """One picture, 200 x 100, with its label file beside it."""
    make_picture(tmp_path / "a.png")
    return make(tmp_path, {"a.txt": LINE, "classes.txt": "galaxy\nstar\n"})


def test_the_files_are_as_expected(tmp_path: Path) -> None:
    images = [
        AnnotatedImage("a.jpg", 200, 100, 3, (STAR, UNSURE, GALAXY)),
        AnnotatedImage("J0004.1+02.0", 10, 10),
    ]
    assert write_yolo(tmp_path, iter(images)) == [
        tmp_path / "labels" / "a.txt",
        tmp_path / "labels" / "J0004.1+02.0.txt",
    ]
    assert (tmp_path / "labels" / "a.txt").read_text() == (
        "1 0.125 0.2 0.25 0.2\n0 0.0025 0.005 0.005 0.01\n0 0.25 0.5 0.25 1\n"
    )
    assert (tmp_path / "labels" / "J0004.1+02.0.txt").read_text() == ""
    assert (tmp_path / "classes.txt").read_text() == "galaxy\nstar\n"
    assert (tmp_path / "data.yaml").read_text() == (
        "train: images\nval: images\nnc: 2\nnames:\n- galaxy\n- star\n"
    )


def test_the_class_list_gives_the_numbers(tmp_path: Path) -> None:
    [path] = write_yolo(
        tmp_path, [AnnotatedImage("a.jpg", 100, 100, 3, (STAR,))], ("galaxy", "nebula", "star")
    )
    assert path.read_text().split()[0] == "2"


def test_a_hostile_name_stays_in_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    for name in ("../../evil.jpg", "/etc/evil.jpg", "..\\evil.jpg"):
        [path] = write_yolo(folder, [AnnotatedImage(name, 9, 9)])
        assert path == folder / "labels" / "evil.txt"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_nothing_is_written_over_a_namesake(tmp_path: Path) -> None:
    images = [AnnotatedImage("x/a.jpg", 9, 9), AnnotatedImage("x/a.png", 9, 9)]
    with pytest.raises(OutputError, match="Two images"):
        write_yolo(tmp_path, images)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "label", "reason"),
    [
        ("classes.jpg", "star", "class list"),
        ("a.jpg", "two\nlines", "line break"),
        ("a.jpg", "half \ud800", "not valid text"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(
    tmp_path: Path, name: str, label: str, reason: str
) -> None:
    with pytest.raises(OutputError, match=reason):
        write_yolo(tmp_path, [AnnotatedImage(name, 9, 9, 3, (ObjectBox(label, 0, 0, 1, 1),))])


def test_the_size_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"size of a\.jpg"):
        write_yolo(tmp_path, [AnnotatedImage("a.jpg", 0, 0, 3, (STAR,))])


def test_the_size_is_taken_from_the_image(tmp_path: Path) -> None:
    images = ImageFolder(make_picture(tmp_path / "pictures" / "a.png").parent)
    collection = Collection([AnnotatedImage("a", 0, 0, 3, (ObjectBox("galaxy", *BOX),))])
    assert FORMAT.write is not None
    FORMAT.write(tmp_path / "out", collection, WriteOptions(("galaxy",), images))
    assert (tmp_path / "out" / "labels" / "a.txt").read_text() == LINE


edges = st.floats(-2000, 20000, allow_subnormal=False)
boxes = st.builds(
    ObjectBox, st.sampled_from(["galaxy", "Édge-on", "no"]), edges, edges, edges, edges
)
wholes = st.integers(0, 4000)


@settings(max_examples=40)
@given(objects=st.lists(boxes, max_size=5))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, objects: list[ObjectBox]
) -> None:
    folder = tmp_path_factory.mktemp("yolo")
    make_picture(folder / "images" / "a.png", 317, 211)
    write_yolo(folder, [AnnotatedImage("a.png", 317, 211, objects=tuple(objects))])
    [back] = read(folder)
    assert (back.filename, back.width, back.height) == ("a.png", 317, 211)
    assert back.labels == tuple(box.label for box in objects)
    np.testing.assert_allclose(
        back.boxes.ravel(), np.ravel([box.edges for box in objects]), atol=1e-6, rtol=1e-11
    )


@settings(max_examples=40)
@given(corners=st.tuples(wholes, wholes, wholes, wholes), size=st.tuples(wholes, wholes))
def test_whole_pixels_come_back_whole(
    corners: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    from galpipe.annotations.formats import yolo

    width, height = size[0] + 1, size[1] + 1
    image = AnnotatedImage("a", width, height, 3, (ObjectBox("galaxy", *corners),))
    [line] = yolo._lines(image, ("galaxy",))
    words = line.split()
    box = yolo._read_object(words, (width, height), yolo._Classes(("galaxy",), 0))
    assert box.edges == corners


@pytest.mark.parametrize(
    ("labels", "images", "classes"),
    [
        ("labels", "images", "classes.txt"),
        ("labels/train", "images/train", "data.yaml"),
        ("train/labels", "train/images", "data.yaml"),
        ("valid/labels", "valid/images", "data.yml"),
        ("labels", "images", "labels/classes.txt"),
        (".", ".", "classes.txt"),
        ("obj_train_data", "obj_train_data", "obj.names"),
    ],
)
def test_the_usual_layouts_are_read(tmp_path: Path, labels: str, images: str, classes: str) -> None:
    names = "names: {1: star, 0: galaxy}" if "data" in classes else "galaxy\nstar\n"
    make(tmp_path, {f"{labels}/a.txt": LINE, classes: names, "README.dataset.txt": "# words"})
    make_picture(tmp_path / images / "a.png")
    assert FORMAT.recognises(tmp_path)
    assert FORMAT.read_classes is not None
    assert FORMAT.read_classes(tmp_path) == ("galaxy", "star")
    [(file, image)] = FORMAT.read(tmp_path, ReadOptions())
    assert file == tmp_path / labels / "a.txt"
    assert image == AnnotatedImage("a.png", 200, 100, 3, (ObjectBox("galaxy", *BOX),))


def test_all_parts_are_read_in_order_and_paths_are_not_followed(tmp_path: Path) -> None:
    for part in ("valid", "train", "test"):
        make(tmp_path, {f"{part}/labels/{part}.txt": LINE})
        make_picture(tmp_path / part / "images" / f"{part}.png")
    yaml = make(tmp_path, {"data.yaml": "path: /etc\ntrain: ../../passwd\nnames: [galaxy]"})
    for path in (tmp_path, yaml / "data.yaml"):
        assert FORMAT.recognises(path)
        assert [image.filename for image in read(path)] == ["test.png", "train.png", "valid.png"]


def test_images_without_labels_have_no_objects_in_their_own_folder_alone(
    tmp_path: Path, flat: Path
) -> None:
    make_picture(flat / "b.png")
    assert [image.filename for image in read(flat)] == ["a.png"]
    dataset = make(tmp_path / "set", {"labels/b.txt": "", "classes.txt": "galaxy"})
    for name in ("a.png", "b.png", "c.png", ".d.png", "notes.md"):
        make_picture(dataset / "images" / f"{name}.png").rename(dataset / "images" / name)
    images = read(dataset)
    assert [(image.filename, image.objects) for image in images] == [
        ("a.png", ()),
        ("b.png", ()),
        ("c.png", ()),
    ]


@pytest.mark.parametrize(
    ("line", "edges", "score"),
    [
        ("1 0.5 0.5 0.25 0.5 0.875", BOX, "0.875"),
        ("1.0 .5 5e-1 0.25 0.5", BOX, None),
        ("1 0.1 0.2 0.3 0.2 0.2 0.9", (20, 20, 60, 90), None),
        ("1 0.1 0.2 0.3 0.2 0.2 0.9 0.75", (20, 20, 60, 90), "0.75"),
        ("1 0.1 0.2 0.3 0.2 0.3 0.9 0.1 0.9", (20, 20, 60, 90), None),
        ("1 0.0 0.5 0.5 -0.5", (-50, 75, 50, 25), None),
    ],
)
def test_boxes_polygons_and_scores(
    flat: Path, line: str, edges: tuple[float, ...], score: str | None
) -> None:
    make(flat, {"a.txt": f"\n{line}\r\n"})
    [image] = read(flat)
    attributes = () if score is None else (("score", score),)
    assert image.objects == (ObjectBox("star", *edges, attributes=attributes),)


def test_key_points_are_not_taken_for_a_polygon(flat: Path) -> None:
    make(flat, {"a.txt": "0 0.5 0.5 0.25 0.5 0.9 0.9 2 0.1 0.1 1\n"})
    make(flat, {"data.yaml": "names: [galaxy]\nkpt_shape: [2, 3]"})
    assert read(flat)[0].objects == (ObjectBox("galaxy", *BOX),)


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.25",
        "2 0.5 0.5 0.25 0.5",
        "-1 0.5 0.5 0.25 0.5",
        "0.5 0.5 0.5 0.25 0.5",
        "0 0.5 0.5 nan 0.5",
        "0 0.5 0.5 1e999 0.5",
        "0 1e8 0.5 0.25 0.5",
        f"{'9' * 5000} 0.5 0.5 0.25 0.5",
        "galaxy 0.5 0.5 0.25 0.5",
        "0,0.5,0.5,0.25,0.5",
    ],
)
def test_a_line_that_cannot_be_understood_is_left_out(flat: Path, line: str) -> None:
    make_picture(flat / "b.png")
    make(flat, {"a.txt": f"{LINE}{line}\n", "b.txt": LINE})
    errors: list[InputError] = []
    images = read(flat, on_error=errors.append)
    assert [(image.filename, len(image.objects)) for image in images] == [
        ("a.png", 1),
        ("b.png", 1),
    ]
    [error] = errors
    assert f"{flat / 'a.txt'}, line 2" in str(error)


def test_an_image_of_which_every_line_is_refused_is_left_out(flat: Path) -> None:
    make_picture(flat / "b.png")
    make(flat, {"a.txt": "0 0.5\n7 0.5 0.5 0.25 0.5\n", "b.txt": LINE})
    errors: list[InputError] = []
    assert [image.filename for image in read(flat, on_error=errors.append)] == ["b.png"]
    assert "the image a is left out, as all its 2 objects" in str(errors[-1])


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.25 0.5 0.45 0.45 0.55 0.7 0.5 0.5",
        "0 0.5 0.5 0.25 0.5 0.45 0.45 2 0.55 0.7 1 0 0 0",
    ],
)
def test_key_points_that_no_file_declares_are_dropped(flat: Path, line: str) -> None:
    make(flat, {"a.txt": f"{line}\n"})
    notes: list[str] = []
    assert read(flat, on_note=notes.append)[0].objects == (ObjectBox("galaxy", *BOX),)
    assert "key points" in notes[0]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("0 0.4 0.4 0.6 0.4 0.6 0.6 0.4 0.6\n", [(80, 40, 120, 60)]),
        # Far from the origin, the corners are in the box that the first two would describe.
        ("0 0.7 0.7 0.75 0.7 0.75 0.75 0.7 0.75\n", [(140, 70, 150, 75)]),
        ("0 0.7 0.7 0.75 0.7 0.7 0.75\n0 0.5 0.5 0.6 0.5 0.6 0.6 0.5 0.6\n", None),
    ],
)
def test_polygons_are_not_taken_for_key_points(flat: Path, lines: str, expected: object) -> None:
    make(flat, {"a.txt": lines})
    notes: list[str] = []
    [image] = read(flat, on_note=notes.append)
    assert notes == []
    if expected is not None:
        assert [box.edges for box in image.objects] == expected


def test_a_single_class_needs_no_list(flat: Path) -> None:
    (flat / "classes.txt").unlink()
    make(flat, {"a.txt": LINE})
    assert read(flat, settings={"class_name": "ring"})[0].labels == ("ring",)


def test_an_image_that_is_missing_is_told(flat: Path, tmp_path: Path) -> None:
    make(flat, {"gone.txt": LINE})
    with pytest.raises(InputError, match=r"gone\.txt has no image.*--images"):
        read(flat)
    elsewhere = make_picture(tmp_path / "elsewhere" / "gone.png").parent
    images = read(flat, images=ImageFolder(elsewhere))
    assert [image.filename for image in images] == ["a.png", "gone.png"]


def test_the_classes_must_be_known(flat: Path) -> None:
    (flat / "classes.txt").unlink()
    with pytest.raises(InputError, match="--classes"):
        read(flat)
    assert read(flat, class_names=("nebula",))[0].labels == ("nebula",)
    assert FORMAT.recognises(flat)


@pytest.mark.parametrize(
    "content",
    [
        "names:",
        "names: 3",
        "[galaxy]",
        "names: [yes]",
        "names: [galaxy, '']",
        "names: {0: galaxy, 2: star}",
        "names: {0: galaxy, '0': star}",
        "names: {galaxy: 0}",
        "names: [[galaxy]]",
        "names: !!python/object:os.system [ls]",
        "names: [galaxy]\nkpt_shape: 3",
        "names: [galaxy]\nkpt_shape: [1000000000000, 3]",
        "a: &a [b, b]\nc: &c [*a, *a]\nnames: [*c]",
        "names: [" + "[" * 5000,
    ],
)
def test_a_class_list_that_cannot_be_understood_is_told(flat: Path, content: str) -> None:
    make(flat, {"data.yaml": content})
    with pytest.raises(InputError, match=r"data\.yaml"):
        read(flat)


@pytest.mark.parametrize("names", ["[galaxy, 7]", "{0: galaxy, 1: 7}", "{'1': '7', '0': galaxy}"])
def test_class_lists_are_lists_or_numbered(flat: Path, names: str) -> None:
    make(flat, {"data.yaml": f"names: {names}"})
    assert FORMAT.read_classes is not None
    assert FORMAT.read_classes(flat) == ("galaxy", "7")


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    secret = make_picture(tmp_path / "private" / "a.png")
    dataset = make(tmp_path / "set", {"labels/a.txt": LINE, "classes.txt": "galaxy"})
    os.symlink(secret.parent, dataset / "images")
    with pytest.raises(InputError, match="link out of"):
        read(dataset)
    (dataset / "images").unlink()
    (dataset / "images").mkdir()
    os.symlink(secret, dataset / "images" / "a.png")
    with pytest.raises(InputError, match="link out of"):
        read(dataset)


def test_other_folders_are_not_recognised(tmp_path: Path) -> None:
    make(tmp_path / "kitti", {"a.txt": "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12\n"})
    make(tmp_path / "words", {"notes.txt": "one two three four five six"})
    make(tmp_path / "bare", {"a.md": ""})
    make(tmp_path / "other", {"settings.yaml": "answer: 42", "a.xml": "<annotation/>"})
    for name in ("kitti", "words", "bare", "other", "other/settings.yaml", "other/a.xml", "none"):
        assert not FORMAT.recognises(tmp_path / name)
    for name in ("bare", "none", "other/a.xml"):
        with pytest.raises(InputError):
            read(tmp_path / name, class_names=("galaxy",))


# labelImg leaves its files open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_labelimg_reads_what_is_written_and_is_read(tmp_path: Path) -> None:
    libs = pytest.importorskip("libs.yolo_io")
    images = [AnnotatedImage("a.png", 200, 100, 3, (STAR, GALAXY))]
    [file] = write_yolo(tmp_path, images, ("star", "galaxy"))
    picture = SimpleNamespace(height=lambda: 100, width=lambda: 200, isGrayscale=lambda: False)
    shapes = libs.YoloReader(str(file), picture).get_shapes()
    assert [(label, points[0], points[2]) for label, points, *_ in shapes] == [
        ("star", (0, 10), (50, 30)),
        ("galaxy", (25, 0), (75, 100)),
    ]

    make_picture(tmp_path / "theirs" / "a.png")
    writer = libs.YOLOWriter("theirs", "a", (100, 200, 1))
    writer.add_bnd_box(*(int(edge) for edge in STAR.edges), "star", False)
    writer.add_bnd_box(*(int(edge) for edge in GALAXY.edges), "galaxy", False)
    writer.save(class_list=[], target_file=str(tmp_path / "theirs" / "a.txt"))
    [image] = read(tmp_path / "theirs")
    assert image.labels == ("star", "galaxy")
    np.testing.assert_allclose(image.boxes, images[0].boxes, atol=2e-4)


def test_supervision_reads_what_is_written(tmp_path: Path) -> None:
    supervision = pytest.importorskip("supervision")
    write_yolo(tmp_path, [AnnotatedImage("a.png", 200, 100, 3, (STAR, GALAXY))])
    make_picture(tmp_path / "images" / "a.png")
    dataset = supervision.DetectionDataset.from_yolo(
        str(tmp_path / "images"), str(tmp_path / "labels"), str(tmp_path / "data.yaml")
    )
    assert dataset.classes == ["galaxy", "star"]
    [(_, _, detections)] = list(dataset)
    np.testing.assert_allclose(detections.xyxy, [STAR.edges, GALAXY.edges], atol=1e-3)
    assert detections.class_id.tolist() == [1, 0]


@pytest.mark.parametrize("number", [1e300, float("inf"), float("nan")])
def test_numbers_beyond_any_image_are_no_key_points(number: float) -> None:
    assert keypoint_count([[0.5, 0.5, 0.2, 0.2, 0.45, 0.45, 0.55, number]]) == 0
