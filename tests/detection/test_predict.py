from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from galpipe.detection.load import load_detector
from galpipe.detection.predict import detect_field, detect_prepared, field_tiles
from galpipe.imaging import Detections, Stretch, Tile, iou, prepare_field, read_field

WIDER = np.array([-1, -1, 1, 1])
# Not of one colour, as a field without data is, but without light to follow.
FAINT = (np.indices((256, 256)) // 4).sum(axis=0).astype(np.uint8)[..., np.newaxis] % 2
FAINT = FAINT.repeat(3, axis=2)
TILE = FAINT[:64, :64]
ONE_TILE = field_tiles(64, 64, 64, passes=1)


@pytest.mark.parametrize(
    "corners",
    [
        [(8, 8)],
        [(48, 24)],  # across the middle of the first tiles
        [(0, 0), (184, 104)],  # in opposite corners of the field
        [(16, 16), (40, 16), (96, 64), (160, 80)],
    ],
)
def test_each_object_is_found_once_and_in_place(
    tiny_detector_bundle: Path,
    squares: Callable[..., np.ndarray],
    corners: list[tuple[int, int]],
) -> None:
    found = detect_field(squares(200, 120, *corners), load_detector(tiny_detector_bundle), 0.9)
    truth = np.array([[x, y, x + 16, y + 16] for x, y in corners], float)
    overlap = iou(found.boxes, truth)
    # The tiny detector's anchors sit on a grid of 8, so its boxes may be half a box away, or twice
    # as large.
    assert (overlap.max(axis=0) > 0.2).all(), "a square was missed"
    assert (overlap.max(axis=1) > 0.1).all(), "a box without a square"
    among = iou(found.boxes, found.boxes) - np.eye(len(found))
    assert among.max(initial=0) < 0.45, "one square, two boxes"


def test_an_object_larger_than_a_tile_is_found_by_a_coarser_pass(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    field = squares(512, 512)
    field[128:384, 128:384] = 255
    detector = load_detector(tiny_detector_bundle)
    found = detect_field(field, detector)
    tiles = field_tiles(512, 512, detector.input_size)
    scales = {tiles[index].scale for index in found.tiles}
    assert 64 / 512 in scales
    coarse = found.boxes[[tiles[index].scale == 64 / 512 for index in found.tiles]]
    assert (coarse[:, 2] - coarse[:, 0]).max() == pytest.approx(128)


class Generous:
    """Boxes a square of one size in the middle of every tile."""

    class_names = ("galaxy",)
    input_size = 64
    window_step = None
    score_threshold = 0.3
    refinement: object = None
    psf_range = (1.3, 4.0)

    def __init__(self, side: int) -> None:
        self.box = np.array([32 - side / 2, 32 - side / 2, 32 + side / 2, 32 + side / 2])

    def detect_tiles(
        self, images: np.ndarray, score_threshold: float | None = None
    ) -> list[Detections]:
        return [Detections(self.box[np.newaxis], np.array([0.5]))]


@pytest.mark.parametrize(("side", "scales"), [(7, {1}), (8, {1, 0.25}), (60, {0.25})])
def test_a_coarser_pass_adds_only_what_the_finer_one_may_cut(side: int, scales: set[float]) -> None:
    # Half a tile is 32 pixels: what the finer pass boxes with 0.9 of that, 28.8, a pass at a
    # quarter of its scale boxes with 7.2.
    found = detect_field(FAINT, Generous(side))  # type: ignore[arg-type]
    tiles = field_tiles(256, 256, 64)
    assert {tiles[index].scale for index in found.tiles} == scales


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((10, 12, 54, 52), [[0, 0, 128, 128]]),  # larger than the field on all sides
        ((10, 14, 46, 42), [[0, 0, 120, 104]]),  # its centre near a corner
        ((20, 20, 42, 42), []),  # complete in the field
        ((10, 18, 26, 46), []),  # a galaxy cut by one edge, seen by the finer pass
    ],
)
def test_surroundings_show_what_fills_the_field(
    box: tuple[int, ...], kept: list[list[float]]
) -> None:
    # The field is in the middle of the last tile, from pixel 16 to 48, at a quarter of its scale.
    detector = Generous(1)
    detector.box = np.array(box, float)
    tiles = field_tiles(128, 128, 64)
    assert tiles[-1] == Tile(len(tiles) - 1, 0.25, -16, -16, 64, 64)
    found = detect_field(FAINT[:128, :128], detector, tiles=tiles)  # type: ignore[arg-type]
    assert found.boxes[found.tiles == len(tiles) - 1].tolist() == kept


