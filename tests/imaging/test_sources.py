from __future__ import annotations

import cv2
import numpy as np
import sep

from galpipe.imaging.sources import find_sources

SIDE = 600


def test_blended_stars_without_number_are_found() -> None:
    sep.set_sub_object_limit(1024)  # SEP's own, whatever ran before
    rng = np.random.default_rng(1)
    image = np.zeros((SIDE, SIDE), dtype=np.float32)
    rows, columns = np.clip(rng.normal(SIDE / 2, 100, (2, 25_000)), 0, SIDE - 1).astype(int)
    np.add.at(image, (rows, columns), rng.pareto(1.2, 25_000).astype(np.float32) * 300)
    image = cv2.GaussianBlur(image, (0, 0), 1.3)
    sources, segments = find_sources(image, 6, minarea=3, deblend_nthresh=1, clean=False)
    assert len(sources) > 100
    assert segments.max() == len(sources)


def test_an_image_full_of_light_is_one_source() -> None:
    image = np.full((SIDE, SIDE), 100, dtype=np.float32)
    sources, segments = find_sources(image, 6, deblend_nthresh=1, clean=False)
    assert len(sources) == 1
    assert (segments == 1).all()
