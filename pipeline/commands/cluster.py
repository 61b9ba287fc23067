"""``galpipe cluster``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .options import embedding_argument, examples, output_option, overwrite_option, seed_option

__all__ = ["command"]


@click.command(
    "cluster",
    epilog=examples(
        "galpipe cluster features.parquet -o clusters",
        "galpipe cluster features.parquet -o clusters --method spectral --labels labels.csv",
    ),
)
@embedding_argument
@output_option
@click.option(
    "--method",
    type=click.Choice(["kmeans", "spectral", "hdbscan"]),
    default="kmeans",
    show_default=True,
    help="K-means; spectral clustering of the graph of 10 nearest neighbours; or HDBSCAN.",
)
@click.option(
    "--clusters",
    metavar="K",
    type=click.IntRange(2, 100),
    help="Number of clusters; by default that of the elbow (kmeans) or of the largest gap of the "
    "eigenvalues (spectral). HDBSCAN finds it.",
)
@click.option(
    "--labels",
    metavar="TABLE|GALAXY10",
    type=click.Path(path_type=Path),
    help="Compare with the labels of a table: a column id, source_id, filename or file, and a "
    "column label, class_name or class; or with the classes of the Galaxy10 file of the galaxies.",
)
@seed_option
@overwrite_option
def command(
    embedding: Path,
    output: Path,
    method: Any,
    clusters: int | None,
    labels: Path | None,
    seed: int,
    overwrite: bool,
) -> None:
    """Divide galaxies into clusters without labels, and report what they follow.

    EMBEDDING is the file of 'galpipe embed'.  Writes report.html with the choice of the number of
    clusters, maps and a contact sheet of each cluster, and the table clusters.csv, to OUT.

    Needs further packages: pip install 'galpipe[explore]'.
    """
    from ...exploration.cluster import cluster_embedding
    from ..summary import print_report

    if clusters is not None and method == "hdbscan":
        raise click.UsageError("HDBSCAN finds the number of clusters: leave out --clusters.")
    result = cluster_embedding(
        embedding,
        output,
        method=method,
        clusters=clusters,
        labels=labels,
        seed=seed,
        overwrite=overwrite,
        progress=True,
    )
    clustering = result.clustering
    print_report(
        f"{len(clustering.numbers)} galaxies in {clustering.count} clusters, stability "
        f"{clustering.stability:.2f}",
        result.output,
    )