def test_a_small_field_has_its_surroundings_in_its_only_tile() -> None:
    assert len(field_tiles(32, 20, 64)) == 1
    assert len(field_tiles(33, 20, 64)) == 2


def test_one_pass_does_not_see_what_is_larger_than_a_tile(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    field = squares(512, 512, (16, 16))
    field[128:384, 128:384] = 255
    detector = load_detector(tiny_detector_bundle)
    scales = [
        {tile.scale for tile in field_tiles(512, 512, detector.input_size, passes=passes)}
        for passes in (1, 2, None)
    ]
    assert scales == [{1}, {1, 1 / 3}, {1, 1 / 3, 0.125, 0.0625}]
    single = detect_field(field, detector, tiles=field_tiles(512, 512, 64, passes=1))
    sides = single.boxes[:, 2] - single.boxes[:, 0]
    assert len(single) > 0
    assert sides.max() < 64
    both = detect_field(field, detector, tiles=field_tiles(512, 512, 64, passes=2))
    assert (both.boxes[:, 2] - both.boxes[:, 0]).max() > sides.max()


def test_boxes_stay_inside_the_field_and_come_best_first(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    field = squares(100, 70, (0, 0), (84, 54), (40, 30))
    field[30:46, 40:56] = 180
    found = detect_field(field, load_detector(tiny_detector_bundle))
    assert len(found) >= 3
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes.min() >= 0
    assert (found.boxes[:, 2] <= 100).all()
    assert (found.boxes[:, 3] <= 70).all()


def test_nothing_is_found_beyond_a_field_smaller_than_a_tile(
    tiny_detector_bundle: Path,
) -> None:
    # A bright field fills its tile with light, so the tiny detector boxes the filling as well.
    field = 255 - FAINT[:40, :24]
    found = detect_field(field, load_detector(tiny_detector_bundle))
    assert len(found) > 0
    assert (found.boxes[:, 2] <= 24).all()
    assert (found.boxes[:, 3] <= 40).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


class Undecided:
    """Takes one object for a galaxy and, more so, for a star; another star lies in front of it."""

    class_names = ("galaxy", "star")
    input_size = 64
    window_step = None
    score_threshold = 0.3
    refinement = None
    boxes = np.array([[8.0, 8, 48, 48], [9, 8, 48, 47], [20, 20, 30, 30], [36, 20, 46, 30]])

    def detect_tiles(
        self, images: np.ndarray, score_threshold: float | None = None
    ) -> list[Detections]:
        return [Detections(self.boxes, np.array([0.6, 0.7, 0.5, 0.4]), np.array([0, 1, 1, 0]))]


def test_an_object_is_of_one_class() -> None:
    found = detect_field(TILE, Undecided(), tiles=ONE_TILE)  # type: ignore[arg-type]
    assert found.class_ids.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(found.boxes, Undecided.boxes[1:])


@pytest.mark.parametrize("shape", [(8, 8), (64, 64), (63, 200), (300, 9)])
def test_any_shape_of_field(tiny_detector_bundle: Path, shape: tuple[int, int]) -> None:
    empty = np.zeros((*shape, 3), np.uint8)
    assert len(detect_field(empty, load_detector(tiny_detector_bundle))) == 0


class Counting(Undecided):
    """Takes windows of any size; remembers those that it was shown."""

    window_step = 64

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def detect_tiles(
        self, images: np.ndarray, score_threshold: float | None = None
    ) -> list[Detections]:
        self.shown.append(images.shape[2:0:-1])
        return super().detect_tiles(images, score_threshold)


def test_windows_are_as_large_as_the_detector_takes() -> None:
    detector = Counting()
    noise = np.random.default_rng(0).integers(0, 256, (200, 256, 3), dtype=np.uint8)
    detect_field(noise, detector)  # type: ignore[arg-type]
    # The field at full scale, in one square tile, and that with surroundings.
    assert detector.shown == [(256, 256), (64, 64), (64, 64)]


def test_parts_of_a_field_without_data_are_not_searched() -> None:
    field = np.full((64, 256, 3), 255, np.uint8)
    field[:, :60] = FAINT[:64, :60]
    detector = Counting()
    detector.window_step = None
    detect_field(field, detector)  # type: ignore[arg-type]
    # Of seven tiles at full scale, two are not white; so are the two that show the whole field.
    assert len(detector.shown) == 2 + 2


def test_a_refinement_has_the_last_word(
    tiny_detector_bundle: Path, squares: Callable[..., np.ndarray]
) -> None:
    class Look:
        def refine(self, rgb: np.ndarray, found: Detections, whole: None = None) -> Detections:
            assert (np.diff(found.scores) <= 0).all()
            scores = np.where(found.boxes[:, 0] > 50, found.scores, 0.7)
            return Detections(found.boxes + WIDER, scores, found.class_ids, found.tiles)

        def lowest(self, score: float) -> float:
            return 0.1 * score

    field = squares(200, 120, (16, 16), (96, 64))
    detector = load_detector(tiny_detector_bundle)
    plain = detect_field(field, detector, 0.9)
    detector.refinement = Look()
    looked = detect_field(field, detector, 0.9)
    kept = plain.boxes[:, 0] > 50
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_allclose(looked.boxes, plain.boxes[kept] + WIDER)
    np.testing.assert_array_equal(looked.scores, plain.scores[kept])


class Recording(Undecided):
    """Has a refinement that gives every box the same score; knows what it was asked for."""

    score_threshold = 0.4
    lowest_score = 0.02

    class Look:
        def __init__(self, score: float) -> None:
            self.score = score

        def refine(self, rgb: np.ndarray, found: Detections, whole: None = None) -> Detections:
            return Detections(found.boxes, np.full(len(found), self.score))

        def lowest(self, score: float) -> float:
            return score / 4

    def __init__(self, score: float) -> None:
        self.refinement = self.Look(score)
        self.asked: list[float | None] = []

    def detect_tiles(
        self, images: np.ndarray, score_threshold: float | None = None
    ) -> list[Detections]:
        self.asked.append(score_threshold)
        return super().detect_tiles(images, score_threshold)


def test_a_refinement_sees_what_it_could_raise_over_the_threshold() -> None:
    detector = Recording(0.9)
    for threshold in (None, 0.8, 0.05, 0.01):
        detect_field(TILE, detector, threshold, ONE_TILE)  # type: ignore[arg-type]
    # Never less than the lowest score that says anything, unless that is asked for.
    assert detector.asked == [0.1, 0.2, 0.02, 0.01]


@pytest.mark.parametrize(("threshold", "kept"), [(0.03, 0), (0.02, 3), (0.01, 3)])
def test_who_asks_for_the_lowest_scores_gets_all(threshold: float, kept: int) -> None:
    found = detect_field(TILE, Recording(0.001), threshold, ONE_TILE)  # type: ignore[arg-type]
    assert len(found) == kept


@pytest.mark.parametrize(("brightness", "fewer"), [(180, 1), (0, 0)])
def test_a_picture_with_glare_is_searched_without_surroundings(
    brightness: float, fewer: int
) -> None:
    glare = brightness * np.exp(-(np.arange(320) + 0.5) / 120)
    sky = np.random.default_rng(1).normal(10, 2, (320, 320, 3)) + glare[:, np.newaxis]
    rgb = np.clip(sky, 0, 255).astype(np.uint8)
    searched = []

    class Recording(Generous):
        def detect_tiles(
            self, images: np.ndarray, score_threshold: float | None = None
        ) -> list[Detections]:
            searched.extend(images)
            return super().detect_tiles(images, score_threshold)

    detect_prepared(prepare_field(read_field(rgb), Stretch()), Recording(20))  # type: ignore[arg-type]
    assert len(searched) == len(field_tiles(320, 320, 64)) - fewer
