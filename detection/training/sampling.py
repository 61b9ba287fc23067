"""Sample training tiles from cutouts and frames: cut, assemble, paste objects, augment."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ...imaging import iou
from ...imaging.background import noise_level, smoothed_grey
from .pasting import cut_donors, paste
from .stars import crowd, glare, trail
from .training_tiles import TrainingImage, TrainingTile, assemble, turn, view

__all__ = ["TileSampler", "jitter"]

# Fractions of tiles at the scale of the frame and at half of it; the others have any scale.
_NATIVE_SHARE, _HALVED_SHARE = 0.6, 0.2
# Fractions of frame tiles around an object and around a bright star; the others are anywhere.
_ON_OBJECT, _ON_STAR = 0.5, 0.3
_STARS_A_FRAME = 200
# Fractions of frame tiles with many stars, one saturated star and a trail.
_CROWDED, _GLARING, _TRAILED = 0.15, 0.15, 0.05
# Seeing of the survey, standard deviation in pixels of the frame (SDSS: FWHM 1.3", 0.396"/pixel).
_SEEING = (0.8, 1.5)
_SMALLEST_PASTED = 18.0
_LARGEST_PASTED = 150.0


class TileSampler:
    """Sampler of training tiles.

    Parameters
    ----------
    cutouts : list of TrainingImage
        Images of single objects.
    frames : list of TrainingImage
        Whole survey frames.
    size : int
        Side of a tile, in pixels.
    scale_range : (float, float)
        Smallest and largest scale, tile pixels per image pixel.
    paste_fraction : float
        Fraction of tiles with objects pasted from other images; requires frames.
    draw_stars : bool
        Add stars to frame tiles as background; not for detectors of stars.
    """

    def __init__(
        self,
        cutouts: list[TrainingImage],
        frames: list[TrainingImage],
        size: int,
        scale_range: tuple[float, float],
        paste_fraction: float,
        *,
        draw_stars: bool = True,
    ) -> None:
        if not cutouts and not frames:
            raise ValueError("there is no image to sample from")
        self._cutouts = cutouts
        self._frames = frames
        self._size = size
        self._scale_range = scale_range
        self._paste_fraction = paste_fraction if frames else 0.0
        self._draw_stars = draw_stars
        self._stars = [_bright_stars(frame) for frame in frames]
        self._donors = (
            cut_donors(cutouts, native=False) + cut_donors(frames, native=True)
            if self._paste_fraction
            else []
        )
        self._donor_classes = np.array([donor.class_id for donor in self._donors], dtype=np.int64)

    def sample(self, rng: np.random.Generator) -> TrainingTile:
        """Sample one tile, determined by the state of the generator.

        Parameters
        ----------
        rng : Generator

        Returns
        -------
        TrainingTile
        """
        kind = rng.random()
        if self._donors and kind < self._paste_fraction:
            tile, scale = self._frame_tile(rng)
            tile = self._paste_objects(tile, scale, rng)
        elif self._frames and (not self._cutouts or rng.random() < 0.5):
            tile, _ = self._frame_tile(rng)
        else:
            tile = self._cutout_tile(rng)
        tile = turn(tile, int(rng.integers(4)), bool(rng.integers(2)))
        return replace(tile, image=jitter(tile.image, rng))

    def _cutout_tile(self, rng: np.random.Generator) -> TrainingTile:
        size = self._size
        if rng.random() < 0.3:
            return self._mosaic(rng)
        source = self._cutouts[rng.integers(len(self._cutouts))]
        height, width = source.rgb.shape[:2]
        fitting = size / max(height, width)
        if rng.random() < 0.5:
            scale = fitting * rng.uniform(0.9, 1.0)
        else:
            scale = _log_uniform(rng, 0.6 * fitting, max(self._scale_range[1], fitting))
        side = round(size / scale)
        return view(source, _corner(rng, side, source, 0.0), (side, side), (size, size))

    def _mosaic(self, rng: np.random.Generator) -> TrainingTile:
        size = self._size
        split_x, split_y = (int(size * share) for share in rng.uniform(0.35, 0.65, 2))
        parts, corners = [], []
        for x, across in ((0, split_x), (split_x, size - split_x)):
            for y, down in ((0, split_y), (split_y, size - split_y)):
                source = self._cutouts[rng.integers(len(self._cutouts))]
                smallest = max(self._scale_range[0], max(across, down) / max(source.rgb.shape[:2]))
                scale = _log_uniform(rng, smallest, max(1.6 * smallest, smallest))
                side = (round(across / scale), round(down / scale))
                parts.append(view(source, _corner(rng, side, source, 0.0), side, (across, down)))
                corners.append((x, y))
        return assemble(parts, corners, size)

    def _frame_tile(self, rng: np.random.Generator) -> tuple[TrainingTile, float]:
        index = int(rng.integers(len(self._frames)))
        frame = self._frames[index]
        kind = rng.random()
        if kind < _NATIVE_SHARE:
            scale = rng.uniform(0.8, 1.25)
        elif kind < _NATIVE_SHARE + _HALVED_SHARE:
            scale = rng.uniform(0.4, 0.6)
        else:
            scale = _log_uniform(rng, *self._scale_range)
        side = round(self._size / scale)
        corner = _corner(rng, side, frame, 0.05)
        kind = rng.random()
        objects = frame.boxes[~frame.difficult]
        stars = self._stars[index]
        if kind < _ON_OBJECT and len(objects):
            box = objects[_one_of(frame.class_ids[~frame.difficult], rng)]
            corner = _around((box[:2] + box[2:]) / 2, side, rng)
        elif _ON_OBJECT <= kind < _ON_OBJECT + _ON_STAR and len(stars):
            corner = _around(stars[rng.integers(len(stars))], side, rng)
        tile = view(frame, corner, (side, side), (self._size, self._size))
        scale = self._size / side
        kind = rng.random()
        if self._draw_stars and kind < _CROWDED:
            tile = crowd(tile, scale, rng)
        elif self._draw_stars and kind < _CROWDED + _GLARING:
            tile = glare(tile, scale, rng)
        elif kind > 1 - _TRAILED:
            tile = trail(tile, scale, rng)
        return tile, scale

    def _paste_objects(
        self, tile: TrainingTile, scale: float, rng: np.random.Generator
    ) -> TrainingTile:
        for _ in range(int(rng.integers(1, 5))):
            donor = self._donors[_one_of(self._donor_classes, rng)]
            if donor.native:
                resize = scale * rng.uniform(0.7, 1.4)
                blur = 0.5 * scale
            else:
                side = _log_uniform(rng, _SMALLEST_PASTED, min(_LARGEST_PASTED, self._size / 2))
                resize = min(side / donor.side, 1.2)
                blur = scale * rng.uniform(*_SEEING)
            gain = rng.uniform(0.6, 1.2)
            tile = paste(tile, donor, resize, max(blur, 0.3), gain, rng)
        return tile


def _one_of(class_ids: NDArray[np.int64], rng: np.random.Generator) -> int:
    """Draw a row with classes of equal probability, so that rare ones are as frequent."""
    present = np.unique(class_ids)
    rows = np.flatnonzero(class_ids == present[rng.integers(len(present))])
    return int(rows[rng.integers(len(rows))])


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _corner(
    rng: np.random.Generator, side: int | tuple[int, int], source: TrainingImage, outside: float
) -> tuple[int, int]:
    """Draw the corner of a rectangle, which may extend outside by a fraction of its side."""
    height, width = source.rgb.shape[:2]
    across, down = (side, side) if isinstance(side, int) else side
    return tuple(  # type: ignore[return-value]  # it has two
        int(rng.integers(min(0, room) - beyond, max(0, room) + beyond + 1))
        for room, beyond in (
            (width - across, int(outside * across)),
            (height - down, int(outside * down)),
        )
    )


def _around(centre: NDArray[np.float64], side: int, rng: np.random.Generator) -> tuple[int, int]:
    """Draw the corner of a square that contains a point, away from its edges."""
    x, y = centre - side * rng.uniform(0.1, 0.9, 2)
    return int(x), int(y)


def _bright_stars(frame: TrainingImage) -> NDArray[np.float64]:
    """Return x, y of the brightest peaks outside all boxes, which are stars in frames."""
    grey = smoothed_grey(frame.rgb)
    sky, noise = noise_level(grey)
    peaks = (grey >= cv2.dilate(grey, np.ones((15, 15)))) & (grey > sky + 20 * noise)
    y, x = np.nonzero(peaks)
    order = np.argsort(-grey[y, x], kind="stable")
    places = np.stack([x, y], axis=1)[order].astype(np.float64) + 0.5
    points = np.concatenate([places - 0.5, places + 0.5], axis=1)
    free: NDArray[np.bool_] = (iou(points, frame.boxes) > 0).sum(axis=1) == 0
    return places[free][:_STARS_A_FRAME]


def jitter(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Vary colours, stretch, sharpness, noise and compression of an image.

    Parameters
    ----------
    image : ndarray of uint8, shape (S, S, 3)
    rng : Generator
    """
    image = _recolour(image, rng)
    if rng.random() < 0.8:
        image = _restretch(image, rng)
    if rng.random() < 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1)), np.uint8)
    if rng.random() < 0.35:
        noise = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0.5, 5))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = int(rng.integers(50, 96))
        _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)
    return image


def _recolour(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    kind = rng.random()
    if kind < 0.15:
        # A single band, shown as grey.
        mixture = np.tile(rng.dirichlet([2.0, 2.0, 2.0]), (3, 1))
    elif kind < 0.7:
        saturation = rng.uniform(0.5, 1.4)
        mixture = saturation * np.eye(3) + (1 - saturation) / 3
    else:
        return image
    return np.asarray(cv2.transform(image, mixture), np.uint8)


def _restretch(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    exponent = rng.uniform(0.75, 1.25)
    sky = rng.uniform(-2, 14) if rng.random() < 0.4 else 0.0
    gains = np.exp(rng.uniform(np.log(0.7), np.log(1.5)) + rng.normal(0, 0.08, 3))
    levels = np.linspace(0, 1, 256)[:, np.newaxis] ** exponent
    table = np.clip(levels * gains * 255 + sky, 0, 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[np.newaxis]), np.uint8)
