from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from galpipe.annotations import AnnotatedImage, ObjectBox
from galpipe.imaging.background import extent, isophote, noise_level, smoothed_grey
from galpipe.simulation.galaxy_light import BOX_LEVEL, GalaxyLight, cut_galaxies, seeing
from galpipe.simulation.pasting import PastedFrame, paste_galaxies

Picture = tuple[np.ndarray, AnnotatedImage]


@pytest.fixture(scope="module")
def galaxy(cutout: Picture) -> GalaxyLight:
    (found,) = cut_galaxies("one.png", *cutout)
    return found


def test_the_light_is_the_galaxy_without_sky_and_neighbour(
    galaxy: GalaxyLight, gaussian: Callable[..., np.ndarray]
) -> None:
    height, width = galaxy.light.shape[:2]
    grey = galaxy.light.mean(axis=2)
    y, x = np.unravel_index(int(smoothed_grey(galaxy.light).argmax()), grey.shape)
    truth = 120 * gaussian((height, width), x + 0.5, y + 0.5, 15)
    assert grey.sum() == pytest.approx(2 * np.pi * 15**2 * 120, rel=0.05)
    assert np.abs(grey - truth).max() < 10
    # Neither a seam nor the star.
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    assert np.abs(border).max() < 1
    assert grey[truth < 3].max() < 8


def test_faint_light_brings_no_noise(galaxy: GalaxyLight) -> None:
    grey = galaxy.light.mean(axis=2)
    faint = (grey > 0.5) & (grey < 3)
    rough = grey - smoothed_grey(galaxy.light)
    assert faint.sum() > 100
    # A third of the noise that was there: 2 counts in each of three colours.
    assert rough[faint].std() < 0.4


def test_what_touches_something_is_not_cut(
    cutout: Picture, picture: Callable[..., np.ndarray], annotate: Callable[..., AnnotatedImage]
) -> None:
    rgb, annotated = cutout
    (box,) = annotated.objects
    touching = picture(240, (120, 110, 15, 120), (175, 110, 6, 200))
    assert cut_galaxies("x", touching, annotated) == []
    wrong = ObjectBox("galaxy", 10, 10, 120, 120)
    difficult = ObjectBox("galaxy", *box.edges, difficult=True)
    beside = ObjectBox("galaxy", box.xmin - 20, box.ymin, box.xmin + 5, box.ymax)
    for objects in ((), (wrong,), (difficult,), (box, beside)):
        image = AnnotatedImage("x", 240, 240, objects=objects)
        assert cut_galaxies("x", rgb, image) == []
    at_edge = picture(240, (30, 110, 15, 120))
    assert cut_galaxies("x", at_edge, annotate(at_edge, 30, 110)) == []


@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_the_seeing_is_the_width_of_the_stars(
    sigma: float, picture: Callable[..., np.ndarray]
) -> None:
    places = [(40, 40), (40, 160), (160, 50), (170, 170), (100, 105)]
    rgb = picture(210, *((x, y, sigma, 120) for x, y in places))
    assert seeing(rgb) == pytest.approx(sigma, rel=0.15)
    assert seeing(picture(100)) is None


@pytest.fixture(scope="module")
def pasted(
    galaxy: GalaxyLight, picture: Callable[..., np.ndarray], annotate: Callable[..., AnnotatedImage]
) -> tuple[np.ndarray, AnnotatedImage, PastedFrame]:
    rgb = picture(400, (60, 60, 5, 100), (300, 320, 1.5, 150), seed=1)
    known = annotate(rgb, 60, 60)
    doubtful = ObjectBox("galaxy", 295, 315, 306, 326, difficult=True)
    known = AnnotatedImage("f", 400, 400, objects=(*known.objects, doubtful))
    sides = [12, 20, 40, 80]
    return rgb, known, paste_galaxies(rgb, known, [galaxy], sides, np.random.default_rng(3))


def test_boxes_have_the_sides_asked_for_and_are_isophotes_of_what_is_seen(
    pasted: tuple[np.ndarray, AnnotatedImage, PastedFrame],
) -> None:
    rgb, known, made = pasted
    assert made.objects[:2] == known.objects
    boxes = [one.box for one in made.pasted]
    assert made.objects[2:] == tuple(boxes)
    sides = [max(box.width, box.height) for box in boxes]
    assert sides == pytest.approx([80, 40, 20, 12], rel=0.02, abs=1)
    assert [one.source for one in made.pasted] == ["one.png"] * 4
    _, noise = noise_level(smoothed_grey(rgb))
    added = smoothed_grey(made.rgb.astype(np.float32) - rgb)
    for box in boxes:
        x0, y0, x1, y1 = (int(edge) for edge in box.edges)
        mask = isophote(added[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4], BOX_LEVEL * noise)
        assert extent(mask) == pytest.approx((4, 4, 4 + x1 - x0, 4 + y1 - y0), abs=2.1)


def test_the_frame_keeps_its_sky_and_noise(
    pasted: tuple[np.ndarray, AnnotatedImage, PastedFrame],
) -> None:
    rgb, _, made = pasted
    lit = made.rgb != rgb
    assert 0.02 < lit.mean() < 0.6
    far = np.ones(rgb.shape[:2], bool)
    for one in made.pasted:
        x0, y0, x1, y1 = (int(edge) for edge in one.box.edges)
        far[max(y0 - 60, 0) : y1 + 60, max(x0 - 60, 0) : x1 + 60] = False
    assert np.array_equal(made.rgb[far], rgb[far])
    # On a galaxy there is at least as much noise as beside it.
    x0, y0, x1, y1 = (int(edge) for edge in made.pasted[0].box.edges)
    around = made.rgb.astype(np.float32).mean(axis=2) - smoothed_grey(made.rgb)
    before = rgb.astype(np.float32).mean(axis=2) - smoothed_grey(rgb)
    inside = slice(y0 + 20, y1 - 20), slice(x0 + 20, x1 - 20)
    assert around[inside].std() > 0.9 * before[inside].std()


def test_galaxies_do_not_hide_each_other_and_what_finds_no_place_is_left_out(
    galaxy: GalaxyLight, picture: Callable[..., np.ndarray]
) -> None:
    rgb = picture(200, seed=2)
    empty = AnnotatedImage("f", 200, 200)
    made = paste_galaxies(rgb, empty, [galaxy], [60] * 30 + [500], np.random.default_rng(0))
    assert 3 <= len(made.pasted) < 30
    for one in made.pasted:
        for other in made.pasted:
            if one is not other:
                width = min(one.box.xmax, other.box.xmax) - max(one.box.xmin, other.box.xmin)
                height = min(one.box.ymax, other.box.ymax) - max(one.box.ymin, other.box.ymin)
                smaller = min(box.width * box.height for box in (one.box, other.box))
                assert max(width, 0) * max(height, 0) <= 0.2 * smaller


def test_nothing_is_pasted_where_a_star_outshines_it(
    galaxy: GalaxyLight, picture: Callable[..., np.ndarray]
) -> None:
    glare = picture(240, (120, 120, 12, 3000))
    empty = AnnotatedImage("f", 240, 240)
    made = paste_galaxies(glare, empty, [galaxy], [16] * 40, np.random.default_rng(0))
    assert len(made.pasted) > 10
    for one in made.pasted:
        x, y = (one.box.xmin + one.box.xmax) / 2, (one.box.ymin + one.box.ymax) / 2
        assert np.hypot(x - 120, y - 120) > 35
