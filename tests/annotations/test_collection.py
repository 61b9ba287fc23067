from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.collection import Collection

_EDGE = st.floats(-1e6, 1e6)
_NAME = st.text(max_size=8)
_BOXES = st.builds(
    ObjectBox,
    label=_NAME,
    xmin=_EDGE,
    ymin=_EDGE,
    xmax=_EDGE,
    ymax=_EDGE,
    difficult=st.booleans(),
    truncated=st.booleans(),
    pose=st.sampled_from(["Unspecified", "Left"]),
    attributes=st.lists(st.tuples(_NAME, _NAME), max_size=2).map(tuple),
)
_SIDE = st.integers(0, 100_000)
IMAGES = st.builds(
    AnnotatedImage,
    filename=_NAME,
    width=_SIDE,
    height=_SIDE,
    depth=st.integers(1, 4),
    objects=st.lists(_BOXES, max_size=4).map(tuple),
)


@given(st.lists(IMAGES, max_size=5))
def test_gives_back_what_it_was_given_as_often_as_asked(images: list[AnnotatedImage]) -> None:
    collection = Collection(images)
    assert list(collection) == images
    assert list(collection) == images
    assert len(collection) == len(images)
    assert collection.names == tuple(image.filename for image in images)
    assert list(collection.frames()) == [replace(image, objects=()) for image in images]
    assert collection.objects == sum(len(image.objects) for image in images)
    assert collection.labels == tuple(sorted({b.label for i in images for b in i.objects}))
