"""``galpipe embed``."""

from __future__ import annotations

from pathlib import Path

import click

from ...default_models import DEFAULT_CLASSIFIER
from .options import examples, required_output

__all__ = ["command"]


@click.command(
    "embed",
    epilog=examples(
        "galpipe embed cutouts/ -o features.parquet",
        "galpipe embed result/catalogue.ecsv -o features.parquet --model training",
    ),
)
@click.argument("images", nargs=-1, required=True, metavar="IMAGES|CATALOGUE...")
@required_output("Parquet file; an embedding by the same model is extended.", "FILE")
@click.option(
    "--model",
    metavar="NAME|PATH",
    help="Classifier: a shipped model, or a path; or a network trained on ImageNet, which needs "
    "the training packages: imagenet-resnet50, -inception_v3, -xception, -vgg16, -mobilenet_v2 or "
    f"-efficientnet_b0; by default {DEFAULT_CLASSIFIER}.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier embedding.")
def command(images: tuple[str, ...], output: Path, model: str | None, overwrite: bool) -> None:
    """Compute the features of galaxies: the start of clusters, similar and unusual galaxies.

    IMAGES are as in 'galpipe classify'; CATALOGUE is that of a run, with the crops beside it.
    Features are the layer before the class
    probabilities of each network, averaged over four quarter turns.  Needs pyarrow: pip install
    'galpipe[parquet]'.  FILE is the input of 'galpipe cluster', 'similar' and 'anomalies'.
    """
    from ..embed import embed
    from ..summary import finish_embed

    result = embed(images, output, model=model, overwrite=overwrite, progress=True)
    finish_embed(result)
