from __future__ import annotations

import numpy as np
import pytest

from galpipe.photometry.objects import find_object

from .conftest import gaussian, noise

SIDE = 120


def box(x: float, y: float, width: float, height: float) -> list[float]:
    """Box around a centre; 0 is the centre of the first pixel."""
    x, y = x + 0.5, y + 0.5
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def galaxy(x: float, y: float, size: float, flux: float) -> np.ndarray:
    return gaussian((SIDE, SIDE), x, y, size, size, flux=flux)


def find(light: np.ndarray, *boxes: list[float], psf_fwhm: float | None = None):
    image = (light + noise(light.shape)).astype(np.float32)
    return find_object(image, np.zeros(light.shape, bool), np.array(boxes), psf_fwhm)


def test_an_object_and_its_neighbour() -> None:
    light = galaxy(60, 60, 5, 5000) + galaxy(85, 60, 3, 3000)
    found = find(light, box(60, 60, 24, 24))
    assert found is not None
    assert found.own[60, 60]
    assert found.own.sum() > 300
    assert not found.own[:, 75:].any()
    assert found.others[60, 85]
    assert not (found.own & found.others).any()


def test_nothing_in_the_box() -> None:
    assert find(np.zeros((SIDE, SIDE), np.float32), box(60, 60, 2, 2)) is None
    assert (
        find_object(
            np.zeros((50, 50), np.float32), np.zeros((50, 50), bool), np.array([box(20, 20, 9, 9)])
        )
        is None
    )


def spiral() -> np.ndarray:
    """A disc with two bright knots, which SEP takes for objects."""
    return galaxy(60, 60, 10, 9000) + galaxy(73, 60, 2, 900) + galaxy(50, 51, 2, 900)


def test_the_pieces_of_a_galaxy_are_joined() -> None:
    import sep

    image = (spiral() + noise((SIDE, SIDE))).astype(np.float32)
    _, labels = sep.extract(image, 1.5, segmentation_map=True)
    assert len({labels[60, 60], labels[60, 73], labels[51, 50]}) == 3
    found = find(spiral(), box(60, 60, 50, 50))
    assert found is not None
    assert found.own[60, 60]
    assert found.own[60, 73]
    assert found.own[51, 50]


def test_a_star_on_a_galaxy_is_a_neighbour() -> None:
    light = galaxy(60, 60, 10, 9000) + galaxy(73, 60, 1.3, 3000)
    found = find(light, box(60, 60, 50, 50), psf_fwhm=3.0)
    assert found is not None
    assert found.others[60, 73]
    assert not found.own[60, 73]
    assert found.own[60, 60]


def test_a_piece_with_a_box_of_its_own_is_a_neighbour() -> None:
    found = find(spiral(), box(60, 60, 50, 50), box(73, 60, 12, 12))
    assert found is not None
    assert found.others[60, 73]
    assert found.own[51, 50]
    found = find(spiral(), box(73, 60, 12, 12), box(60, 60, 50, 50))
    assert found is not None
    assert found.own[60, 73]
    assert found.others[60, 60]


def test_an_object_in_two_boxes_is_divided() -> None:
    # Closer than SEP can tell apart.
    light = galaxy(56, 60, 5, 5000) + galaxy(64, 60, 5, 4900)
    boxes = box(54, 60, 18, 24), box(70, 60, 12, 20)
    masks = [find(light, *order) for order in (boxes, boxes[::-1])]
    assert masks[0] is not None
    assert masks[1] is not None
    assert not (masks[0].own & masks[1].own).any()
    assert masks[0].own[60, 56]
    assert masks[1].own[60, 70]


def test_two_boxes_of_one_object_do_not_divide_it() -> None:
    light = galaxy(60, 60, 5, 5000)
    alone = find(light, box(60, 60, 24, 24))
    both = find(light, box(60, 60, 24, 24), box(61, 60, 18, 18))
    assert alone is not None
    assert both is not None
    np.testing.assert_array_equal(both.own, alone.own)


def test_a_large_window_is_binned() -> None:
    light = gaussian((501, 500), 250, 240, 40, 20, 30, flux=60000)
    image = (light + noise(light.shape)).astype(np.float32)
    bad = np.zeros(light.shape, bool)
    bad[:, 300] = True
    found = find_object(image, bad, np.array([box(250, 240, 150, 110)]))
    assert found is not None
    assert found.own.shape == light.shape
    # Its light is below the noise of a pixel at this distance, but not that of 16.
    reach = light > 0.7
    assert (found.own & reach).sum() > 0.97 * reach.sum()


@pytest.mark.parametrize("fill", [0.0, 1e9, -1e9])
def test_a_crowded_or_constant_window_is_no_error(fill: float) -> None:
    image = np.full((150, 150), fill, np.float32)
    image[::3, ::3] += 50
    find_object(image, np.zeros(image.shape, bool), np.array([box(70, 70, 30, 30)]))
