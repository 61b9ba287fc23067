"""The pictures that explain a classifier, one after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..classification import central_crop
from ..classification.explain import (
    ExplainedClassifier,
    ExplainedMember,
    activations,
    ensemble_map,
    filter_patterns,
    heat_maps,
    strongest,
)
from ..classification.explain.plots import HeatPanel, channel_sheet, heat_sheet, pattern_sheet
from ..files.atomic import write_png
from ..files.names import SafeNames
from ..imaging import FieldSource, read_field, remove_sky, to_display, to_rgb

__all__ = ["ExplainedImage", "Explanations"]


class ExplainedImage:
    """An image of a single galaxy as the networks are given it.

    Attributes
    ----------
    identifier : str
        Its name in file names.
    crop : ndarray of uint8, shape (S, S, 3)
        Cut out as :func:`~.classify.classify` does.
    picture : ndarray of float32, shape (S, S, 3)
        The same in 0..1.
    """

    def __init__(self, source: FieldSource, classifier: ExplainedClassifier) -> None:
        image = read_field(source)
        self.identifier = source.identifier
        self.crop = central_crop(to_rgb(image, classifier.stretch), classifier.input_size)
        if classifier.sky_removed:
            self.crop = remove_sky(self.crop[np.newaxis])[0]
        self.picture = self.crop.astype(np.float32) / np.float32(255)
        self._step = -1 if image.origin == "lower" else 1

    def turned(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an array with the row first that is the top of the sky picture."""
        return np.ascontiguousarray(rows[:: self._step])

    def shown(self) -> NDArray[np.uint8]:
        """Return the crop with its top row first."""
        return to_display(self.crop, "lower" if self._step < 0 else "upper")


class Explanations:
    """Draws into a folder what the networks of a classifier see.

    Parameters
    ----------
    classifier : ExplainedClassifier
        The networks.
    layers : dict of str to tuple of str
        The layers of each member that are shown, in the order of the network; the last of them
        gives the heat maps.
    folder : Path
        Where the pictures go.
    channels : int
        Most channels of a layer that are shown.
    seed : int
        Of the noise that filter patterns start from.

    Attributes
    ----------
    written : list of Path
        The pictures so far.
    """

    def __init__(
        self,
        classifier: ExplainedClassifier,
        layers: dict[str, tuple[str, ...]],
        folder: Path,
        channels: int,
        seed: int,
    ) -> None:
        self._classifier, self._layers = classifier, layers
        self._folder, self._channels, self._seed = folder, channels, seed
        self._peaks: dict[tuple[str, str], NDArray[np.float32]] = {}
        self.written: list[Path] = []

    def heat(self, image: ExplainedImage, class_id: int | None) -> None:
        """Draw the heat maps of all members and of the ensemble.

        Without `class_id` they are those of the most probable class.
        """
        classifier, pictures = self._classifier, image.picture[None]
        given = classifier.predict_members(pictures)[:, 0]
        combined = classifier.combine(given)
        asked = int(combined.argmax()) if class_id is None else class_id
        maps = [
            heat_maps(member.network, pictures, [asked], self._layers[member.name][-1])
            for member in classifier.members
        ]
        methods = {
            "Grad-CAM": np.stack([image.turned(found.gradcam[0]) for found in maps]),
            "HiResCAM": np.stack([image.turned(found.hirescam[0]) for found in maps]),
        }
        several = len(maps) > 1
        panels = [
            HeatPanel(
                f"{member.name} x {member.weight:.2g}" if several else member.name,
                {method: found[place] for method, found in methods.items()},
                given[place],
            )
            for place, member in enumerate(classifier.members)
        ]
        if several:
            means = {method: ensemble_map(classifier, found) for method, found in methods.items()}
            panels.append(HeatPanel("ensemble", means, combined))
        names = classifier.class_names
        sheet = heat_sheet(image.shown(), panels, names, asked, image.identifier)
        self._write(Path("gradcam", f"{image.identifier}.png"), sheet)

    def activations(self, image: ExplainedImage, *, draw: bool) -> None:
        """Draw what the layers give for an image, or only note how strong each channel is."""
        names = SafeNames()
        for member in self._classifier.members:
            layers = self._layers[member.name]
            for layer, given in zip(
                layers, activations(member.network, image.picture, layers), strict=True
            ):
                key, peaks = (member.name, layer), given.max(axis=(0, 1))
                self._peaks[key] = np.maximum(self._peaks.get(key, peaks), peaks)
                name = names(f"{member.name}_{layer}")
                if draw:
                    sheet = channel_sheet(
                        image.turned(given),
                        strongest(given, self._channels),
                        f"{image.identifier}: {member.name}, {layer}",
                    )
                    self._write(Path("activations", image.identifier, f"{name}.png"), sheet)

    def filters(self, member: ExplainedMember) -> None:
        """Draw the patterns of the filters that responded most to the images so far."""
        names = SafeNames()
        for layer in self._layers[member.name]:
            chosen = strongest(self._peaks[member.name, layer], self._channels)
            patterns = filter_patterns(member.network, layer, chosen, self._seed)
            name, title = names(f"{member.name}_{layer}"), f"{member.name}, {layer}"
            sheet = pattern_sheet(patterns, chosen, f"{title}: what its filters respond to")
            self._write(Path("filters", f"{name}.png"), sheet)

    def _write(self, name: Path, sheet: NDArray[np.uint8]) -> None:
        self.written.append(write_png(self._folder / name, sheet))
