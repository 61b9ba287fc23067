"""Show the data of a training: classes, sizes, crops or tiles, what is held out, duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..classification.training.affine import affine_view, pixel_deviation
from ..classification.training.augmentation import survey_view
from ..classification.training.check import check_training as check_classifier
from ..classification.training.dataset import Cutouts, label_names
from ..classification.training.sources import Sources, gather, read_labelled
from ..configs import ClassifierTraining, DetectorTraining, SurveyAugmentation
from ..datasets.near_duplicates import find_near_duplicates
from ..detection.base import star_classes
from ..detection.training.check import check_training as check_detector
from ..detection.training.dataset import TrainingSource, read_sources
from ..detection.training.sampling import TileSampler
from ..detection.training.training_tiles import TrainingImage
from ..files.atomic import write_png
from ..files.output_folder import OutputFolder
from ..files.report import (
    PICTURES,
    Block,
    Heading,
    Picture,
    Report,
    Table,
    open_report_folder,
    write_report,
)
from ..imaging import Detections, contact_sheet, draw_overlay, longer_sides
from ..imaging.draw import shrunk
from ..progress import Progress, open_progress

__all__ = ["show_data"]

_MOST_SHOWN = 24
_PER_CLASS = 6
_VIEWS = 5
_COLUMNS = 6
_CELL = 160  # pixels
# Fields and tiles, with many objects.
_FEW_COLUMNS = 4
_LARGE_CELL = 240
_PERCENTILES = (5, 25, 50, 75, 95)


def show_data(
    config: ClassifierTraining | DetectorTraining,
    output: str | Path,
    *,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> Path:
    """Write a page that shows the data of a training as the network gets them.

    Nothing is trained, and TensorFlow is not needed.

    Parameters
    ----------
    config : ClassifierTraining or DetectorTraining
        Configuration of the training.
    output : path
        Folder for ``report.html``, ``report.md``, ``metrics.json`` and ``pictures/``.
    overwrite : bool
        Replace an earlier page.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If a path is missing, or the data cannot be split as configured.
    InputError
        If images, labels or annotations cannot be read.
    OutputError
        If the folder contains other files, or cannot be written.
    """
    if isinstance(config, ClassifierTraining):
        check_classifier(config)
        folder = open_report_folder(output, overwrite=overwrite)
        sources = gather(config, read_labelled(config), open_progress(progress))
        blocks = _classifier_blocks(config, sources, folder)
    else:
        check_detector(config)
        folder = open_report_folder(output, overwrite=overwrite)
        divided = read_sources(config, open_progress(progress))
        blocks = _detector_blocks(config, divided, folder)
    report = Report(f"{config.name}: data of the training", blocks)
    tables = [
        {"header": list(block.header), "rows": [list(row) for row in block.rows]}
        for block in blocks
        if isinstance(block, Table)
    ]
    write_report(folder, report, {"tables": tables}, {"command": "data show"})
    return folder.path / "report.html"


def _classifier_blocks(
    config: ClassifierTraining, sources: Sources, folder: OutputFolder
) -> list[Block]:
    names = label_names(config)
    parts = {
        "training": sources.train,
        "extra": sources.extra,
        "validation": sources.validation,
        "test": sources.test,
        **{f"measured: {name}": part for name, part in sources.external.items()},
    }
    parts = {name: part for name, part in parts.items() if len(part)}
    size, margin = config.input_size, config.crop_margin
    crops = sources.train.crops(size, margin)
    labels = sources.train.labels
    pictures, captions = [], []
    for index, name in enumerate(names):
        chosen = np.flatnonzero(labels.single_class & (labels.class_ids == index))[:_PER_CLASS]
        pictures += list(crops[chosen])
        captions += [name] * len(chosen)
    held_out = sources.test.crops(size, margin)[:_MOST_SHOWN]
    everything = [(path.name, image) for part in parts.values() for path, image in _images(part)]
    return [
        _division(config.division.divides, sources.notes),
        Heading("Classes"),
        _class_counts(parts, names),
        Heading("Sizes"),
        "Longer side of the galaxy's box over the side of the image.",
        _size_table({n: longer_sides(p.boxes) / p.images.shape[1] for n, p in parts.items()}, 2),
        Heading("Crops"),
        f"What the network gets: {size} x {size} pixels, {margin:g} times the longer side.",
        _sheet(folder, "crops", pictures, captions, "Training images by class."),
        Heading("Augmented views"),
        _views(folder, config, sources.train, crops),
        Heading("Held out"),
        "Never used in training; the metrics of the card are measured on them.",
        _sheet(folder, "held_out", list(held_out), _names(sources.test.paths), "Test images."),
        *_duplicate_blocks(folder, everything),
    ]


def _division(split: bool, notes: Sequence[str]) -> str:
    """Describe the division of the images into parts."""
    sentences = [f"{note}." for note in notes]
    if split:
        sentences.append(
            "Images of the same galaxy, near-duplicates included, are always in the same part "
            "where the images are split."
        )
    return " ".join(sentences or ["Each source is one part, as given with the data."])


def _class_counts(parts: dict[str, Cutouts], names: Sequence[str]) -> Table:
    """Return the number of images of each class in each part."""
    columns = []
    for part in parts.values():
        single = part.labels.class_ids[part.labels.single_class]
        counts = np.bincount(single, minlength=len(names)).tolist()
        columns.append([*counts, int((~part.labels.single_class).sum()), len(part)])
    rows = zip((*names, "several possible", "all"), *columns, strict=True)
    return Table(["class", *parts], [[name, *map(str, counts)] for name, *counts in rows])


def _views(
    folder: OutputFolder, config: ClassifierTraining, train: Cutouts, crops: NDArray[np.uint8]
) -> Picture | str:
    """Draw random views beside the crops of a few images."""
    rng = np.random.default_rng(config.seed)
    settings, size, margin = config.augmentation, config.input_size, config.crop_margin
    noisy = not isinstance(settings, SurveyAugmentation) and settings.noise
    deviation = pixel_deviation(train.images) if noisy else 0.0
    pictures, captions = [], []
    for index in rng.permutation(len(train))[:_PER_CLASS].tolist():
        image, box = train.images[index], train.boxes[index]
        pictures.append(crops[index])
        captions.append("crop")
        for _ in range(_VIEWS):
            pictures.append(
                survey_view(rng, image, box, size=size, margin=margin, settings=settings)
                if isinstance(settings, SurveyAugmentation)
                else affine_view(
                    rng,
                    image,
                    box,
                    size=size,
                    margin=margin,
                    settings=settings,
                    deviation=deviation,
                )
            )
            captions.append("view")
    return _sheet(folder, "views", pictures, captions, "Each row: the crop, and random views.")


def _detector_blocks(
    config: DetectorTraining, sources: Sequence[TrainingSource], folder: OutputFolder
) -> list[Block]:
    rows = [
        [
            f"{number}: {source.data.kind}",
            *map(str, (len(source.train), len(source.validation), len(source.test))),
            str(source.objects),
            str(sum(int(image.difficult.sum()) for image in source.images)),
        ]
        for number, source in enumerate(sources, 1)
    ]
    parts = {
        "training": [image for source in sources for image in source.train],
        "validation": [image for source in sources for image in source.validation],
        "test": [image for source in sources for image in source.test],
    }
    everything = [(image.name, image.rgb) for images in parts.values() for image in images]
    held_out = parts["test"][:_MOST_SHOWN]
    notes = [source.note for source in sources if source.note]
    return [
        f"{_division(config.division.divides, notes)} Difficult objects are neither learnt nor "
        "counted.",
        Heading("Sources"),
        Table(["source", "training", "validation", "test", "objects", "difficult"], rows),
        Heading("Classes"),
        _object_counts(parts, config.class_map.class_names),
        Heading("Sizes"),
        "Longer side of the boxes in pixels of the images.",
        _size_table({name: _longer_sides(images) for name, images in parts.items()}, 0),
        Heading("Training tiles"),
        f"What the network gets: {config.input_size} x {config.input_size} pixels, with the boxes "
        "that it learns.",
        _tiles(folder, config, sources),
        Heading("Held out"),
        "Never used in training; the metrics of the card are measured on them.",
        _sheet(
            folder,
            "held_out",
            [_drawn(i.rgb, i.boxes, i.class_ids, i.difficult) for i in held_out],
            [image.name for image in held_out],
            "Test images; difficult objects are dashed.",
            _FEW_COLUMNS,
            _LARGE_CELL,
        ),
        *_duplicate_blocks(folder, everything),
    ]


def _object_counts(parts: dict[str, list[TrainingImage]], names: Sequence[str]) -> Table:
    """Return the number of objects of each class in each part."""
    rows = [
        [
            name,
            *(
                str(sum(int((i.class_ids[~i.difficult] == index).sum()) for i in images))
                for images in parts.values()
            ),
        ]
        for index, name in enumerate(names)
    ]
    return Table(["class", "training", "validation", "test"], rows)


def _longer_sides(images: Sequence[TrainingImage]) -> NDArray[np.float64]:
    boxes = [image.boxes[~image.difficult] for image in images]
    return longer_sides(np.concatenate([np.empty((0, 4)), *boxes]))


def _tiles(
    folder: OutputFolder, config: DetectorTraining, sources: Sequence[TrainingSource]
) -> Picture | str:
    """Draw random training tiles with their boxes."""
    cutouts, frames = (
        [image for source in sources if source.data.kind == kind for image in source.train]
        for kind in ("cutouts", "fields")
    )
    sampler = TileSampler(
        cutouts,
        frames,
        config.input_size,
        config.scale_range,
        config.paste_fraction,
        draw_stars=not star_classes(config.class_map.class_names),
    )
    pictures, captions = [], []
    for place in range(_MOST_SHOWN):
        tile = sampler.sample(np.random.default_rng([config.seed, 0, place]))
        pictures.append(_drawn(tile.image, tile.boxes, tile.class_ids))
        captions.append(f"objects: {len(tile.boxes)}")
    caption = "Random training tiles."
    return _sheet(folder, "tiles", pictures, captions, caption, _FEW_COLUMNS, _LARGE_CELL)


def _drawn(
    rgb: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    class_ids: NDArray[np.int64],
    dashed: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Draw boxes on an image of the size of a cell, in which thin lines stay."""
    small = shrunk(rgb, _LARGE_CELL)
    found = Detections(boxes * (small.shape[1] / rgb.shape[1]), np.ones(len(boxes)), class_ids)
    return draw_overlay(small, found, zoom=1, dashed=dashed, legend=False)


