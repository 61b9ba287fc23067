"""Classifier of a model bundle: one network or a weighted ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..default_models import DEFAULT_CLASSIFIER
from ..errors import BundleError
from ..imaging import FieldLike, cut_crop, read_rgb, remove_sky
from ..models import Bundle, ModelLike
from ..models.litert import LiteRTNetwork
from ..models.manifest import DEFAULT_CROP_MARGIN, ModelIdentity
from .crops import resize_crops
from .find import find_classifier
from .priors import Prior, adjust_to_priors, resolve_prior
from .votes import classes_of, vote_tree

if TYPE_CHECKING:
    pass

__all__ = ["BATCH", "Classifier", "cached_classifier", "load_classifier", "open_classifier"]

BATCH = 16
"""Batch size at which VGG16 with dynamic int8 quantization is fastest, measured."""


class Classifier:
    """Classifier of galaxies, from a model bundle.

    Classifiers are pickled as their path and options, and opened again in a worker process.

    Parameters
    ----------
    bundle : Bundle
        A bundle whose task is ``classifier``.

    Attributes
    ----------
    class_names : tuple of str
        The C classes, in order.
    input_size : int
        Side of the input crops, in pixels.
    crop_margin : float
        Ratio of the side of a crop to the longer side of its box, as in the training.
    stretch : Stretch
        Stretch of fields that are not RGB images.
    member_names : tuple of str
        Names of the M networks.
    test_time_augmentation : bool
        Whether predictions are the mean over the eight flips and quarter turns of a crop.
    votes : VoteTree or None
        Decision tree of Galaxy Zoo whose votes the networks predict; None if they predict classes.

    Raises
    ------
    BundleError
        If the bundle is not a classifier, is altered, or a network does not match the manifest.
    """

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        if manifest.task != "classifier":
            raise BundleError(f"{bundle.path}: is a {manifest.task}, not a classifier")
        self.bundle = bundle
        self.class_names = manifest.class_names
        self.input_size = manifest.input_size
        self.crop_margin = manifest.crop_margin or DEFAULT_CROP_MARGIN
        self.stretch = manifest.stretch
        self._sky_removed = manifest.sky == "removed"
        self.member_names = tuple(member.name for member in manifest.members)
        self._prior: NDArray[np.float64] | None = None
        self.test_time_augmentation = manifest.test_time_augmentation
        self.votes = vote_tree(bundle)
        weights = np.array([member.weight for member in manifest.members])
        self._weights = weights / weights.sum()
        self._networks = []
        for member in manifest.members:
            try:
                network = LiteRTNetwork(bundle.read(member.file), member.scaling)
            except (ValueError, RuntimeError) as error:
                raise BundleError(
                    f"{bundle.path}: '{member.file}' cannot be run: {error}"
                ) from error
            if network.input_size != self.input_size:
                raise BundleError(
                    f"{bundle.path}: '{member.file}' takes {network.input_size} pixels, "
                    f"not {self.input_size} as in the manifest"
                )
            self._networks.append(network)

    @property
    def identity(self) -> ModelIdentity:
        """Name, path and checksums of the model."""
        return self.bundle.identity

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weights of the networks in the mean, summing to 1, shape (M,)."""
        return np.array(self._weights)

    @property
    def priors(self) -> NDArray[np.float64] | None:
        """Class frequencies that the probabilities assume; None if the bundle records none."""
        if self._prior is not None:
            return self._prior
        recorded = self.bundle.manifest.priors
        return None if recorded is None else np.array(recorded)

    def predict(
        self, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Predict the class probabilities of crops.

        Parameters
        ----------
        crops : ndarray of uint8, shape (N, S, S, 3), or sequence of arrays of different S
            Square RGB crops with the galaxy at the centre; resized to the input size.

        Returns
        -------
        ndarray of float32, shape (N, C)
            Probabilities over `class_names`, summing to 1; derived from the votes if the networks
            predict these.

        Examples
        --------
        >>> import numpy as np
        >>> import galpipe
        >>> classifier = galpipe.load_classifier("galaxy10_cnn")
        >>> y, x = np.mgrid[:80, :80] - 39.5
        >>> disc = 220 * np.exp(-np.hypot(x, y) / 10)
        >>> crop = np.repeat(disc[..., None], 3, axis=2).astype(np.uint8)
        >>> probabilities = classifier.predict([crop])
        >>> probabilities.shape == (1, len(classifier.class_names))
        True
        """
        return self.combine(self.predict_members(crops))

    def predict_members(
        self, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Predict the class probabilities of crops with each member, without calibration.

        Parameters
        ----------
        crops : ndarray of uint8, shape (N, S, S, 3), or sequence of arrays of different S
            As in `predict`.

        Returns
        -------
        ndarray of float32, shape (M, N, C)
        """
        return classes_of(self.votes, self.predict_outputs(crops))

    def predict_outputs(
        self, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return the outputs of each member, (M, N, C), or (M, N, A) if these are votes.

        Parameters
        ----------
        crops : ndarray of uint8, shape (N, S, S, 3), or sequence of arrays of different S
            As in `predict`.
        """
        resized = resize_crops(crops, self.input_size)
        if self._sky_removed:
            resized = remove_sky(resized)
        if not self.test_time_augmentation:
            return self._run(resized)
        views = [
            np.rot90(flipped, turns, axes=(1, 2))
            for flipped in (resized, resized[:, ::-1])
            for turns in range(4)
        ]
        return np.asarray(
            np.mean([self._run(np.ascontiguousarray(view)) for view in views], axis=0)
        )

    def combine(self, members: NDArray[np.float32]) -> NDArray[np.float32]:
        """Combine the probabilities of the members to those of the classifier.

        Their weighted mean is calibrated as the manifest says, and re-weighted for other class
        frequencies if there are any.

        Parameters
        ----------
        members : ndarray of float32, shape (M, N, C)
            Probabilities of each member.

        Returns
        -------
        ndarray of float32, shape (N, C)
        """
        manifest = self.bundle.manifest
        mean = np.tensordot(self._weights, members, axes=1)
        if manifest.calibration is not None:
            mean = manifest.calibration.calibrate(mean)
        if self._prior is not None and manifest.priors is not None:
            mean = adjust_to_priors(mean, self._prior, manifest.priors)
        return mean.astype(np.float32)

    def with_options(
        self, *, prior: Prior | None = None, test_time_augmentation: bool | None = None
    ) -> Classifier:
        """Return a classifier of the same networks with other options.

        Parameters
        ----------
        prior : str, Path or mapping of str to float, optional
            Class frequencies to re-weight the probabilities for: ``"uniform"``, ``"survey"``, a
            file, or frequencies by class, as in `galpipe.classification.priors.resolve_prior`; by
            default unchanged.
        test_time_augmentation : bool, optional
            Predict the mean over the eight flips and quarter turns of a crop, which takes eight
            times as long; by default unchanged.

        Raises
        ------
        BundleError
            If the bundle does not record the class frequencies that its probabilities assume.
        ConfigError, InputError
            If the prior is missing, cannot be read, or is not for these classes.
        """
        # Not `copy`, which would open the networks again.
        changed = object.__new__(type(self))
        changed.__dict__.update(self.__dict__)
        if prior is not None:
            if self.bundle.manifest.priors is None:
                raise BundleError(
                    f"{self.bundle.path}: does not record the class frequencies that its "
                    "probabilities assume, so they cannot be re-weighted for a prior; run 'galpipe "
                    "models calibrate' on it, or train it again"
                )
            changed._prior = resolve_prior(prior, self.class_names)
        if test_time_augmentation is not None:
            changed.test_time_augmentation = test_time_augmentation
        return changed

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON-serialisable content of a record: model, class frequencies, options."""
        named = None if self.priors is None else self.priors.round(6).tolist()
        return self.identity.as_dict() | {
            "priors": named and dict(zip(self.class_names, named, strict=True)),
            "test_time_augmentation": self.test_time_augmentation,
            **({} if self.votes is None else {"votes": self.bundle.manifest.votes}),
        }

    def classify(
        self, field: FieldLike, boxes: ArrayLike, margin: float | None = None
    ) -> NDArray[np.float32]:
        """Predict the class probabilities of the galaxies of a field.

        Parameters
        ----------
        field : Field, ndarray, str, Path, HDU or NDData
            A field, or anything that `galpipe.read_field` accepts.  An RGB array of uint8, shape
            (H, W, 3), is used unchanged; other images are stretched with `stretch`.
        boxes : array_like, shape (N, 4)
            ``xmin, ymin, xmax, ymax`` of each galaxy (pixel edges, 0-based, half-open).
        margin : float, optional
            Ratio of the side of a crop to the longer side of its box; by default `crop_margin`.

        Returns
        -------
        ndarray of float32, shape (N, C)
            Probabilities over `class_names`, summing to 1.

        Raises
        ------
        InputError
            If the field cannot be read.
        ValueError
            If a box is entirely outside the field.

        Examples
        --------
        >>> import numpy as np
        >>> import galpipe
        >>> classifier = galpipe.load_classifier("galaxy10_cnn")
        >>> sky = np.random.default_rng(0).normal(100, 5, (200, 300))
        >>> probabilities = classifier.classify(sky, [[20, 30, 60, 70], [150, 90, 180, 110]])
        >>> probabilities.shape == (2, len(classifier.class_names))
        True
        """
        rgb = read_rgb(field, self.stretch)
        margin = self.crop_margin if margin is None else margin
        rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        return self.predict([cut_crop(rgb, box, margin) for box in rows])

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run each member on crops of the input size."""
        width = len(self.class_names if self.votes is None else self.votes.answers)
        result = np.empty((len(self._networks), len(crops), width), np.float32)
        for row, network in zip(result, self._networks, strict=True):
            for start in range(0, len(crops), BATCH):
                (probabilities,) = network.run(crops[start : start + BATCH])
                row[start : start + BATCH] = probabilities
        return result

    def __reduce__(self) -> tuple[Callable[..., Classifier], tuple[Any, ...]]:
        prior = None if self._prior is None else tuple(self._prior.tolist())
        return _reopen, (str(self.bundle.path.absolute()), prior, self.test_time_augmentation)


def load_classifier(
    name_or_path: ModelLike = DEFAULT_CLASSIFIER,
    *,
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
) -> Classifier:
    """Open a classifier.

    Parameters
    ----------
    name_or_path : str, Path or Bundle
        Name of a shipped model; a bundle, its folder or a ``.zip`` of it; or a ``.keras`` or
        ``.h5`` file of another program with its description beside it (needs TensorFlow).
    prior : str, Path or mapping of str to float, optional
        Class frequencies of your galaxies, for which probabilities are re-weighted: ``"uniform"``,
        ``"survey"``, a file, or frequencies by class, as in `Classifier.with_options`; by default
        those of the training.
    test_time_augmentation : bool, optional
        Predict the mean over the eight flips and quarter turns of a crop, which takes eight times
        as long; by default as the model was calibrated.

    Returns
    -------
    Classifier
        Call its ``predict`` with crops, or its ``classify`` with a field and boxes.

    Raises
    ------
    BundleError
        If the bundle is missing, altered or not a classifier, or does not record the class
        frequencies that a `prior` replaces.
    ConfigError, InputError
        If the prior is missing, cannot be read, or is not for the classes of the model.

    Examples
    --------
    >>> import galpipe
    >>> galpipe.load_classifier("galaxy10_cnn").class_names[:2]
    ('Disturbed Galaxies', 'Merging Galaxies')
    """
    return Classifier(find_classifier(name_or_path)).with_options(
        prior=prior, test_time_augmentation=test_time_augmentation
    )


def open_classifier(
    model: Classifier | ModelLike,
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
) -> Classifier:
    """Return a classifier with options, opening it if `model` is a bundle, name or path.

    Parameters
    ----------
    model : Classifier, Bundle, str or Path
        A classifier, or a bundle, name or path as in `load_classifier`.
    prior, test_time_augmentation : optional
        As in `Classifier.with_options`.
    """
    opened = load_classifier(model) if isinstance(model, Bundle | str | Path) else model
    return opened.with_options(prior=prior, test_time_augmentation=test_time_augmentation)


@lru_cache(maxsize=4)
def cached_classifier(name_or_path: str) -> Classifier:
    """Open a classifier, cached per process.

    Parameters
    ----------
    name_or_path : str
        As in `load_classifier`.
    """
    return load_classifier(name_or_path)


def _reopen(
    path: str, frequencies: tuple[float, ...] | None, test_time_augmentation: bool
) -> Classifier:
    """Open a pickled classifier."""
    opened = cached_classifier(path)
    prior = None
    if frequencies is not None:
        prior = dict(zip(opened.class_names, frequencies, strict=True))
    return opened.with_options(prior=prior, test_time_augmentation=test_time_augmentation)
