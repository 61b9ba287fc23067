from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from galpipe.progress import Task, phase, track, within


class Display:
    """A display that keeps the titles of the work, its size and the units done."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int | None]] = []
        self.done = 0

    @contextmanager
    def __call__(
        self, description: str, total: int | None = None, *, in_bytes: bool = False
    ) -> Iterator[Task]:
        self.shown.append((description, total))
        yield self

    def update(self, *, advance: int = 0, **_: object) -> None:
        self.done += advance


def test_work_within_other_work_bears_its_title() -> None:
    display = Display()
    inner = within(within(display, "fold 1/5"), "refinement")
    assert list(track("ab", "isophotes", inner)) == ["a", "b"]
    assert display.shown == [("fold 1/5: refinement: isophotes", 2)]


def test_a_phase_is_done_when_it_ends_well() -> None:
    display = Display()
    with phase("calibration", display):
        assert display.done == 0
    assert (display.shown, display.done) == ([("calibration", 1)], 1)
    with pytest.raises(ValueError, match="wrong"), phase("export", display):
        raise ValueError("wrong")
    assert display.done == 1
