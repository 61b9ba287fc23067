"""The edges of a refinement: it learns which isophote is the edge, and moves boxes onto it."""

from __future__ import annotations

import numpy as np
import pytest

from galpipe.detection.refinement import Refinement
from galpipe.detection.refinement import edge_training as outline_edges
from galpipe.detection.refinement import mlp_training as small_network_fit
from galpipe.detection.refinement.edge_training import fit_edges
from galpipe.detection.refinement.isophotes import CANDIDATES, FEATURES, find_isophotes
from galpipe.detection.training.training_tiles import TrainingImage
from galpipe.imaging import Detections, iou
from galpipe.imaging.grey import smoothed_grey

SIDE = 97


def galaxy_picture(seed: int) -> TrainingImage:
    """Return a picture of an ellipse whose surface falls linearly, and the box at a fixed level."""
    rng = np.random.default_rng(seed)
    x, y, a, b = *rng.uniform(40, 56, 2), *rng.uniform(12, 26, 2)
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    radius = np.hypot((columns - x) / a, (rows - y) / b)
    grey = 20 + 160 * np.clip(1.03 - radius, 0, None) + rng.normal(0, 3, (SIDE, SIDE))
    rgb = np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    box = np.array([[x - a, y - b, x + a, y + b]])
    return TrainingImage(
        f"{seed}.png", rgb, box, np.zeros(1, np.int64), np.zeros(1, dtype=bool), 0.0
    )


def found_nearby(image: TrainingImage, count: int) -> Detections:
    """Return boxes that are all somewhat off."""
    rng = np.random.default_rng(len(image.name) + int(image.boxes[0, 0] * 100))
    size = np.tile(image.boxes[0, 2:] - image.boxes[0, :2], 2)
    boxes = image.boxes + rng.normal(0, 0.08, (count, 4)) * size
    return Detections(boxes, np.linspace(0.9, 0.5, count), np.zeros(count), np.zeros(count))


@pytest.fixture(scope="module")
def look() -> Refinement:
    images = [galaxy_picture(seed) for seed in range(40)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_network_fit, "_STEPS", 400)
        edges = fit_edges(images, [found_nearby(image, 3) for image in images], 0)
    assert edges is not None
    return Refinement(edges)


def test_it_moves_boxes_of_other_pictures_onto_the_edge(look: Refinement) -> None:
    before, after = [], []
    for seed in range(100, 110):
        image = galaxy_picture(seed)
        found = found_nearby(image, 2)
        refined = look.refine(image.rgb, found)
        before.append(iou(found.boxes, image.boxes).mean())
        after.append(iou(refined.boxes, image.boxes).mean())
        assert refined.scores.tolist() == found.scores.tolist()
    assert np.mean(after) > 0.9 > np.mean(before) + 0.05


def test_what_is_written_is_read_again(look: Refinement) -> None:
    image = galaxy_picture(7)
    found = found_nearby(image, 2)
    again = Refinement.from_bytes(look.to_bytes())
    np.testing.assert_allclose(
        again.refine(image.rgb, found).boxes, look.refine(image.rgb, found).boxes, atol=0.01
    )


def test_a_neighbour_that_touches_moves_no_edge_far(look: Refinement) -> None:
    image = galaxy_picture(3)
    rgb = image.rgb.copy()
    rgb[:60, 44:52] = 200  # a bar of light from the galaxy to the edge of the picture
    found = Detections(image.boxes, np.array([0.9]), np.zeros(1), np.zeros(1))
    moved = look.refine(rgb, found).boxes - image.boxes
    size = np.tile(image.boxes[:, 2:] - image.boxes[:, :2], 2)
    assert (np.abs(moved) <= 0.2 * size + 1e-9).all()


def test_too_few_objects_teach_nothing() -> None:
    image = galaxy_picture(1)
    assert fit_edges([image], [found_nearby(image, 3)], 0) is None
    assert fit_edges([], [], 0) is None


def test_nothing_found_stays_nothing(look: Refinement) -> None:
    assert len(look.refine(galaxy_picture(1).rgb, Detections.empty())) == 0


def test_the_slope_is_that_of_the_error() -> None:
    rng = np.random.default_rng(3)
    edges, truth, values = (rng.normal(0, 1, shape) for shape in ((6, 7, 4), (6, 4), (6, 7, 4)))

    def error(values: np.ndarray) -> float:
        weights = np.exp(values)
        mean = (weights * edges).sum(1) / weights.sum(1)
        return float(np.sqrt((mean - truth) ** 2 + outline_edges._SMOOTH**2).sum(1).mean())

    slope = outline_edges._slope(edges, truth, values)
    direction = rng.normal(0, 1, values.shape)
    change = (error(values + 1e-6 * direction) - error(values)) / 1e-6
    assert change == pytest.approx((slope * direction).sum(), rel=1e-3)


def test_turned_examples_are_those_of_a_turned_picture() -> None:
    image = galaxy_picture(5)
    box = np.round(image.boxes)
    plain = find_isophotes(smoothed_grey(image.rgb), box)
    # The sky is sampled at every third pixel: of 97, the same ones from either side.
    mirrored = find_isophotes(
        smoothed_grey(np.ascontiguousarray(image.rgb[:, ::-1])),
        box[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [SIDE, 0, SIDE, 0],
    )
    examples = outline_edges._Examples(plain.features, plain.boxes, box)
    turned = outline_edges._turned(examples, 1, np.zeros(FEATURES), np.ones(FEATURES))
    assert plain.boxes.shape == (1, CANDIDATES, 4)
    np.testing.assert_allclose(turned.features[..., :4], mirrored.features[..., :4], atol=1e-9)
