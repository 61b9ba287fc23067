"""Votes of Galaxy Zoo that a classifier predicts, and the classes that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..annotations.classes import GALAXY10_DECALS
from ..errors import BundleError
from ..models import Bundle
from .class_names import class_slug

if TYPE_CHECKING:
    from ..datasets.votes.vote_trees import VoteTree
    from .classifier import Classifier

__all__ = ["classes_of", "predict_votes", "vote_columns", "vote_tree"]


def vote_tree(bundle: Bundle) -> VoteTree | None:
    """Return the decision tree whose votes a bundle predicts; None if it predicts classes.

    Parameters
    ----------
    bundle : Bundle
        A classifier.

    Raises
    ------
    BundleError
        If its classes are not those that are derived from votes.
    """
    manifest = bundle.manifest
    if manifest.votes is None:
        return None
    # Imported here because other classifiers do not need pandas.
    from ..datasets.votes.vote_trees import VOTE_TREES

    if manifest.class_names != GALAXY10_DECALS:
        raise BundleError(
            f"{bundle.path}: the classes derived from votes are those of Galaxy10 DECaLS, not "
            f"{', '.join(manifest.class_names)}"
        )
    return VOTE_TREES[manifest.votes]


def classes_of(tree: VoteTree | None, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the class probabilities of the outputs of the members of a classifier.

    Parameters
    ----------
    tree : VoteTree or None
        Tree of the votes that the members predict; None if they predict classes.
    outputs : ndarray of float32, shape (M, N, A) or (M, N, C)
        Outputs of the M members for N crops.

    Returns
    -------
    ndarray of float32, shape (M, N, C)
    """
    if tree is None:
        return outputs
    return np.stack([tree.galaxy10(values) for values in outputs]).astype(np.float32)


def predict_votes(
    classifier: Classifier, crops: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Predict the votes for crops, and the class probabilities derived from them.

    Parameters
    ----------
    classifier : Classifier
        A classifier that predicts votes.
    crops : ndarray of uint8, shape (N, S, S, 3), or sequence of arrays of different S
        As in `Classifier.predict`.

    Returns
    -------
    votes : ndarray of float32, shape (N, A)
        Fraction of all volunteers who give each answer of the tree ``classifier.votes``; for
        networks with the head ``tree`` the sums of the tree hold.
    probabilities : ndarray of float32, shape (N, C)
        As from `Classifier.predict`.

    Raises
    ------
    BundleError
        If the networks predict classes.
    """
    if classifier.votes is None:
        raise BundleError(
            f"{classifier.bundle.path}: predicts classes, not the votes of Galaxy Zoo; train a "
            "classifier with 'votes', such as configs/votes.yaml"
        )
    outputs = classifier.predict_outputs(crops)
    votes = np.tensordot(classifier.weights, outputs, axes=1).astype(np.float32)
    return votes, classifier.combine(classes_of(classifier.votes, outputs))


def vote_columns(answers: Sequence[str]) -> list[str]:
    """Return the columns of a catalogue for the answers of a tree.

    Parameters
    ----------
    answers : sequence of str
        The answers, ``<question>_<answer>``.

    Examples
    --------
    >>> vote_columns(["t03_bar_a06_bar", "disk-edge-on_yes"])
    ['vote_t03_bar_a06_bar', 'vote_disk_edge_on_yes']
    """
    return [f"vote_{class_slug(answer)}" for answer in answers]
