"""Report of the clusters of an embedding."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files.atomic import write_png
from ..files.output_folder import OutputFolder
from ..files.report import (
    PICTURES,
    Block,
    Heading,
    Picture,
    Report,
    Table,
    format_number,
    write_report,
)
from .clustering import NOISE, REPEATS, Method, group_name
from .maps import map_file
from .sheets import COLUMNS, draw_sheet, draw_sheets

if TYPE_CHECKING:
    from .cluster import ClusterResult

__all__ = ["write_cluster_report"]

_MOST_SHOWN = 2 * COLUMNS

_NAMES = {"kmeans": "K-means", "spectral": "Spectral clustering", "hdbscan": "HDBSCAN"}

_FOLLOWS = (
    "Clusters often follow size, brightness and survey before shape: how large a galaxy is on its "
    "image, how deep and how noisy that is; most of all with features of a network that was not "
    "trained on galaxies. Compare the mutual information with these properties to that with "
    "labels before you take a cluster for a kind of galaxy. Where it is large, cluster galaxies "
    "of one survey and of a narrow range of sizes."
)


def write_cluster_report(folder: OutputFolder, result: ClusterResult, method: Method) -> None:
    """Write contact sheets, ``report.html``, ``report.md`` and ``metrics.json``.

    Parameters
    ----------
    folder : OutputFolder
        Folder of the report, with its plots.
    result : ClusterResult
    method : {"kmeans", "spectral", "hdbscan"}
    """
    clustering, file = result.clustering, result.embedding
    blocks: list[Block] = [
        f"{_NAMES[method]} of {len(file)} galaxies in {result.reduction.axes.shape[1]} principal "
        f"components, which have 90 % of the variance of the {file.width} features. The model is "
        f"{file.model}.",
        *_follower_note(result),
        _measures(result, method),
        Picture(
            f"{PICTURES}/variance.png",
            "Cumulative share of the variance by number of components, up to 99 %.",
        ),
        *_number_blocks(result),
        Heading("What the clusters follow"),
        _FOLLOWS,
        _agreement_table(result),
        Heading("Clusters"),
        _cluster_table(result),
        Heading("Maps"),
        *_map_blocks(result),
        Heading("Galaxies"),
        "Most central: nearest to the mean of the cluster. Most distant: farthest from it.",
        *(_cluster_sheet(folder, result, number) for number in range(1, clustering.count + 1)),
    ]
    title = f"Clusters of {file.path.name}"
    record = {"command": "cluster", "embedding": str(file.path), "fingerprint": file.fingerprint}
    write_report(folder, Report(title, blocks), _metrics(result, method), record)


def _follower_note(result: ClusterResult) -> list[Block]:
    clustering = result.clustering
    if not clustering.followers:
        return []
    clustered = len(clustering.numbers) - clustering.followers
    return [
        f"{clustered} galaxies, chosen at random, were clustered; the other "
        f"{clustering.followers} have the cluster of their nearest neighbours."
    ]


def _measures(result: ClusterResult, method: Method) -> Table:
    clustering = result.clustering
    noise = int((clustering.numbers == NOISE).sum())
    repeated = f"{REPEATS} " + ("random nine tenths" if method == "hdbscan" else "seeds")
    rows = [
        ["clusters", str(clustering.count)],
        ["galaxies of no cluster", str(noise)],
        ["silhouette coefficient, -1 to 1", format_number(result.silhouette)],
        [
            f"stability: adjusted Rand index of {repeated}, at most 1",
            format_number(clustering.stability),
        ],
    ]
    return Table(["measure", "value"], rows)


def _number_blocks(result: ClusterResult) -> list[Block]:
    curve = result.clustering.curve
    heading = Heading("Number of clusters")
    if curve is None:
        return [heading, "HDBSCAN finds the number of clusters: groups of at least 1 % that are "
                "denser than their surroundings."]  # fmt: skip
    caption = (
        "Sum of squared distances to the centres; the elbow is the point farthest below the line "
        "from the first to the last."
        if curve.kind == "elbow"
        else "Smallest eigenvalues of the graph Laplacian; as many clusters as eigenvalues before "
        "the largest gap."
    )
    # The first eigenvalue is 0 up to rounding.
    rows = [[str(k), f"{round(value, 6):.4g}"] for k, value in enumerate(curve.values.tolist(), 1)]
    header = (
        ["clusters", "sum of squared distances"]
        if curve.kind == "elbow"
        else ["number", "eigenvalue"]
    )
    return [heading, Picture(f"{PICTURES}/number.png", caption), Table(header, rows)]


def _agreement_table(result: ClusterResult) -> Table:
    header = ["property", "galaxies", "mutual information", "purity", "purity of one cluster",
              "variance between clusters"]  # fmt: skip
    rows = [
        [
            one.name,
            str(one.galaxies),
            *map(format_number, (one.nmi, one.purity, one.largest, one.variance)),
        ]
        for one in result.agreements
    ]
    return Table(header, rows)


def _cluster_table(result: ClusterResult) -> Table:
    numbers, file = result.clustering.numbers, result.embedding
    surveys = [picture.survey for picture in file.pictures]
    header = ["cluster", "galaxies", "median size", "median brightness", "surveys"]
    header += [] if result.labels is None else ["labels"]
    rows = []
    for number in np.unique(numbers).tolist():
        own = np.flatnonzero(numbers == number)
        cells = [
            group_name(number),
            str(len(own)),
            f"{np.median(file.sizes[own]):.0f}",
            f"{np.median(file.brightness[own]):.0f}",
            _shares([surveys[index] for index in own]),
        ]
        if result.labels is not None:
            cells.append(_shares([result.labels[index] for index in own]))
        rows.append(cells)
    return Table(header, rows)


def _shares(names: list[str]) -> str:
    """Return the most frequent names with their shares."""
    counts = Counter(filter(None, names))
    total = counts.total()
    return ", ".join(f"{name} {count / total:.0%}" for name, count in counts.most_common(3))


def _map_blocks(result: ClusterResult) -> list[Block]:
    blocks: list[Block] = []
    for name, positions in result.positions.items():
        shown = int(np.isfinite(positions[:, 0]).sum())
        part = "all galaxies" if shown == len(positions) else f"{shown} galaxies at random"
        caption = f"{name} of {part}. Close galaxies have similar features."
        blocks.append(Picture(f"{PICTURES}/{map_file(name)}.png", caption))
    return blocks


def _cluster_sheet(folder: OutputFolder, result: ClusterResult, number: int) -> Picture:
    file = result.embedding
    own = np.flatnonzero(result.clustering.numbers == number)
    order = own[np.argsort(result.distances[own], kind="stable")]
    shown = min(_MOST_SHOWN, max(1, len(order) // 2))
    parts = []
    for title, chosen in (("most central", order[:shown]), ("most distant", order[::-1][:shown])):
        pictures = [file.pictures[index] for index in chosen]
        captions = [picture.id for picture in pictures]
        name = f"{group_name(number)}, {title}"
        parts.append((name, draw_sheet(pictures, captions, file.crop)))
    place = f"{PICTURES}/cluster_{number:02}.png"
    write_png(folder.path / place, draw_sheets(parts))
    return Picture(place, f"{group_name(number)}: {len(own)} galaxies")


def _metrics(result: ClusterResult, method: Method) -> dict[str, Any]:
    clustering, curve = result.clustering, result.clustering.curve
    return {
        "method": method,
        "galaxies": len(clustering.numbers),
        "components": result.reduction.axes.shape[1],
        "clusters": clustering.count,
        "of_no_cluster": int((clustering.numbers == NOISE).sum()),
        "silhouette": _finite(result.silhouette),
        "stability": clustering.stability,
        "curve": None if curve is None else {
            "kind": curve.kind, "values": curve.values.tolist(), "chosen": curve.chosen
        },
        "agreement": {
            one.name: {
                "galaxies": one.galaxies,
                "nmi": _finite(one.nmi),
                "purity": one.purity,
                "largest": one.largest,
                "variance": one.variance,
            }
            for one in result.agreements
        },
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
