"""Explain a classifier by heat maps, activations and filters for images of single galaxies."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..classification import central_crop, class_slug
from ..classification.explain import (
    ExplainedClassifier,
    ExplainedMember,
    heat_maps,
    maximize_activations,
    open_explained,
)
from ..classification.explain.plots import (
    HeatPanel,
    channel_sheet,
    filter_sheet,
    heat_sheet,
    strongest,
)
from ..configs import InputScaling
from ..errors import ConfigError, OutputError
from ..files.atomic import write_png
from ..files.lock import locked_folder
from ..files.names import SafeNames, printable
from ..files.output_folder import OutputFolder
from ..imaging import FieldSource, read_field, remove_sky, to_display, to_rgb
from ..progress import Progress, count_of, open_progress
from .inputs import find_images
from .provenance import Failure, RunRecord
from .sinks import RunSink

__all__ = ["ExplainResult", "ExplainSettings", "ImageCrop", "Subject", "explain"]

logger = logging.getLogger("galpipe")

Subject = Literal["gradcam", "activations", "filters"]

_OURS = ("gradcam/*.png", "activations/*/*.png", "filters/*.png")


@dataclass(frozen=True)
class ExplainSettings:
    """Settings of `explain`.

    Attributes
    ----------
    what : sequence of {"gradcam", "activations", "filters"}
        Explanations to draw.
    class_name : str, optional
        Class of the heat maps; by default the most probable class of each image.
    layers : sequence of str
        Layers of any member.  For members without any of them, the last layer of each resolution is
        used.  Heat maps are computed for the deepest layer.
    channels : int
        Largest number of channels to draw per layer: those with the highest activation in the image
        or, for filters, in all images.
    seed : int
        Seed of the noise from which activations are maximized.
    class_names : sequence of str, optional
        Classes of the network file of another program, in the order of its outputs.
    scaling : InputScaling, optional
        Input scaling of such a file.
    """

    what: Sequence[Subject] = ("gradcam",)
    class_name: str | None = None
    layers: Sequence[str] = ()
    channels: int = 16
    seed: int = 0
    class_names: Sequence[str] | None = None
    scaling: InputScaling | None = None


@dataclass(frozen=True, eq=False)
class ExplainResult:
    """Files written by `explain`.

    Attributes
    ----------
    output : Path
        The folder.
    pictures : tuple of Path
        The pictures in it.
    failures : tuple of Failure
        Images that could not be explained.
    record : RunRecord
        Content of ``run.json``.
    """

    output: Path
    pictures: tuple[Path, ...]
    failures: tuple[Failure, ...]
    record: RunRecord


def explain(
    images: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    model: str | Path,
    settings: ExplainSettings | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> ExplainResult:
    """Draw explanations of a classifier for images of single galaxies.

    The images are cropped as in :func:`~.classify.classify`.

    Parameters
    ----------
    images : path or iterable of paths
        Images, as in `classify`.
    output : path
        Folder for ``gradcam/IMAGE.png``, ``activations/IMAGE/MEMBER_LAYER.png`` and
        ``filters/MEMBER_LAYER.png``.
    model : path
        Folder of a training, or a ``.keras`` or ``.h5`` file; see
        :func:`~galpipe.classification.explain.open_explained`.
    settings : ExplainSettings, optional
        By default, heat maps of the most probable class are drawn.
    overwrite : bool
        Replace an earlier result.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    ExplainResult

    Raises
    ------
    InputError
        If no image is found, or a network cannot be explained.
    ConfigError
        If there is no such class or layer.
    BundleError, OutputError
        If the model is not a finished training, or the output folder contains other files or cannot
        be written.

    Examples
    --------
    >>> from galpipe.pipeline.explain import ExplainSettings, explain
    >>> settings = ExplainSettings(what=("gradcam", "filters"), channels=8)
    >>> result = explain("cutouts", "why", model="training", settings=settings)  # doctest: +SKIP
    >>> result.pictures  # doctest: +SKIP
    (PosixPath('why/gradcam/ngc4414.png'), PosixPath('why/filters/cnn_re_lu_3.png'))
    """
    settings = settings or ExplainSettings()
    sources, failures = find_images(images)
    classifier = open_explained(model, settings.class_names, settings.scaling)
    if settings.class_name is not None:
        _class_id(classifier, settings.class_name)
    layers = _choose_layers(classifier, settings.layers)
    config = {
        "what": list(settings.what),
        "class_name": settings.class_name,
        "layers": {name: list(chosen) for name, chosen in layers.items()},
        "channels": settings.channels,
        "seed": settings.seed,
    }
    models = {"classifier": classifier.identity.as_dict()}
    record = RunRecord("explain", config, models=models, failures=failures)
    explainer = _Explainer(classifier, settings, layers, Path(output))
    sheets = len(layers) if "filters" in settings.what else 0
    with (
        locked_folder(output),
        RunSink(OutputFolder(output, overwrite=overwrite, ours=_OURS), record) as sink,
        open_progress(progress)("images", len(sources) + sheets) as task,
    ):
        done = 0
        for source in sources:
            task.update(description=source.identifier)
            try:
                with sink.clock("images"):
                    notes = _explain_image(explainer, source)
                done += 1
                sink.record.notes += notes
                for note in notes:
                    logger.warning("%s", note)
            except OutputError:
                raise
            except Exception as error:
                sink.fail(Failure.of(source.identifier, error))
            task.update(advance=1, status=count_of(done, "images", len(failures)))
        for member in classifier.members if sheets and done else ():
            task.update(description=f"filters of {member.name}")
            with sink.clock("filters"):
                explainer.draw_filters(member)
            task.update(advance=1, status=count_of(done, "images", len(failures)))
    return ExplainResult(Path(output), tuple(explainer.written), tuple(failures), sink.record)


class ImageCrop:
    """Crop of a single galaxy, the input of the networks.

    Parameters
    ----------
    source : FieldSource
        The image.
    classifier : ExplainedClassifier
        Defines size, margin, stretch and sky subtraction.

    Attributes
    ----------
    identifier : str
        Name of the image in file names.
    rgb : ndarray of uint8, shape (S, S, 3)
        The crop, as in :func:`~.classify.classify`.
    inputs : ndarray of float32, shape (1, S, S, 3)
        The crop as a batch, in 0..1.
    notes : tuple of str
        Notes on the reading, such as that the file holds further images.
    """

    def __init__(self, source: FieldSource, classifier: ExplainedClassifier) -> None:
        field = read_field(source)
        self.identifier = source.identifier
        self.rgb = central_crop(
            to_rgb(field, classifier.stretch), classifier.input_size, classifier.crop_margin
        )
        if classifier.sky_removed:
            self.rgb = remove_sky(self.rgb[np.newaxis])[0]
        self.inputs = self.rgb[np.newaxis].astype(np.float32) / np.float32(255)
        self._origin, self.notes = field.origin, field.notes

    def display(self) -> NDArray[np.uint8]:
        """Return the crop with the top row of the displayed picture first."""
        return to_display(self.rgb, self._origin)

    def upright(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a map of the crop with the top row of the displayed picture first.

        Parameters
        ----------
        rows : ndarray of float32, shape (H, W, ...)
            Map in the orientation of `rgb`.
        """
        return np.ascontiguousarray(rows[:: -1 if self._origin == "lower" else 1])