def _size_table(sizes: dict[str, NDArray[np.float64]], digits: int) -> Table:
    """Return the percentiles of the sizes in each part."""
    rows = []
    for name, values in sizes.items():
        found = np.percentile(values, _PERCENTILES).tolist() if len(values) else []
        rows.append([name, str(len(values)), *(f"{value:.{digits}f}" for value in found)])
    return Table(["part", "number", *(f"{p} %" for p in _PERCENTILES)], rows)


def _duplicate_blocks(
    folder: OutputFolder, images: Sequence[tuple[str, NDArray[np.uint8]]]
) -> list[Block]:
    """Draw near-duplicates side by side."""
    grey = (np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8) for _, rgb in images)
    pairs = find_near_duplicates(grey)
    heading = Heading("Near-duplicates")
    if not pairs:
        return [heading, "None found."]
    shown = [index for pair in pairs[: _MOST_SHOWN // 2] for index in pair]
    return [
        heading,
        f"{len(pairs)} pairs of images show nearly the same pixels; the first "
        f"{len(shown) // 2} side by side. Different galaxies among them are harmless.",
        _sheet(
            folder,
            "near_duplicates",
            [images[index][1] for index in shown],
            [images[index][0] for index in shown],
            "Pairs of near-duplicates.",
        ),
    ]


def _images(part: Cutouts) -> Iterable[tuple[Path, NDArray[np.uint8]]]:
    return zip(part.paths, part.images, strict=True)


def _names(paths: Sequence[Path]) -> list[str]:
    return [path.name for path in paths[:_MOST_SHOWN]]


def _sheet(
    folder: OutputFolder,
    name: str,
    pictures: Sequence[NDArray[np.uint8]],
    captions: Sequence[str],
    caption: str,
    columns: int = _COLUMNS,
    cell: int = _CELL,
) -> Picture | str:
    """Write a contact sheet; without pictures, say so."""
    if not len(pictures):
        return "None."
    file = f"{PICTURES}/{name}.png"
    write_png(folder.path / file, contact_sheet(pictures, captions, columns, cell))
    return Picture(file, caption)
