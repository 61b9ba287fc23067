from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import galpipe
from galpipe.imaging import Field, read_field
from galpipe.simulation import simulate_field
from galpipe.simulation.camera import SKY_NOISE

FILE = Path(galpipe.__file__).parent / "pipeline" / "demonstration" / "demonstration.fits.fz"


@pytest.fixture(scope="module")
def demonstration() -> Field:
    return read_field(FILE)


def test_it_is_small() -> None:
    assert FILE.stat().st_size < 2_000_000


def test_it_is_a_field_with_a_place_on_the_sky(demonstration: Field) -> None:
    assert demonstration.pixels.shape == (1024, 1024, 3)
    assert demonstration.pixel_scale == pytest.approx(0.396, rel=1e-3)
    assert demonstration.notes == ()
    assert not demonstration.bad.any()


def test_it_is_what_the_documented_command_makes(demonstration: Field) -> None:
    made = simulate_field(1134, width=1024, height=1024, galaxies=20)

    off = demonstration.pixels - made.field.pixels
    # Half a step of the packing; other versions of the libraries may differ in a last digit.
    assert np.abs(off[..., 1]).mean() < 0.2 * SKY_NOISE[1]
    assert len({galaxy.class_id for galaxy in made.galaxies}) == 10
    sides = [max(galaxy.box.width, galaxy.box.height) for galaxy in made.galaxies]
    assert sum(side >= 20 for side in sides) >= 15
    assert max(sides) < 150
