from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import example, given
from hypothesis import strategies as st

from galpipe.imaging import Field, read_field
from galpipe.imaging.field import Band
from galpipe.imaging.local_background import estimate_background
from galpipe.photometry import band_units, measure_photometry
from galpipe.simulation import simulate_field

from .conftest import flat_sky, gaussian, noise

SHAPE = (140, 150)
BOX = [50.0, 45.0, 90.0, 75.0]
RGB = (Band("i", "nJy", 31.4, 2.0), Band("r", "nJy"), Band("g", "adu", 25.0))


def galaxy(flux: float, x: float = 69.5, y: float = 59.5, theta: float = 25.0) -> np.ndarray:
    return gaussian(SHAPE, x, y, 7, 4, theta, flux)


def test_flux_shape_and_magnitude(make_field: Callable[..., Field]) -> None:
    planes = [galaxy(flux) + noise(SHAPE, seed) for seed, flux in enumerate((9000, 6000, 3000))]
    field = make_field(*planes, bands=RGB)
    found = measure_photometry(field, flat_sky(SHAPE), np.array([BOX]))
    got = {name: float(values[0]) for name, values in found.columns.items()}
    assert not found.blended[0]
    assert not found.incomplete[0]
    for band, flux in (("i", 9000), ("r", 6000), ("g", 3000)):
        assert got[f"flux_{band}"] == pytest.approx(flux, abs=4 * got[f"flux_err_{band}"])
        assert got[f"snr_{band}"] == pytest.approx(got[f"flux_{band}"] / got[f"flux_err_{band}"])
        assert got[f"peak_{band}"] == pytest.approx(flux / (56 * np.pi), abs=4)
        assert got[f"sky_{band}"] == 0
    assert got["mag_i"] == pytest.approx(31.4 - 2.5 * np.log10(9000), abs=0.03)
    assert got["mag_err_i"] == pytest.approx(1.0857 / got["snr_i"], rel=1e-3)
    assert np.isnan(got["mag_r"])
    assert np.isnan(got["mag_err_r"])
    # The photon noise where the gain is known, and the sky's in the whole aperture.
    area = np.pi * got["kron_radius"] ** 2 * (1 - got["ellipticity"])
    assert got["flux_err_g"] == pytest.approx(np.sqrt(area), rel=0.02)
    assert got["flux_err_i"] == pytest.approx(np.sqrt(area + 9000 / 2), rel=0.02)
    assert got["semi_major"] == pytest.approx(7, rel=0.05)
    assert got["ellipticity"] == pytest.approx(1 - 4 / 7, abs=0.03)
    assert got["theta"] == pytest.approx(25, abs=2)
    assert got["kron_radius"] == pytest.approx(3.5 * got["semi_major"])
    assert np.isnan([got["position_angle"], got["half_light_radius_arcsec"]]).all()


def test_sizes_and_angles_on_the_sky(make_field: Callable[..., Field]) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150, 30]
    wcs.wcs.crpix = [70, 60]
    # North up and east to the left: from x towards y is from west to north.
    wcs.wcs.cdelt = [-0.5 / 3600, 0.5 / 3600]
    field = make_field(galaxy(9000) + noise(SHAPE), wcs=wcs)
    columns = measure_photometry(field, flat_sky(SHAPE), np.array([BOX])).columns
    assert columns["position_angle"][0] == pytest.approx(90 + columns["theta"][0], abs=0.1)
    for name in ("kron_radius", "half_light_radius"):
        assert columns[f"{name}_arcsec"][0] == pytest.approx(columns[name][0] / 2, rel=1e-3)
    # The same sky with the rows from the top down.
    wcs.wcs.cdelt = [-0.5 / 3600, -0.5 / 3600]
    wcs.wcs.crpix = [70, SHAPE[0] + 1 - 60]
    turned = replace(field, pixels=field.pixels[::-1].copy(), wcs=wcs)
    box = [BOX[0], SHAPE[0] - BOX[3], BOX[2], SHAPE[0] - BOX[1]]
    again = measure_photometry(turned, flat_sky(SHAPE), np.array([box])).columns
    assert again["theta"][0] == pytest.approx(-columns["theta"][0], abs=0.1)
    assert again["position_angle"][0] == pytest.approx(columns["position_angle"][0], abs=0.1)


