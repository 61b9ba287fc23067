"""Training of the parts of a refinement, and their selection on validation images."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from galpipe.detection.measure import SearchedImages
from galpipe.detection.refinement import Refinement, fit
from galpipe.detection.refinement.isophotes import CANDIDATES, edge_candidates
from galpipe.detection.refinement.light_profile import measure_light_profile
from galpipe.detection.refinement.mlp import MLP
from galpipe.detection.training.training_tiles import TrainingImage
from galpipe.imaging import Detections, iou
from galpipe.imaging.background import smoothed_grey

pytestmark = [pytest.mark.tensorflow, pytest.mark.training]

BOX = np.array([[10.0, 12, 50, 44]])
WIDER = np.array([-4.0, 0, 4, 0])
ASIDE = np.array([[60.0, 60, 64, 64]])
NETWORK: Any = object()


class FakeDetector:
    """Finds nothing; what its refinement does is what is looked at."""

    class_names = ("galaxy",)
    lowest_score = 0.02
    refinement = None


def image() -> TrainingImage:
    return TrainingImage(
        "a.png", np.zeros((64, 64, 3), np.uint8), BOX, np.zeros(1, int), np.zeros(1, bool), 0.0
    )


@pytest.fixture
def searched() -> SearchedImages:
    found = Detections(np.vstack([ASIDE, BOX + WIDER]), np.array([0.9, 0.8]))
    return SearchedImages([image()], [found], ("galaxy",))


def refining(tighter: bool, surer: bool) -> Any:
    """Return a `Refinement.refine` whose parts are of use, or of none."""

    def refine(
        look: Refinement, rgb: np.ndarray, found: Detections, whole: None = None
    ) -> Detections:
        own = iou(found.boxes, BOX)[:, 0] > 0
        sign = 1 if tighter else -1
        boxes = np.where(own[:, np.newaxis], found.boxes - sign * WIDER, found.boxes)
        scores = found.scores
        if look.rescoring is not None:
            scores = np.where(own == surer, 0.95, 0.1)
        refined = Detections(boxes, scores, found.class_ids, found.tiles)
        return refined.select(np.argsort(-scores))

    return refine


@pytest.mark.parametrize(
    ("tighter", "surer", "kept"),
    [
        (True, True, ["edges", "rescoring"]),
        (True, False, ["edges"]),
        (False, False, []),
    ],
)
def test_as_much_of_it_is_used_as_is_of_use(
    tighter: bool,
    surer: bool,
    kept: list[str],
    searched: SearchedImages,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "fit_edges", lambda images, found, seed, progress: NETWORK)
    monkeypatch.setattr(fit, "fit_rescoring", lambda searched, seed, progress: NETWORK)
    monkeypatch.setattr(Refinement, "refine", refining(tighter, surer))
    detector: Any = FakeDetector()
    validation = {"cutouts": searched}
    look, again = fit.fit_refinement(detector, [], validation, 0)
    parts = [] if look is None else [name for name in ("edges", "rescoring") if getattr(look, name)]
    assert parts == kept
    assert (again is validation) == (not kept)
    assert again["cutouts"].metrics.ap >= searched.metrics.ap
    assert fit.fit_refinement(detector, [], {}, 0) == (None, {})


def test_too_little_to_learn_from_is_no_refinement(
    searched: SearchedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector: Any = FakeDetector()
    validation = {"cutouts": searched}
    assert fit.fit_refinement(detector, [], validation, 0) == (None, validation)
    monkeypatch.setattr(fit, "fit_edges", lambda images, found, seed, progress: NETWORK)
    monkeypatch.setattr(fit, "fit_rescoring", lambda searched, seed, progress: None)
    monkeypatch.setattr(Refinement, "refine", refining(tighter=True, surer=True))
    look, _ = fit.fit_refinement(detector, [], validation, 0)
    assert look is not None
    assert look.rescoring is None


def test_boxes_on_reflected_images_are_learnt_from_too(
    searched: SearchedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[TrainingImage] = []

    def search(detector: Any, images: list[TrainingImage], *_: Any) -> SearchedImages:
        return SearchedImages(images, [Detections(image.boxes, np.ones(1)) for image in images], ())

    def fit_edges(images: list[TrainingImage], found: list[Detections], *_: Any) -> None:
        learnt.extend(images)

    monkeypatch.setattr(SearchedImages, "search", search)
    monkeypatch.setattr(fit, "fit_edges", fit_edges)
    source: Any = SimpleNamespace(train=[galaxy_picture(1), galaxy_picture(2)])
    fit.fit_refinement(cast(Any, FakeDetector()), [source], {"cutouts": searched}, 0)
    assert [image.name for image in learnt] == ["1.png", "2.png"] * 3
    assert len({image.rgb.tobytes() for image in learnt}) == 6


def test_what_was_found_is_seen_again_as_in_a_search(
    searched: SearchedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Refinement, "refine", refining(tighter=True, surer=True))
    assert searched.metrics.ap < 1
    after = searched.refined_by(Refinement(NETWORK, MLP(())))
    np.testing.assert_array_equal(after.found[0].boxes[:1], BOX)
    assert after.found[0].scores.tolist() == [0.95, 0.1]
    assert after.metrics.ap == pytest.approx(1)


EDGE_SIDE = 97


def galaxy_picture(seed: int) -> TrainingImage:
    """Return a picture of an ellipse whose surface falls linearly, and the box at a fixed level."""
    rng = np.random.default_rng(seed)
    x, y, a, b = *rng.uniform(40, 56, 2), *rng.uniform(12, 26, 2)
    rows, columns = np.mgrid[:EDGE_SIDE, :EDGE_SIDE] + 0.5
    radius = np.hypot((columns - x) / a, (rows - y) / b)
    grey = 20 + 160 * np.clip(1.03 - radius, 0, None) + rng.normal(0, 3, (EDGE_SIDE, EDGE_SIDE))
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
def refinement() -> Refinement:
    images = [galaxy_picture(seed) for seed in range(30)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "_EDGE_STEPS", 200)
        edges = fit.fit_edges(images, [found_nearby(image, 3) for image in images], 0)
    assert edges is not None
    return Refinement(edges)


def test_it_moves_boxes_of_other_pictures_onto_the_edge(refinement: Refinement) -> None:
    before, after = [], []
    for seed in range(100, 110):
        image = galaxy_picture(seed)
        found = found_nearby(image, 2)
        refined = refinement.refine(smoothed_grey(image.rgb), found)
        before.append(iou(found.boxes, image.boxes).mean())
        after.append(iou(refined.boxes, image.boxes).mean())
        assert refined.scores.tolist() == found.scores.tolist()
    assert np.mean(after) > 0.9 > np.mean(before) + 0.05


def test_what_is_written_is_read_again(refinement: Refinement) -> None:
    image = galaxy_picture(7)
    found, grey = found_nearby(image, 2), smoothed_grey(image.rgb)
    again = Refinement.from_bytes(refinement.to_bytes())
    np.testing.assert_allclose(
        again.refine(grey, found).boxes, refinement.refine(grey, found).boxes, atol=0.01
    )


def test_a_neighbour_that_touches_moves_no_edge_far(refinement: Refinement) -> None:
    image = galaxy_picture(3)
    rgb = image.rgb.copy()
    rgb[:60, 44:52] = 200  # a bar of light from the galaxy to the edge of the picture
    found = Detections(image.boxes, np.array([0.9]), np.zeros(1), np.zeros(1))
    moved = refinement.refine(smoothed_grey(rgb), found).boxes - image.boxes
    size = np.tile(image.boxes[:, 2:] - image.boxes[:, :2], 2)
    assert (np.abs(moved) <= 0.2 * size + 1e-9).all()


def test_too_few_objects_teach_nothing() -> None:
    image = galaxy_picture(1)
    assert fit.fit_edges([image], [found_nearby(image, 3)], 0) is None
    assert fit.fit_edges([], [], 0) is None


def test_nothing_found_stays_nothing(refinement: Refinement) -> None:
    assert len(refinement.refine(smoothed_grey(galaxy_picture(1).rgb), Detections.empty())) == 0


def test_turned_examples_are_those_of_a_turned_picture() -> None:
    image = galaxy_picture(5)
    box = np.round(image.boxes)
    plain = edge_candidates(smoothed_grey(image.rgb), box)
    # The sky is sampled at every third pixel: of 97, the same ones from either side.
    mirrored = edge_candidates(
        smoothed_grey(np.ascontiguousarray(image.rgb[:, ::-1])),
        box[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [EDGE_SIDE, 0, EDGE_SIDE, 0],
    )
    features, _ = fit._augment(plain.features, plain.boxes, 1)
    assert plain.boxes.shape == (1, CANDIDATES, 4)
    np.testing.assert_allclose(features[..., :4], mirrored.features[..., :4], atol=1e-9)


SCORE_SIDE = 96
PLACES = np.array([[24, 24], [72, 24], [24, 72], [72, 72]], dtype=float)


def field(seed: int) -> tuple[TrainingImage, Detections]:
    """Return two galaxies and two stars, all found with the scores of chance."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SCORE_SIDE, :SCORE_SIDE] + 0.5
    grey = rng.normal(20, 2, (SCORE_SIDE, SCORE_SIDE))
    wide = rng.permutation([True, True, False, False])
    half = rng.uniform(9, 16, 4)
    for (x, y), is_galaxy, reach in zip(PLACES, wide, half, strict=True):
        width = reach / 2.2 if is_galaxy else 1.5
        peak = rng.uniform(80, 220)
        grey += peak * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width**2))
    rgb = np.repeat(grey.clip(0, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    boxes = np.hstack([PLACES - half[:, np.newaxis], PLACES + half[:, np.newaxis]])
    count = int(wide.sum())
    image = TrainingImage(
        f"{seed}.png", rgb, boxes[wide], np.zeros(count, int), np.zeros(count, bool), 0.0
    )
    return image, Detections(boxes, rng.uniform(0.2, 0.8, 4))


def search(seeds: range) -> SearchedImages:
    images, found = zip(*(field(seed) for seed in seeds), strict=True)
    return SearchedImages(images, found, ("galaxy",))


def test_galaxies_of_other_pictures_gain_and_stars_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "_SCORE_STEPS", 300)
    network = fit.fit_rescoring(search(range(40)), 0)
    assert network is not None
    for seed in range(100, 110):
        image, found = field(seed)
        evidence = network(measure_light_profile(smoothed_grey(image.rgb), found.boxes))[:, 0]
        right = fit._match(image, found) > 0
        assert evidence[right].min() > 0.5
        assert evidence[~right].max() < -0.5


@pytest.mark.parametrize("seeds", [range(1), range(20)])
def test_too_few_boxes_teach_nothing(seeds: range) -> None:
    assert fit.fit_rescoring(search(seeds), 0) is None


def test_of_the_boxes_of_one_object_the_best_is_right() -> None:
    objects = np.array([[10.0, 10, 30, 30], [50, 50, 80, 80], [10, 60, 30, 80]])
    image = TrainingImage(
        "a.png",
        np.zeros((SCORE_SIDE, SCORE_SIDE, 3), np.uint8),
        objects,
        np.array([0, 0, 1]),
        np.array([False, True, False]),
        0.0,
    )
    boxes = np.vstack([objects, objects + 1, [[40, 0, 49, 9]]])
    found = Detections(
        boxes, np.array([0.5, 0.6, 0.7, 0.9, 0.8, 0.3, 0.4]), np.array([0, 0, 0, 0, 0, 1, 0])
    )
    # The first object has a better box; the second cannot be judged; the third is of another
    # class than its first box says.
    assert fit._match(image, found).tolist() == [-1, 0, -1, 1, 0, 1, -1]
