from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from galpipe.annotations import GALAXY10_DECALS
from galpipe.simulation import GalaxyStamp, SimulatedField, draw_galaxy, simulate_field, truth_table
from galpipe.simulation.camera import SKY_NOISE
from galpipe.simulation.galaxy import grey
from galpipe.simulation.simulate import GalaxyPlan, plan_galaxies
from galpipe.simulation.truth import true_galaxy


@pytest.fixture(scope="module")
def scene() -> SimulatedField:
    return simulate_field(4, width=384, height=320, galaxies=10, stars=25)


def test_the_same_seed_gives_the_same_field(scene: SimulatedField) -> None:
    again = simulate_field(4, width=384, height=320, galaxies=10, stars=25)

    assert again.field.pixels.tobytes() == scene.field.pixels.tobytes()
    assert again.galaxies == scene.galaxies
    assert again.stars == scene.stars
    assert again.field.checksum == scene.field.checksum


def test_another_seed_or_index_gives_another_field() -> None:
    first, other, next_one = (
        simulate_field(seed, width=96, height=96, galaxies=1, index=index).field
        for seed, index in ((1, 0), (2, 0), (1, 1))
    )

    assert not np.allclose(first.pixels, other.pixels)
    assert not np.allclose(first.pixels, next_one.pixels)
    assert (first.identifier, next_one.identifier) == ("simulated_0001", "simulated_0002")


def test_more_stars_leave_the_galaxies_as_they_are(scene: SimulatedField) -> None:
    crowded = simulate_field(4, width=384, height=320, galaxies=10, stars=60)

    places = {(galaxy.x, galaxy.y, galaxy.class_id) for galaxy in crowded.galaxies}
    assert places == {(galaxy.x, galaxy.y, galaxy.class_id) for galaxy in scene.galaxies}
    assert len(crowded.stars) == 60


def test_the_field_is_like_a_frame(scene: SimulatedField) -> None:
    field = scene.field
    sky = field.pixels - np.median(field.pixels, axis=(0, 1))

    assert field.pixels.shape == (320, 384, 3)
    assert field.pixels.dtype == np.float32
    assert field.origin == "lower"
    assert field.pixel_scale == 0.396
    spread = 1.4826 * np.median(np.abs(sky), axis=(0, 1))
    assert spread == pytest.approx(SKY_NOISE, rel=0.25)


def test_ten_galaxies_hold_all_ten_classes() -> None:
    plans = plan_galaxies(np.random.default_rng(1), 20, 1024, 1024)

    assert sorted(plan.class_id for plan in plans) == sorted([*range(10), *range(10)])
    assert max(plan.diameter for plan in plans) > 60
    assert sum(plan.diameter < 40 for plan in plans) >= 8


def test_galaxies_keep_apart_in_a_wide_field() -> None:
    plans = plan_galaxies(np.random.default_rng(2), 12, 1500, 1500)

    for one in plans:
        for other in plans:
            if one is not other:
                reach = 0.5 * (one.diameter + other.diameter)
                assert np.hypot(one.x - other.x, one.y - other.y) > reach


@pytest.mark.parametrize("seed", range(4))
def test_the_box_encloses_the_light_seen_above_the_noise(seed: int) -> None:
    alone = simulate_field(seed, width=200, height=200, galaxies=1, stars=0)
    galaxy = max(alone.galaxies, key=lambda one: one.box.width * one.box.height)
    left, top, right, bottom = (int(edge) for edge in galaxy.box.edges)
    bands = (alone.field.pixels / SKY_NOISE).mean(axis=2).astype(np.float32)
    smooth = cv2.GaussianBlur(bands, (0, 0), 1.0)
    noise = 1.4826 * np.median(np.abs(smooth - np.median(smooth)))
    inside = smooth[top:bottom, left:right]
    rows, columns = smooth[top:bottom], smooth[:, left:right]
    rims = [(inside[0], columns[top - 2]), (inside[-1], columns[bottom + 1])]
    rims += [(inside[:, 0], rows[:, left - 2]), (inside[:, -1], rows[:, right + 1])]

    assert left < galaxy.x < right
    assert top < galaxy.y < bottom
    assert inside.max() > 15 * noise
    for rim, beyond in rims:
        # The isophote at six times the noise touches the rim, and ends there.
        assert rim.max() > 4 * noise
        assert np.percentile(beyond, 95) < 8 * noise