def test_a_neighbour_changes_little_and_is_said(make_field: Callable[..., Field]) -> None:
    light = galaxy(9000) + noise(SHAPE)
    alone = measure_photometry(make_field(light), flat_sky(SHAPE), np.array([BOX]))
    light = light + gaussian(SHAPE, 90, 66, 3, 3, 0, 6000)
    beside = measure_photometry(make_field(light), flat_sky(SHAPE), np.array([BOX]))
    assert beside.columns["flux"][0] == pytest.approx(alone.columns["flux"][0], rel=0.03)
    assert beside.columns["half_light_radius"][0] == pytest.approx(
        alone.columns["half_light_radius"][0], rel=0.03
    )
    assert (alone.blended[0], beside.blended[0]) == (False, True)
    assert not beside.incomplete[0]


def test_missing_pixels_are_filled_and_said(make_field: Callable[..., Field]) -> None:
    light = galaxy(9000) + noise(SHAPE)
    bad = np.zeros(SHAPE, bool)
    bad[:, 76:78] = True
    field = make_field(np.where(bad, 0, light), bad=bad)
    found = measure_photometry(field, flat_sky(SHAPE), np.array([BOX]))
    assert found.columns["flux"][0] == pytest.approx(9000, rel=0.03)
    assert (found.blended[0], found.incomplete[0]) == (False, True)


def test_a_galaxy_at_the_edge_and_a_saturated_one(make_field: Callable[..., Field]) -> None:
    light = galaxy(9000) + galaxy(9000, x=4) + noise(SHAPE)
    boxes = np.array([BOX, [0, 45, 25, 75]])
    found = measure_photometry(make_field(light), flat_sky(SHAPE), boxes)
    assert found.incomplete.tolist() == [False, True]
    field = make_field(light, bands=(Band(saturation=40.0),))
    assert measure_photometry(field, flat_sky(SHAPE), boxes).incomplete.tolist() == [True, True]


def test_an_object_too_faint_is_measured_in_its_box(make_field: Callable[..., Field]) -> None:
    light = np.full(SHAPE, 0.5) + 0.1 * noise(SHAPE)
    found = measure_photometry(make_field(light), flat_sky(SHAPE), np.array([BOX]))
    assert found.columns["flux"][0] == pytest.approx(0.5 * np.pi * 20 * 15, rel=0.02)
    assert found.incomplete[0]
    assert np.isnan(found.columns["semi_major"][0])


def test_sky_and_noise_are_those_of_the_place(make_field: Callable[..., Field]) -> None:
    sky = flat_sky(SHAPE, (100.0,), (3.0,))
    light = 100 + galaxy(9000) + 3 * noise(SHAPE)
    columns = measure_photometry(make_field(light), sky, np.array([BOX])).columns
    assert columns["sky"][0] == 100
    assert columns["flux"][0] == pytest.approx(9000, abs=4 * columns["flux_err"][0])
    flat = measure_photometry(make_field(light - 100), flat_sky(SHAPE), np.array([BOX])).columns
    assert columns["flux_err"][0] == pytest.approx(3 * flat["flux_err"][0], rel=0.15)


def test_a_picture_has_no_photometry(make_field: Callable[..., Field]) -> None:
    picture = make_field(*[galaxy(9000)] * 3, linear=False)
    found = measure_photometry(picture, None, np.array([BOX, BOX]))
    assert "semi_major" in found.columns
    assert all(np.isnan(values).all() and len(values) == 2 for values in found.columns.values())
    assert not found.incomplete.any()
    assert (
        len(measure_photometry(make_field(galaxy(1)), flat_sky(SHAPE), np.empty((0, 4))).blended)
        == 0
    )


