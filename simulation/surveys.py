"""Pictures of light as the cutout services of three surveys show it: noise, stretch and colours.

Light is surface brightness in i, r, g: nanomaggies per SDSS pixel on grids of any scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import PIXEL_SCALE, SKY, SKY_NOISE, correlated

__all__ = ["SURVEYS", "Survey"]

Image = NDArray[np.float32]

# Pictures of one survey differ by these factors (natural logarithm, standard deviation) in the
# depth and in the brightness and colours of the stretch.
_DEPTHS, _STRETCHES, _COLOURS = 0.18, 0.2, 0.12
_TINT = 0.035


@dataclass(frozen=True)
class Survey:
    """A survey as an observer of the sky and as a maker of pictures.

    The stretch is that of Lupton et al. (2004, PASP 116, 133): the mean of the bands is mapped by
    an inverse hyperbolic sine, which preserves the ratios of the bands.

    Attributes
    ----------
    pixel_scale : float
        Arcseconds.
    seeing : (float, float)
        Range of the full width at half maximum of point sources, arcseconds.
    noise : float
        Noise relative to that of SDSS over the same area.
    red : {'i', 'z'}
        Band shown as red; r and g are green and blue.
    balance : (float, float, float)
        Factors on the three bands.
    saturation : float
        Factor on the differences of the bands from their mean.
    sky : float
        Level of empty sky, 0 to 255.
    slope : float
        Levels per nanomaggy, for faint light.
    knee : float
        Brightness in nanomaggies above which the stretch is logarithmic.
    clips_bands : bool
        Bright light is clipped band by band, so that it turns white; else it keeps its colour.
    quality : (int, int)
        Range of the quality of JPEG compression.
    """

    pixel_scale: float
    seeing: tuple[float, float]
    noise: float
    red: str
    balance: tuple[float, float, float]
    saturation: float
    sky: float
    slope: float
    knee: float
    clips_bands: bool
    quality: tuple[int, int]

    def observed(self, light: Image, scale: float, rng: np.random.Generator) -> Image:
        """Return an exposure in the bands of the survey, with the noise of sky and light.

        Parameters
        ----------
        light : ndarray of float32, shape (H, W, 3)
            In i, r, g, without noise.
        scale : float
            Arcseconds per pixel of `light`.
        rng : Generator
        """
        light = self.in_bands(light)
        deviation = SKY_NOISE * self.noise * np.exp(rng.normal(0, _DEPTHS)) * PIXEL_SCALE / scale
        photons = np.sqrt(1 + np.maximum(light, 0) * (1 / SKY).astype(np.float32))
        noise = correlated(rng.standard_normal(light.shape, dtype=np.float32))
        noisy: Image = light + noise * photons * deviation.astype(np.float32)
        return noisy

    def in_bands(self, light: Image) -> Image:
        """Return light in the bands of the survey.

        Parameters
        ----------
        light : ndarray of float32, shape (H, W, 3)
            In i, r, g, without noise.
        """
        if self.red == "i":
            return light
        # i - z is about 0.6 (r - i) for galaxies and most stars (Fukugita et al. 1995).
        i, r = np.maximum(light[..., 0], 1e-6), np.maximum(light[..., 1], 1e-6)
        in_z = light[..., 0] * np.clip(i / r, 0.3, 4) ** np.float32(0.6)
        return np.dstack([in_z, light[..., 1], light[..., 2]])

    def stretched(self, light: Image, rng: np.random.Generator) -> Image:
        """Return levels, sky included: about 0 to 255, not yet clipped or rounded.

        Parameters
        ----------
        light : ndarray of float32, shape (H, W, 3)
            In the bands of the survey.
        rng : Generator
            Draws the brightness and colours of this picture.
        """
        bright = np.exp(rng.normal(0, _STRETCHES))
        saturation = np.float32(self.saturation * np.exp(rng.normal(0, _COLOURS)))
        tint = np.exp(rng.normal(0, _TINT, 3))
        bands = light * (np.array(self.balance) * tint).astype(np.float32)
        mean = bands.mean(axis=2, keepdims=True)
        bands = mean + saturation * (bands - mean)
        knee = np.float32(self.knee)
        reach = np.abs(mean) / knee + np.float32(1e-6)
        factor = np.float32(self.slope * bright) * np.arcsinh(reach) / reach
        levels: Image = np.float32(self.sky) + bands * factor
        if not self.clips_bands:
            brightest = levels.max(axis=2, keepdims=True)
            levels *= np.minimum(np.float32(1), np.float32(255) / np.maximum(brightest, 1))
        return levels

    def compressed(self, rgb: NDArray[np.uint8], rng: np.random.Generator) -> bytes:
        """Return a JPEG file of a picture.

        Parameters
        ----------
        rgb : ndarray of uint8, shape (H, W, 3)
        rng : Generator
            Draws the quality.
        """
        quality = int(rng.integers(self.quality[0], self.quality[1] + 1))
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


SURVEYS: dict[str, Survey] = {
    "sdss": Survey(
        pixel_scale=0.396,
        seeing=(1.1, 1.6),
        noise=1.0,
        red="i",
        balance=(0.9, 1.0, 1.58),
        saturation=1.0,
        sky=4.0,
        slope=190.0,
        knee=0.25,
        clips_bands=False,
        quality=(80, 95),
    ),
    "legacy": Survey(
        pixel_scale=0.262,
        seeing=(1.0, 1.5),
        noise=0.5,
        red="z",
        balance=(0.62, 0.92, 1.45),
        saturation=0.35,
        sky=17.0,
        slope=600.0,
        knee=0.065,
        clips_bands=True,
        quality=(80, 95),
    ),
    "legacy_colour": Survey(
        pixel_scale=0.262,
        seeing=(1.0, 1.5),
        noise=0.5,
        red="z",
        balance=(0.64, 0.88, 1.4),
        saturation=0.9,
        sky=33.0,
        slope=600.0,
        knee=0.065,
        clips_bands=True,
        quality=(80, 95),
    ),
    "kids": Survey(
        pixel_scale=0.2,
        seeing=(0.6, 0.9),
        noise=0.22,
        red="i",
        balance=(0.84, 0.97, 1.45),
        saturation=0.7,
        sky=21.0,
        slope=180.0,
        knee=0.3,
        clips_bands=True,
        quality=(85, 95),
    ),
}
"""Surveys by name: SDSS (g, r, i), the Legacy Surveys (z, r, g) nearly grey as in Galaxy Zoo DECaLS
and in colour as in Galaxy10 DECaLS, and KiDS (g, r, i).

Levels and colours of the sky and of the centres of galaxies are those measured on Galaxy Zoo's
pictures of each survey; pixel scales, seeing and depth are those of its papers (York et al. 2000;
Dey et al. 2019; Kuijken et al. 2019).
"""