def test_boxes_are_inside_the_field_and_large_enough(scene: SimulatedField) -> None:
    boxes = scene.annotated.boxes
    longest = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])

    assert len(boxes) >= 8
    assert boxes.min() >= 0
    assert boxes[:, 2].max() <= 384
    assert boxes[:, 3].max() <= 320
    assert longest.min() >= 12
    assert scene.annotated.difficult[longest < 16].all()
    assert set(scene.annotated.labels) == {"galaxy"}


def drawn(seed: int, diameter: float = 40.0) -> tuple[GalaxyPlan, GalaxyStamp, np.ndarray]:
    plan = GalaxyPlan(3, diameter, 60.2, 64.7, 0.0)
    stamp = draw_galaxy(3, diameter, plan.x, plan.y, np.random.default_rng(seed))
    scene = np.zeros((128, 120, 3), np.float32)
    rows, columns = np.indices(stamp.pixels.shape[:2])
    rows, columns = rows + stamp.top, columns + stamp.left
    inside = (rows >= 0) & (rows < 128) & (columns >= 0) & (columns < 120)
    scene[rows[inside], columns[inside]] = stamp.pixels[inside]
    return plan, stamp, scene


@pytest.mark.parametrize("seed", range(3))
def test_the_box_is_that_of_the_isophote(seed: int) -> None:
    plan, stamp, scene = drawn(seed)
    truth = true_galaxy(plan, stamp, scene)
    assert truth is not None
    rows, columns = np.nonzero(grey(scene) > 6)

    assert truth.box.edges == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert not truth.box.difficult
    assert not truth.box.truncated


def test_an_outshone_galaxy_is_difficult() -> None:
    plan, stamp, scene = drawn(1)

    truth = true_galaxy(plan, stamp, scene + np.float32(10))

    assert truth is not None
    assert truth.box.difficult


def test_a_galaxy_cut_by_the_edge_is_truncated() -> None:
    plan, stamp, scene = drawn(1)

    truth = true_galaxy(plan, stamp, scene[:, :62])

    assert truth is not None
    assert truth.box.xmax == 62
    assert truth.box.truncated


def test_a_faint_galaxy_has_no_box() -> None:
    plan, stamp, scene = drawn(1, diameter=5.0)

    assert true_galaxy(plan, stamp, scene) is None


def test_the_places_on_the_sky_lead_back_to_the_pixels(scene: SimulatedField) -> None:
    table = truth_table(scene)
    x, y = scene.field.wcs.all_world2pix(table["ra"], table["dec"], 1)

    # FITS counts the centre of the first pixel as 1; here it is 0.5.
    assert x - 0.5 == pytest.approx(table["x"].to_numpy(), abs=2e-3)
    assert y - 0.5 == pytest.approx(table["y"].to_numpy(), abs=2e-3)


def test_north_is_up_and_east_to_the_left(scene: SimulatedField) -> None:
    ra, dec = scene.field.sky([190, 200, 190], [160, 160, 170])

    assert ra[1] < ra[0]
    assert dec[2] > dec[0]
    scale = np.hypot((ra[1] - ra[0]) * np.cos(np.radians(dec[0])), dec[1] - dec[0]) * 3600 / 10
    assert scale == pytest.approx(0.396, rel=1e-3)


def test_truth_names_the_classes(scene: SimulatedField) -> None:
    table = truth_table(scene)

    assert len(table) == len(scene.galaxies)
    for row in table.itertuples():
        assert GALAXY10_DECALS[row.class_id] == row.class_name
        assert 10 < row.magnitude_r < 22


@pytest.mark.parametrize(
    ("width", "height", "galaxies"), [(32, 256, 1), (256, 63, 1), (256, 256, -1)]
)
def test_useless_sizes_are_refused(width: int, height: int, galaxies: int) -> None:
    with pytest.raises(ValueError, match="must"):
        simulate_field(1, width=width, height=height, galaxies=galaxies)


def test_an_empty_field_is_possible() -> None:
    empty = simulate_field(1, width=64, height=64, galaxies=0, stars=0)

    assert truth_table(empty).columns[0] == "field"
    assert empty.stars == ()


def test_small_fields_are_quick() -> None:
    simulate_field(1)
    spent = []
    for seed in range(3):
        start = time.process_time()
        simulate_field(seed)
        spent.append(time.process_time() - start)

    # Measured at 0.13 s; the limit leaves room for a slow machine.
    assert min(spent) < 1.5