class _Explainer:
    """Draws explanations of a classifier to a folder, and lists the files in `written`."""

    def __init__(
        self,
        classifier: ExplainedClassifier,
        settings: ExplainSettings,
        layers: Mapping[str, tuple[str, ...]],
        folder: Path,
    ) -> None:
        self.classifier, self.settings = classifier, settings
        self._layers, self._folder = layers, folder
        self._peaks: dict[tuple[str, str], NDArray[np.float32]] = {}
        self.written: list[Path] = []

    def draw_heat_maps(self, crop: ImageCrop) -> None:
        """Draw the heat maps of all members and of the ensemble."""
        classifier, names = self.classifier, self.classifier.class_names
        probabilities = classifier.predict_members(crop.inputs)[:, 0]
        combined = classifier.calibrated(classifier.combine(probabilities))
        chosen = self.settings.class_name
        class_id = int(combined.argmax()) if chosen is None else _class_id(classifier, chosen)
        maps = [
            heat_maps(member.network, crop.inputs, [class_id], self._layers[member.name][-1])
            for member in classifier.members
        ]
        methods = {
            "Grad-CAM": np.stack([crop.upright(found.gradcam[0]) for found in maps]),
            "HiResCAM": np.stack([crop.upright(found.hirescam[0]) for found in maps]),
        }
        several = len(maps) > 1
        panels = [
            HeatPanel(
                f"{member.name} x {member.weight:.2g}" if several else member.name,
                {method: heat[place] for method, heat in methods.items()},
                probabilities[place],
            )
            for place, member in enumerate(classifier.members)
        ]
        if several:
            means = {method: classifier.combine(heat) for method, heat in methods.items()}
            panels.append(HeatPanel("ensemble", means, combined))
        sheet = heat_sheet(crop.display(), panels, names, class_id, crop.identifier)
        self._write(Path("gradcam", f"{crop.identifier}.png"), sheet)

    def draw_activations(self, crop: ImageCrop) -> None:
        """Update the maximum of each channel, and draw the activations if selected."""
        names = SafeNames()
        for member in self.classifier.members:
            layers = self._layers[member.name]
            outputs = member.network.outputs(crop.inputs, layers)
            for layer, (response,) in zip(layers, outputs, strict=True):
                key, peaks = (member.name, layer), response.max(axis=(0, 1))
                self._peaks[key] = np.maximum(self._peaks.get(key, peaks), peaks)
                name = names(f"{member.name}_{layer}")
                if "activations" in self.settings.what:
                    sheet = channel_sheet(
                        crop.upright(response),
                        strongest(response, self.settings.channels),
                        f"{crop.identifier}: {member.name}, {layer}",
                    )
                    self._write(Path("activations", crop.identifier, f"{name}.png"), sheet)

    def draw_filters(self, member: ExplainedMember) -> None:
        """Draw images that maximize the filters with the highest activations so far."""
        names = SafeNames()
        for layer in self._layers[member.name]:
            filters = strongest(self._peaks[member.name, layer], self.settings.channels)
            images = maximize_activations(member.network, layer, filters, self.settings.seed)
            name, title = names(f"{member.name}_{layer}"), f"{member.name}, {layer}"
            sheet = filter_sheet(images, filters, f"{title}: images that maximize its filters")
            self._write(Path("filters", f"{name}.png"), sheet)

    def _write(self, name: Path, sheet: NDArray[np.uint8]) -> None:
        self.written.append(write_png(self._folder / name, sheet))


