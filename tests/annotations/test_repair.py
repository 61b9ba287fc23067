from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.issues import box_issues
from galpipe.annotations.repair import repair

_EDGE = st.floats(-50, 150)
_BOX = st.builds(ObjectBox, st.sampled_from("ab"), _EDGE, _EDGE, _EDGE, _EDGE, st.booleans())


def image(*boxes: ObjectBox, size: tuple[int, int] = (100, 50)) -> AnnotatedImage:
    return AnnotatedImage("a.png", *size, 3, boxes)


def test_what_is_sound_stays_as_it_is() -> None:
    sound = image(ObjectBox("a", 0, 0, 100, 50))
    repaired, changes = repair(sound, (100, 50), "a.xml")
    assert repaired is sound
    assert changes == []


def test_every_change_is_listed() -> None:
    broken = image(
        ObjectBox("a", 30, 5, 20, 10, truncated=True, pose="Left"),
        ObjectBox("a", -5, 40, 120, 60),
        ObjectBox("a", 7, 7, 7, 9),
        ObjectBox("a", 200, 0, 210, 10),
        ObjectBox("a", 0, 40, 100, 50),
        ObjectBox("a", 0, 40, 100, 50, difficult=True),
    )
    repaired, changes = repair(broken, (100, 50), "a.xml")
    assert repaired.objects == (
        ObjectBox("a", 20, 5, 30, 10, truncated=True, pose="Left"),
        ObjectBox("a", 0, 40, 100, 50),
        ObjectBox("a", 0, 40, 100, 50, difficult=True),
    )
    assert [(change.kind, change.object) for change in changes] == [
        ("swapped", 1),
        ("clipped", 2),
        ("dropped", 3),
        ("clipped", 4),
        ("dropped", 4),
        ("dropped", 5),
    ]
    assert changes[0].message == "(30, 5, 20, 10) -> (20, 5, 30, 10)"
    assert changes[-1].message == "equal to object 2"


def test_the_size_comes_from_the_image() -> None:
    box = ObjectBox("a", 10, 10, 300, 150)
    for declared in ((0, 0), (900, 900)):
        repaired, changes = repair(image(box, size=declared), (300, 150), "a.xml")
        assert (repaired.width, repaired.height) == (300, 150)
        assert [change.kind for change in changes] == ["size"]


def test_a_size_that_its_boxes_fit_and_the_image_does_not_is_left_to_a_person() -> None:
    resized = image(ObjectBox("a", 10, 10, 600, 300), size=(600, 300))
    assert repair(resized, (300, 150), "a.xml") == (resized, [])


def test_without_any_size_nothing_is_clipped() -> None:
    unknown = image(ObjectBox("a", -5, 10, 600, 300), size=(0, 0))
    assert repair(unknown, None, "a.xml") == (unknown, [])


@given(st.lists(_BOX, max_size=5))
def test_what_was_repaired_is_sound_and_stays_so(boxes: list[ObjectBox]) -> None:
    repaired, _ = repair(image(*boxes), (100, 50), "a.xml")
    assert list(box_issues(repaired)) == []
    assert repair(repaired, (100, 50), "a.xml") == (repaired, [])
