"""Make a detector that computes with integers alone from one in floating point."""

from __future__ import annotations

from pathlib import Path

from ...configs import DetectorTraining
from ...errors import BundleError, OutputError, require
from ...models import find_bundle, write_bundle
from ...models.bundle import CARD_NAME, METRICS_NAME
from ...models.litert import LiteRTNetwork
from ..detector import Detector
from ..measure import search_by_role
from ..training.recorded import recorded_training
from .integers import quantise_network, representative_tiles
from .publish import measure_bundle
from .quantisation import Quantisation

__all__ = ["quantize"]


def quantize(
    name_or_path: str | Path, config: DetectorTraining, output: Path, tiles: int = 200
) -> Path:
    """Write the bundle of a detector whose network is in 8-bit integers, calibrated and measured.

    It gets a refinement of its own, and the name of the one that it was made from with ``_int8``.

    Parameters
    ----------
    name_or_path : str or path
        Name of a shipped detector, folder of a bundle, or a ``.zip`` of one; of any architecture.
    config : DetectorTraining
        Says where the images and annotations of its training lie.
    output : Path
        The new bundle.
    tiles : int
        Number of tiles, of the training images, from which the ranges of the activations are taken.

    Returns
    -------
    Path
        The new bundle.

    Raises
    ------
    BundleError
        If it is missing, altered, no detector, has no record of its training, or its network cannot
        be quantised.
    InputError
        If the images are not divided as they were in its training; or cannot be read.
    OutputError
        If the place is taken, or the bundle cannot be written.
    MissingExtraError
        If the packages of training are not installed.
    """
    if output.exists():
        raise OutputError(f"{output}: exists already; choose another place")
    bundle = find_bundle(name_or_path)
    for package in ("tensorflow", "pycocotools", "matplotlib"):
        require(package, "train")
    training, sources = recorded_training(bundle, config)
    detector = Detector(bundle)
    manifest = bundle.manifest
    (member,) = manifest.members
    content = bundle.read(member.file)
    if LiteRTNetwork(content, member.scaling).takes_integers:
        raise BundleError(f"{bundle.path}: is in integers already")
    shown = representative_tiles(sources, manifest.input_size, tiles, training.seed)
    try:
        quantised = quantise_network(content, shown, member.scaling)
    except ValueError as error:
        raise BundleError(f"{bundle.path}: '{member.file}' cannot be quantised: {error}") from error
    measured = {
        role: searched.metrics
        for role, searched in search_by_role(detector, sources, "test").items()
    }
    files = {
        name: bundle.read(name) for name in manifest.files if name not in (CARD_NAME, METRICS_NAME)
    }
    name = f"{manifest.name}_int8"
    write_bundle(
        output,
        manifest.model_copy(update={"name": name}),
        files | {member.file: quantised},
        "",
        {"quantised": Quantisation.of(tiles, measured).to_json({})},
    )
    return measure_bundle(output, training.model_copy(update={"name": name}), sources)
