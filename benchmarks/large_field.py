"""Measure memory and CPU time of `galpipe run` on one large field.

    python benchmarks/large_field.py FRAME.fits WIDTH HEIGHT [--format fits|fz|tiff] [--folder DIR]

The field consists of copies of a real frame of one band, turned over and with noise of their own,
on a sky with a gradient, as integers of 16 bits. It is removed afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from galpipe.imaging import read_field

NOISE, LEVEL = 20, 1000  # counts


def rows(frame: Path, width: int, height: int) -> Iterator[NDArray[np.int16]]:
    """Yield the rows of the field, as many at a time as the frame has."""
    field = read_field(frame)
    light = field.pixels[..., 0]
    sky = float(np.median(light))
    noise = 1.4826 * float(np.median(np.abs(light - sky)))
    counts = (light - sky) / noise * NOISE + LEVEL
    high, wide = counts.shape
    slope = np.linspace(0, 3 * NOISE, width)
    for top in range(0, height, high):
        blocks = []
        for left in range(0, width, wide):
            rng = np.random.default_rng([top, left])
            turned = counts[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
            blocks.append(turned + rng.normal(0, NOISE / 3, turned.shape))
        line = np.concatenate(blocks, axis=1)[: height - top, :width] + slope
        yield np.clip(np.rint(line), 0, 32000).astype(np.int16)


def write(path: Path, form: str, frame: Path, width: int, height: int) -> None:
    """Write the field; a compressed one and a TIFF are in memory while they are written."""
    header = fits.Header({"SIMPLE": True, "BITPIX": 16, "NAXIS": 2})
    header.update({"NAXIS1": width, "NAXIS2": height, "FILTER": "r"})
    if form == "fits":
        stream = fits.StreamingHDU(path, header)
        for part in rows(frame, width, height):
            stream.write(part.astype(">i2"))
        stream.close()
        return
    whole = np.concatenate(list(rows(frame, width, height)))
    if form == "fz":
        hdu = fits.CompImageHDU(whole, fits.Header({"FILTER": "r"}))
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    else:
        import tifffile

        tifffile.imwrite(path, whole.astype(np.uint16), bigtiff=True, rowsperstrip=16)


def main() -> None:
    """Write the field, run, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frame", type=Path)
    parser.add_argument("width", type=int)
    parser.add_argument("height", type=int)
    parser.add_argument("--format", choices=("fits", "fz", "tiff"), default="fits")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    suffix = {"fits": ".fits", "fz": ".fits.fz", "tiff": ".tif"}[given.format]
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        path, out = Path(name, f"field{suffix}"), Path(name, "out")
        # In a process of its own, whose memory does not count.
        child = os.fork()
        if not child:
            write(path, given.format, given.frame, given.width, given.height)
            os._exit(0)
        os.waitpid(child, 0)
        command = [sys.executable, "-m", "galpipe", "run", str(path), "-o", str(out)]
        # On a machine that is busy enough, any default is too short.
        command += ["--field-timeout", "100000"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        record = json.loads((out / "run.json").read_text(encoding="utf-8"))
        (field,) = record["fields"]
        print(
            f"{given.width} x {given.height} {given.format}: status {status}, "
            f"{usage.ru_maxrss / 1024:.0f} MB, {usage.ru_utime + usage.ru_stime:.0f} CPU s, "
            f"{field['galaxies']} galaxies, {path.stat().st_size / 1e6:.0f} MB on disk"
        )
        print(json.dumps(field["seconds"]))


if __name__ == "__main__":
    main()
