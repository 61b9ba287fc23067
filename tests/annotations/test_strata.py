from __future__ import annotations

from galpipe.datasets.strata import strata


def test_an_image_counts_for_its_rarest_class_and_about_how_many_objects_it_has() -> None:
    images = [["disc"], ["disc", "ring"], [], ["disc"] * 5, ["disc"] * 7, ["disc"] * 8]
    assert strata(images) == [
        ("disc", 1),
        ("ring", 2),
        ("", 0),
        ("disc", 3),
        ("disc", 3),
        ("disc", 4),
    ]


def test_equally_rare_classes_are_told_apart_by_name() -> None:
    assert strata([["b", "a"], ["a", "b"]]) == [("a", 2), ("a", 2)]