def _explain_image(explainer: _Explainer, source: FieldSource) -> list[str]:
    """Draw the explanations of one image; return the notes on its reading."""
    what = explainer.settings.what
    crop = ImageCrop(source, explainer.classifier)
    if "gradcam" in what:
        explainer.draw_heat_maps(crop)
    if "activations" in what or "filters" in what:
        explainer.draw_activations(crop)
    return [f"{printable(source)}: {note}" for note in crop.notes]


def _class_id(classifier: ExplainedClassifier, name: str) -> int:
    slugs = [class_slug(known) for known in classifier.class_names]
    if class_slug(name) not in slugs:
        raise ConfigError(
            f"'{name}' is not a class of {classifier.identity.name}; its classes are "
            f"{', '.join(classifier.class_names)}"
        )
    return slugs.index(class_slug(name))


def _choose_layers(
    classifier: ExplainedClassifier, names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return the layers to explain of each member, in the order of the network."""
    chosen: dict[str, tuple[str, ...]] = {}
    known: set[str] = set()
    for member in classifier.members:
        network = member.network
        found = {name: network.layer(name) for name in names}
        known |= {name for name, full in found.items() if full is not None}
        full_names = set(found.values())
        own = tuple(layer for layer in network.shapes if layer in full_names)
        chosen[member.name] = own or network.stages
    unknown = [name for name in names if name not in known]
    if unknown:
        listed = "\n".join(
            f"  {member.name}: {', '.join(member.network.shapes)}" for member in classifier.members
        )
        raise ConfigError(
            f"{classifier.identity.path}: no member has a spatial layer '{unknown[0]}'. "
            f"The layers are\n{listed}"
        )
    return chosen
