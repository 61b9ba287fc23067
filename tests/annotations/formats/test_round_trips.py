from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection
from galpipe.annotations.convert import convert
from galpipe.annotations.formats.format import AnnotationFormat, Feature, WriteOptions
from galpipe.annotations.formats.registry import FORMATS
from galpipe.annotations.images import ImageFolder
from galpipe.annotations.source import AnnotationSource
from galpipe.pipeline.cli import cli

WRITTEN = {name: form for name, form in FORMATS.items() if form.write is not None}
WIDTH, HEIGHT = 640, 424

# Holds shares of the image's size in single precision.
ROUNDING = {"tfrecord": 1e-3}

_LABEL = st.sampled_from(["spiral", "In-between Round", "été", "a,b"])


def boxes(edge: st.SearchStrategy[float]) -> st.SearchStrategy[ObjectBox]:
    """Boxes within the image, of any flags."""

    def make(a: float, b: float, c: float, d: float, **rest: object) -> ObjectBox:
        (left, right), (top, bottom) = sorted((a, b)), sorted((c, d))
        edges = (left * WIDTH, top * HEIGHT, right * WIDTH, bottom * HEIGHT)
        return ObjectBox(rest.pop("label"), *edges, **rest)  # type: ignore[arg-type]

    return st.builds(
        make,
        edge,
        edge,
        edge,
        edge,
        label=_LABEL,
        difficult=st.booleans(),
        truncated=st.booleans(),
        pose=st.sampled_from(["Unspecified", "Left"]),
        attributes=st.sampled_from([(), (("bar", "yes"), ("arms", "2"))]),
    ).filter(lambda box: min(box.width, box.height) > 1e-3)


def collections(edge: st.SearchStrategy[float]) -> st.SearchStrategy[list[AnnotatedImage]]:
    objects = st.lists(boxes(edge), max_size=3).map(tuple)
    made = [
        st.builds(
            AnnotatedImage, st.just(f"{n}.png"), st.just(WIDTH), st.just(HEIGHT), objects=objects
        )
        for n in "abc"
    ]
    return st.tuples(*made).map(list).filter(lambda images: any(i.objects for i in images))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for name in "abc":
        cv2.imwrite(str(folder / f"{name}.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    return folder


def written(form: AnnotationFormat, source: list[AnnotatedImage], images: Path, path: Path) -> Path:
    path = path / f"{form.name}{form.suffix}"
    assert form.write is not None
    collection = Collection(source)
    form.write(path, collection, WriteOptions(collection.labels, ImageFolder(images)))
    return path


def read(form: AnnotationFormat, path: Path, images: Path) -> list[AnnotatedImage]:
    source = AnnotationSource(path, form.name, images=images)
    found = [image for _, image in source]
    assert not source.failures
    return sorted(found, key=lambda image: image.filename)


def as_held(box: ObjectBox, holds: frozenset[Feature]) -> tuple[object, ...]:
    """What a format keeps of an object beside its box."""
    return (
        box.label,
        "difficult" in holds and box.difficult,
        "truncated" in holds and box.truncated,
        box.pose if "pose" in holds else "",
        box.attributes if "attributes" in holds else (),
    )


def assert_kept(
    before: list[AnnotatedImage],
    after: list[AnnotatedImage],
    holds: frozenset[Feature],
    rounding: float,
) -> None:
    kept = [image for image in before if image.objects or "empty" in holds]
    assert [image.filename for image in after] == [image.filename for image in kept]
    for old, new in zip(kept, after, strict=True):
        assert (new.width, new.height) == (WIDTH, HEIGHT)
        held = [as_held(box, holds) for box in old.objects]
        assert [as_held(box, holds) for box in new.objects] == held
        assert np.abs(old.boxes - new.boxes).max(initial=0) <= rounding


@pytest.fixture
def folder() -> Iterator[Callable[[], Path]]:
    """Make a new folder for each example of a property, in memory where that can be."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() and sys.platform == "linux" else None
    root = Path(tempfile.mkdtemp(dir=place))
    yield lambda: Path(tempfile.mkdtemp(dir=root))
    shutil.rmtree(root)


PAIRS = list(permutations(WRITTEN, 2))
property_test = settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize(("first", "second"), PAIRS)
@property_test
@given(source=collections(st.integers(0, 128).map(lambda n: n / 128)))
def test_there_and_back_keeps_what_both_hold(
    images: Path,
    folder: Callable[[], Path],
    first: str,
    second: str,
    source: list[AnnotatedImage],
) -> None:
    """The edges are eighths of pixels, which floats hold exactly."""
    one, other = WRITTEN[first], WRITTEN[second]
    rounding = max(ROUNDING.get(first, 0), ROUNDING.get(second, 0))
    place = folder()
    start = written(one, source, images, place)
    before = read(one, start, images)
    assert_kept(source, before, one.supports, ROUNDING.get(first, 0))
    convert(AnnotationSource(start, first, images=images), place / f"there{other.suffix}", other)
    there = AnnotationSource(place / f"there{other.suffix}", second, images=images)
    convert(there, place / f"back{one.suffix}", one)
    after = read(one, place / f"back{one.suffix}", images)
    assert_kept(before, after, one.supports & other.supports, rounding)


@pytest.mark.parametrize("name", WRITTEN)
@property_test
@given(source=collections(st.floats(0, 1)))
def test_any_box_is_kept_to_a_thousandth_of_a_pixel(
    images: Path, folder: Callable[[], Path], name: str, source: list[AnnotatedImage]
) -> None:
    form = WRITTEN[name]
    path = written(form, source, images, folder())
    assert_kept(source, read(form, path, images), form.supports, 1e-3)


RING = ("coco", "yolo", "createml", "csv", "tfrecord", "voc")
SAYS = {
    "coco": None,
    "yolo": "cannot hold: the size of 688 images, 'difficult' of 1,",
    "createml": "cannot hold: the size of 688 images",
    "csv": None,
    "tfrecord": None,
    "voc": None,
}


@pytest.mark.tensorflow
def test_the_real_ring(galpipe_data: Path, tmp_path: Path) -> None:
    """All the real boxes through every format, by the command, with what is lost named."""
    images = galpipe_data / "gz2" / "images"
    start = source = galpipe_data / "gz2" / "annotations"
    for name in RING:
        output = tmp_path / f"{name}{FORMATS[name].suffix}"
        arguments = ["annotations", "convert", source, output, "--to", name, "--images", images]
        done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert done.exit_code == 0, done.output
        says = SAYS[name]
        assert says in done.output if says else "cannot hold" not in done.output
        source = output
    before, after = (read(FORMATS["voc"], path, images) for path in (start, source))
    assert len(after) == 688
    assert sum(box.difficult for image in before for box in image.objects) > 1000
    assert not any(box.difficult or box.truncated for image in after for box in image.objects)
    for old, new in zip(before, after, strict=True):
        assert (new.filename, new.width, new.height) == (old.filename, old.width, old.height)
        assert new.labels == old.labels
        np.testing.assert_array_equal(new.boxes, old.boxes)