@given(
    st.lists(st.floats(-20, 170), min_size=2, max_size=2),
    st.lists(st.floats(0.5, 200), min_size=2, max_size=2),
    st.sampled_from([0.0, 1.0, 1e6, 3e38, -3e38, float("nan")]),
)
@example([0.0, 149.0], [1.0, 1.0], 0.0)
def test_no_box_or_value_is_an_error(corner: list[float], size: list[float], value: float) -> None:
    pixels = noise((*SHAPE, 1))
    pixels[60:64, 70:74] = value
    field = Field(pixels, "f", (), "", np.zeros(SHAPE, bool))
    box = [*corner, corner[0] + size[0], corner[1] + size[1]]
    with np.errstate(all="ignore"):
        found = measure_photometry(field, flat_sky(SHAPE), np.array([box]))
    assert len(found.columns["flux"]) == 1


def test_magnitudes_of_simulated_galaxies() -> None:
    simulated = simulate_field(3, width=512, height=512, galaxies=6)
    bands = tuple(Band(name, "nanomaggy", 22.5) for name in "irg")
    field = replace(simulated.field, bands=bands)
    clean = [g for g in simulated.galaxies if not (g.box.difficult or g.box.truncated)]
    boxes = np.array([g.box.edges for g in clean])
    found = measure_photometry(field, estimate_background(field), boxes)
    good = ~found.blended & ~found.incomplete
    assert good.sum() >= 4
    for number, band in enumerate("irg"):
        true = np.array([g.magnitudes[number] for g in clean])[good]
        error = found.columns[f"mag_{band}"][good] - true
        # Kron apertures miss a few per cent of the light.
        assert 0 < np.median(error) < 0.1
        assert np.abs(error).max() < 0.25


def test_fluxes_agree_with_photutils(make_field: Callable[..., Field]) -> None:
    segmentation = pytest.importorskip("photutils.segmentation")
    import sep

    places = [(40, 40, 5, 3, 20), (100, 45, 4, 4, 0), (70, 100, 8, 4, 70), (75, 78, 3, 2, -30)]
    light = sum(gaussian(SHAPE, x, y, a, b, t, 5000.0) for x, y, a, b, t in places)
    light = (light + noise(SHAPE)).astype(np.float32)
    boxes = np.array([[x - 3 * a, y - 3 * a, x + 3 * a, y + 3 * a] for x, y, a, _, _ in places])
    ours = measure_photometry(make_field(light), flat_sky(SHAPE), boxes).columns
    _, labels = sep.extract(light, 1.5, segmentation_map=True)
    theirs = segmentation.SourceCatalog(
        light,
        segmentation.SegmentationImage(labels),
        error=np.ones_like(light),
        kron_params=(2.5, 1.4, 0.0),
    )
    rows = [labels[y, x] - 1 for x, y, *_ in places]
    np.testing.assert_allclose(ours["flux"], np.asarray(theirs.kron_flux)[rows], rtol=0.02)
    errors = getattr(theirs, "kron_flux_err", None)
    errors = theirs.kron_fluxerr if errors is None else errors
    np.testing.assert_allclose(ours["flux_err"], np.asarray(errors)[rows], rtol=0.03)


def test_galaxies_of_ngc_6976_agree_with_photutils(galpipe_data: Path) -> None:
    segmentation = pytest.importorskip("photutils.segmentation")
    import sep

    folder = galpipe_data / "fields" / "fits"
    field = read_field(folder / "reprojected_sdss_r.fits.bz2")
    background = estimate_background(field)
    boxes = np.array([[239, 138, 314, 242], [126, 97, 197, 167], [209, 30, 230, 52.0]])
    ours = measure_photometry(field, background, boxes).columns
    light, noise_map = field.pixels[..., 0] - background.level(0), background.noise(0)
    _, labels = sep.extract(light, 1.5, err=noise_map, segmentation_map=True)
    theirs = segmentation.SourceCatalog(
        light,
        segmentation.SegmentationImage(labels),
        error=noise_map,
        kron_params=(2.5, 1.4, 0.0),
    )
    middles = ((boxes[:, :2] + boxes[:, 2:]) / 2).astype(int)
    rows = [labels[y, x] - 1 for x, y in middles]
    [name] = band_units(field)
    np.testing.assert_allclose(ours[f"flux_{name}"], np.asarray(theirs.kron_flux)[rows], rtol=0.05)
