from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.annotations.issues import box_issues, duplicates, small_boxes
from galpipe.imaging import iou

_EDGES = st.tuples(*[st.integers(-3, 12)] * 4)


def image(*edges: tuple[float, ...], width: int = 100, height: int = 50) -> AnnotatedImage:
    return AnnotatedImage("a.png", width, height, 3, tuple(ObjectBox("a", *e) for e in edges))


def test_a_sound_box_has_no_fault() -> None:
    assert list(box_issues(image((0, 0, 100, 50), (1.5, 2, 3, 4)))) == []


def test_each_kind_is_told_apart() -> None:
    boxes = image(
        (30, 10, 20, 40),
        (20, 40, 30, 10),
        (20, 10, 20, 40),
        (-1, 0, 5, 5),
        (0, -1, 5, 5),
        (90, 0, 101, 5),
        (0, 40, 5, 51),
        (200, 200, 210, 210),
    )
    kinds = ["inverted", "inverted", "empty", *["outside"] * 5]
    assert list(box_issues(boxes)) == list(enumerate(kinds, 1))


def test_rounded_shares_are_not_outside() -> None:
    assert list(box_issues(image((-1e-5, 0, 100.0001, 50)))) == []


def test_without_a_size_only_the_first_corner_is_known() -> None:
    boxes = image((0, 0, 1e6, 1e6), (-1, 0, 5, 5), width=0, height=0)
    assert list(box_issues(boxes)) == [(2, "outside")]


def test_small_boxes_are_those_with_a_side_below_the_limit() -> None:
    boxes = image((0, 0, 3, 40), (0, 0, 40, 2.9), (0, 0, 3, 3), (0, 0, 0, 5), (9, 0, 5, 5))
    assert list(small_boxes(boxes, 3)) == [2]


def test_duplicates_are_of_one_class() -> None:
    same = ObjectBox("a", 10, 10, 50, 50), ObjectBox("b", 10, 10, 50, 50)
    again = ObjectBox("a", 10, 10, 51, 50)
    assert list(duplicates(AnnotatedImage("a", 99, 99, 3, (*same, again)))) == [(3, 1)]


def test_of_many_equal_boxes_each_is_named_once() -> None:
    found = list(duplicates(image(*[(10, 10, 50, 40)] * 2000)))
    assert sorted(number for number, _ in found) == list(range(2, 2001))
    assert all(earlier == 1 for _, earlier in found)


@given(st.lists(_EDGES, max_size=6), st.integers(1, 40))
def test_duplicates_are_exactly_those_with_a_high_iou(
    edges: list[tuple[int, ...]], scale: int
) -> None:
    boxes = image(*[tuple(edge * scale + 0.4 * n for edge in e) for n, e in enumerate(edges)])
    overlaps = iou(boxes.boxes, boxes.boxes) > 0.95
    found = list(duplicates(boxes))
    assert all(overlaps[later - 1, earlier - 1] for later, earlier in found)
    named = {later for later, _ in found}
    kept = [n for n in range(len(edges)) if n + 1 not in named]
    assert not any(overlaps[a, b] for a in kept for b in kept if a != b)
