"""Measure the accuracy of the photometry on galaxies of known flux, and against photutils.

    GALPIPE_DATA=... python benchmarks/photometry.py

Prints four tables:

1. single galaxies of Sersic index 1 and 4 with a known sky: bias (median of measured over true,
   minus 1) and scatter (1.48 times the median absolute deviation) of the Kron flux, the error of
   the flux in units of its standard error, and the bias of half-light radius, ellipticity and
   position angle;
2. fields of ``galpipe simulate`` with their stars and neighbours, in the boxes of the truth;
3. the galaxies of the detector on NGC 6976: fluxes over the Kron fluxes of photutils on the same
   segmentation;
4. the sources of the SExtractor catalogue of SEP's test image: fluxes over FLUX_AUTO.

The last two need GALPIPE_DATA.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import cv2
import numpy as np
from numpy.typing import NDArray

from galpipe.imaging import Field, read_field
from galpipe.imaging.background import extent
from galpipe.imaging.field import Band
from galpipe.imaging.local_background import estimate_background
from galpipe.photometry import Photometry, band_units, measure_photometry
from galpipe.simulation import simulate_field
from galpipe.simulation.camera import BANDS
from galpipe.simulation.profiles import sersic, sersic_flux

SEEING = 3.0  # FWHM, pixels
SUBPIXELS = 3
RADII = (3.0, 6.0, 12.0, 24.0, 40.0)
SIGNAL_TO_NOISE = (10.0, 30.0, 100.0, 300.0, 1000.0)
GALAXIES = 12


@dataclass(frozen=True)
class FlatSky:
    """A sky of level 0 and noise 1."""

    shape: tuple[int, int]

    def level(self, band: int) -> NDArray[np.float32]:
        return np.zeros(self.shape, np.float32)

    def noise(self, band: int) -> NDArray[np.float32]:
        return np.ones(self.shape, np.float32)


def galaxy(
    radius: float, index: float, axis_ratio: float, angle: float, shift: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return a blurred Sersic profile of total flux 1 in the middle of an image."""
    side = int(14 * radius) + 60
    fine = (np.arange(side * SUBPIXELS) + 0.5) / SUBPIXELS - side / 2
    across, down = np.meshgrid(fine - shift[0], fine - shift[1])
    along = across * np.cos(angle) + down * np.sin(angle)
    beside = (down * np.cos(angle) - across * np.sin(angle)) / axis_ratio
    light = sersic(np.hypot(along, beside).astype(np.float32), radius, index)
    light = cv2.GaussianBlur(light, (0, 0), SEEING / np.sqrt(8 * np.log(2)) * SUBPIXELS)
    light = cv2.resize(light, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(light / sersic_flux(radius, index, axis_ratio), np.float32)


def measured(pixels: NDArray[np.float32], box: list[float]) -> Photometry:
    field = Field(pixels[..., None], "", (), "", np.zeros(pixels.shape, bool))
    return measure_photometry(field, FlatSky(pixels.shape), np.array([box]))  # type: ignore[arg-type]


def spread(values: NDArray[np.float64]) -> tuple[float, float]:
    middle = float(np.nanmedian(values))
    return middle, 1.48 * float(np.nanmedian(np.abs(values - middle)))


def single_galaxies() -> None:
    print(
        "  n   r_e   S/N  boxed  flux bias  scatter  error/sigma   r_50 bias  ell. bias  PA scatter"
    )
    rng = np.random.default_rng(1)
    for index in (1.0, 4.0):
        for radius in RADII:
            for ratio in SIGNAL_TO_NOISE:
                rows = []
                for _ in range(GALAXIES):
                    axis_ratio, angle = rng.uniform(0.3, 0.9), rng.uniform(-np.pi / 2, np.pi / 2)
                    light = galaxy(radius, index, axis_ratio, angle, rng.uniform(-0.5, 0.5, 2))
                    noise = rng.standard_normal(light.shape, np.float32)
                    # Signal to noise in the half-light ellipse, widened by the seeing.
                    area = np.pi * (radius**2 * axis_ratio + SEEING**2 / 4)
                    total = 2 * ratio * np.sqrt(area)
                    seen = total * light > 1
                    if not seen.any() or np.ptp(extent(seen)) == 0:
                        continue
                    box = extent(seen)
                    if max(box[2] - box[0], box[3] - box[1]) < 10:
                        continue
                    columns = measured(total * light + noise, list(box)).columns
                    true_half = half_light(light)
                    rows.append(
                        (
                            columns["flux"][0] / total - 1,
                            (columns["flux"][0] - total) / columns["flux_err"][0],
                            columns["half_light_radius"][0] / true_half - 1,
                            columns["ellipticity"][0] - (1 - axis_ratio),
                            (columns["theta"][0] - np.rad2deg(angle) + 90) % 180 - 90,
                        )
                    )
                if len(rows) < GALAXIES / 2:
                    continue
                flux, error, half, ellipticity, angle = np.array(rows).T
                bias, scatter = spread(flux)
                print(
                    f"{index:3.0f} {radius:5.0f} {ratio:5.0f} {len(rows):6d} {bias:+10.3f} "
                    f"{scatter:8.3f} {spread(error)[1]:12.2f} {np.nanmedian(half):+11.3f} "
                    f"{np.nanmedian(ellipticity):+10.3f} {spread(angle)[1]:11.1f}"
                )


def half_light(light: NDArray[np.float32]) -> float:
    """Return the radius of the circle that holds half of a total flux of 1."""
    side = light.shape[0]
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    radius = np.hypot(x, y).ravel()
    order = np.argsort(radius)
    return float(np.interp(0.5, np.cumsum(light.ravel()[order]), radius[order]))


def simulated_fields() -> None:
    print("\nband  galaxies  flux bias  scatter   (simulated fields, not truncated or difficult)")
    ratios: dict[str, list[float]] = {band: [] for band in BANDS}
    for seed in range(6):
        simulated = simulate_field(seed, width=768, height=768, galaxies=10)
        field = simulated.field
        boxes = np.array([galaxy.box.edges for galaxy in simulated.galaxies])
        bands = tuple(Band(name, "nanomaggy", 22.5) for name in BANDS)
        field = Field(
            field.pixels, "", (), "", field.bad, field.wcs, field.pixel_scale, bands=bands
        )
        found = measure_photometry(field, estimate_background(field), boxes)
        clean = [not (g.box.difficult or g.box.truncated) for g in simulated.galaxies]
        clean = np.array(clean) & ~found.blended & ~found.incomplete
        for number, band in enumerate(BANDS):
            true = np.array([galaxy.magnitudes[number] for galaxy in simulated.galaxies])
            ratios[band] += (10 ** (-0.4 * (found.columns[f"mag_{band}"] - true)))[clean].tolist()
    for band, values in ratios.items():
        bias, scatter = spread(np.array(values))
        print(f"{band:>4} {len(values):9d} {bias - 1:+10.3f} {scatter:8.3f}")


def ngc_6976(folder: Path) -> None:
    import sep
    from photutils.segmentation import SegmentationImage, SourceCatalog

    from galpipe import FieldModels, process_field

    files = ",".join(str(folder / f"reprojected_sdss_{band}.fits.bz2") for band in "irg")
    field = read_field(files)
    rows = process_field(field, FieldModels(classifier=None)).rows
    boxes = np.stack([rows[edge] for edge in ("xmin", "ymin", "xmax", "ymax")], axis=1)
    background = estimate_background(field)
    start = process_time()
    found = measure_photometry(field, background, boxes)
    spent = process_time() - start
    light = [field.pixels[..., band] - background.level(band) for band in range(3)]
    noise = [background.noise(band) for band in range(3)]
    mean = sum(part / error for part, error in zip(light, noise, strict=True)) / np.sqrt(3)
    _, labels = sep.extract(mean, 1.5, segmentation_map=True)
    settings = {"kron_params": (2.5, 1.4, 0.0)}
    detection = SourceCatalog(mean, SegmentationImage(labels), **settings)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2 - 0.5, (boxes[:, 1] + boxes[:, 3]) / 2 - 0.5
    distance = np.hypot(detection.x_centroid - x[:, None], detection.y_centroid - y[:, None])
    nearest = distance.argmin(axis=1)
    matched = (distance.min(axis=1) < 3) & (found.columns["semi_major"] > 0)
    print(f"\nNGC 6976: {matched.sum()} of {len(boxes)} boxes, {spent:.2f} s; ours over photutils")
    for number, name in enumerate(band_units(field)):
        catalogue = SourceCatalog(
            light[number],
            SegmentationImage(labels),
            error=noise[number],
            detection_catalog=detection,
            **settings,
        )
        ratio = (found.columns[f"flux_{name}"] / catalogue.kron_flux[nearest])[matched]
        error = (found.columns[f"flux_err_{name}"] / catalogue.kron_flux_err[nearest])[matched]
        print(f"  {name}: flux", np.round(ratio, 3), "error", np.round(error, 2))
    half = detection.flux_radius(0.5)[nearest].value
    print("  half-light radius", np.round((found.columns["half_light_radius"] / half)[matched], 3))


def sextractor(folder: Path) -> None:
    lines = (folder / "sep_image_sextractor.cat").read_text().splitlines()
    rows = np.array([line.split() for line in lines if not line.startswith("#")], float)
    # Numbers of the columns in the header of the catalogue, from 1.
    x, y, a = rows[:, 1] - 1, rows[:, 2] - 1, rows[:, 11]
    flux, error, radius, flags = rows[:, 15], rows[:, 16], rows[:, 18], rows[:, 20]
    good = (flags == 0) & (flux > 20 * error)
    half = 3 * np.maximum(a, 1)
    boxes = np.stack([x - half, y - half, x + half, y + half], axis=1)[good] + 0.5
    field = read_field(folder / "sep_image.fits")
    found = measure_photometry(field, estimate_background(field), boxes)
    clear = ~found.blended & ~found.incomplete
    (name,) = (key for key in found.columns if key.split("_")[0] == "flux" and "err" not in key)
    middle, scatter = spread((found.columns[name] / flux[good])[clear])
    print(f"\nSExtractor: {clear.sum()} sources of S/N > 20; flux {middle:.3f} +- {scatter:.3f}")
    middle, scatter = spread((found.columns["half_light_radius"] / radius[good])[clear])
    print(f"  half-light radius {middle:.3f} +- {scatter:.3f}")


def main() -> None:
    single_galaxies()
    simulated_fields()
    if "GALPIPE_DATA" in os.environ:
        folder = Path(os.environ["GALPIPE_DATA"]) / "fields" / "fits"
        ngc_6976(folder)
        sextractor(folder)


if __name__ == "__main__":
    main()
