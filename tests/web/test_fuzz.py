"""No upload makes the server fail, whatever its bytes are.

In the test suite some damaged files are sent; a longer run is

    python tests/web/test_fuzz.py --count 2000 [--seed 1] [--every 1]

Every file is uploaded and, unless another --every is given, classified as a cutout; of these, every
tenth is searched as a field.  An answer of 500 or above is printed with the seed of the file.
"""

from __future__ import annotations

import argparse
import io
import random
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip("fastapi")
pytest.importorskip("httpx")

from galpipe.web.settings import ServerSettings

COUNT = 12
WORDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"NaN", b"-1", b"../", b"\r\n\r\n")
NAMES = (
    "field.fits",
    "../../x",
    "a\0b",
    "%2e%2e%2f",
    "x" * 900,
    "Ünïcode 銀河.png",
    "",
    "<b>",
    "a'\"",
)


@cache
def seeds() -> list[bytes]:
    """Return small files of every type."""
    y, x = np.mgrid[:64, :64] - 32
    light = (9 + 190 * np.exp(-np.hypot(x, y) / 6)).astype(np.uint8)
    picture = np.repeat(light[..., None], 3, axis=2)
    found = [
        cv2.imencode(suffix, picture)[1].tobytes() for suffix in (".png", ".jpg", ".tiff", ".webp")
    ]
    for hdu in (fits.PrimaryHDU, fits.CompImageHDU):
        stream = io.BytesIO()
        hdu(light.astype(np.float32)).writeto(stream)
        found.append(stream.getvalue())
    return found


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return a file with some bytes changed, removed, repeated or cut off."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(max(1, min(len(data), chance.choice((64, 4000, 10**9)))))
        how = chance.randrange(5)
        if how == 0:
            data[place : place + 1] = bytes([chance.randrange(256)])
        elif how == 1:
            word = chance.choice(WORDS)
            data[place : place + len(word)] = word
        elif how == 2:
            del data[place : place + chance.randint(1, 80)]
        elif how == 3:
            data[place:place] = data[place : place + chance.randint(1, 80)]
        else:
            del data[max(20, place) :]
    return bytes(data)


def send(client: Any, seed: int, every: int = 1) -> Iterator[tuple[str, int]]:
    """Send a damaged file; yield each request with the status of its answer."""
    chance = random.Random(seed)
    files = seeds()
    content = damaged(files[seed % len(files)], chance)
    name = chance.choice(NAMES)
    uploaded = client.put("/api/uploads", params={"name": name}, content=content)
    yield "upload", uploaded.status_code
    if seed % every:
        return
    answer = client.post("/api/classify", content=content, timeout=120)
    yield "classify", answer.status_code
    if uploaded.status_code != 201 or seed % (10 * every):
        return
    started = client.post("/api/jobs", json={"uploads": [uploaded.json()["id"]]})
    yield "job", started.status_code
    if started.status_code == 202:
        number = started.json()["id"]
        with client.stream("GET", f"/api/jobs/{number}/events", timeout=120) as events:
            last = [line for line in events.iter_lines() if line.startswith("data:")][-1]
        assert '"status":"done"' in last or '"status":"failed"' in last
        yield "picture", client.get(f"/api/jobs/{number}/picture", timeout=120).status_code


@pytest.mark.parametrize("seed", range(COUNT))
def test_damaged_uploads_are_answered(server: Any, seed: int) -> None:
    answers = list(send(server.client, seed))
    assert all(status < 500 for _, status in answers), answers


def main() -> None:
    """Send many damaged files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    counts: Counter[tuple[str, int]] = Counter()
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.web.conftest import running

    most = 10**6
    settings = ServerSettings(classifier="galaxy10_cnn", max_requests=most, max_queue=most)
    with running(settings) as server:
        for seed in range(options.seed, options.seed + options.count):
            server.state.uploads.remove_old(-1)
            for request, status in send(server.client, seed, options.every):
                counts[request, status] += 1
                if status >= 500:
                    print(f"seed {seed}: {request} was answered {status}")
        assert server.client.get("/api/health").status_code == 200
    for (request, status), count in sorted(counts.items()):
        print(f"{request:9} {status} {count:6}")


if __name__ == "__main__":
    main()
