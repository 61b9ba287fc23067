from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from galpipe.detection.training.pasting import cut_donors, paste
from galpipe.detection.training.training_tiles import TrainingImage, TrainingTile, view
from galpipe.imaging import iou

Labelled = Callable[..., TrainingImage]


@pytest.fixture
def sky(labelled: Labelled) -> TrainingTile:
    return view(labelled("sky", 128, 128, seed=1), (0, 0), (128, 128), (128, 128))


def test_a_donor_carries_the_light_and_not_the_sky(labelled: Labelled) -> None:
    (donor,) = cut_donors([labelled("one", 100, 100, (50.0, 50.0, 16.0))], native=False)
    assert donor.light.max() == pytest.approx(200, abs=10)
    border = np.concatenate([donor.light[0], donor.light[-1]])
    assert np.abs(border).max() < 3


def test_objects_at_the_edge_or_not_what_their_box_says_are_no_donors(labelled: Labelled) -> None:
    at_edge = labelled("edge", 100, 100, (8.0, 50.0, 16.0))
    wrong_box = labelled("wrong", 100, 100, (50.0, 50.0, 8.0))
    wrong_box.boxes[:] = [20, 20, 80, 80]
    difficult = labelled("difficult", 100, 100, (50.0, 50.0, 16.0))
    difficult.difficult[:] = True
    assert cut_donors([at_edge, wrong_box, difficult], native=False) == []


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.5])
def test_the_new_box_is_the_isophote_of_what_was_added(
    labelled: Labelled, sky: TrainingTile, scale: float
) -> None:
    (donor,) = cut_donors([labelled("one", 100, 100, (50.0, 50.0, 16.0))], native=False)
    tile = paste(sky, donor, scale, 0.5, 1.0, np.random.default_rng(0))
    (box,) = tile.boxes
    added = (tile.image.astype(float) - sky.image).mean(axis=2)
    rows, columns = np.nonzero(added > 4)
    inside = (
        (columns + 1 >= box[0] - 2)
        & (columns <= box[2] + 2)
        & (rows + 1 >= box[1] - 2)
        & (rows <= box[3] + 2)
    )
    assert inside.all(), "light outside the box"
    np.testing.assert_allclose(
        box, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], atol=3
    )
    np.testing.assert_allclose(box[2:] - box[:2], scale * donor.side, rtol=0.2)


def test_nothing_is_pasted_onto_an_object(labelled: Labelled, sky: TrainingTile) -> None:
    (donor,) = cut_donors([labelled("one", 100, 100, (50.0, 50.0, 16.0))], native=False)
    rng = np.random.default_rng(0)
    tile = sky
    for _ in range(12):
        tile = paste(tile, donor, 0.7, 0.5, 1.0, rng)
    assert len(tile.boxes) > 1
    overlap = iou(tile.boxes, tile.boxes) - np.eye(len(tile.boxes))
    assert overlap.max() < 0.05


def test_what_sinks_into_the_noise_leaves_the_tile_as_it_was(
    labelled: Labelled, sky: TrainingTile
) -> None:
    (donor,) = cut_donors([labelled("one", 100, 100, (50.0, 50.0, 16.0))], native=False)
    assert paste(sky, donor, 1.0, 0.5, 0.01, np.random.default_rng(0)) is sky


def test_what_looks_like_a_star_is_undecided(labelled: Labelled, sky: TrainingTile) -> None:
    (donor,) = cut_donors([labelled("one", 100, 100, (50.0, 50.0, 16.0))], native=False)
    tile = paste(sky, donor, 12 / donor.side, 0.5, 1.0, np.random.default_rng(0))
    assert len(tile.boxes) == 0
    assert len(tile.ignored) == 1
