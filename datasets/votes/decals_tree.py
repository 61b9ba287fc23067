"""The decision trees of Galaxy Zoo DECaLS, and how their answers are called in Galaxy Zoo 2.

The trees are those of Walmsley et al. (2022, MNRAS 509, 3966, figures of the trees); the columns
are those of their catalogues of volunteers' votes (Zenodo 4573248).  The campaign GZD-5
asked for weak bars, five sizes of bulge and four degrees of merging; GZD-1 and GZD-2 had asked the
question of Galaxy Zoo 2 on bars, three sizes of bulge and of tidal debris.
"""

from __future__ import annotations

from collections.abc import Mapping

from .tree import Tree, tree_of

__all__ = ["GZD_1_2_AS_GZ2", "GZD_1_2_TREE", "GZD_5_AS_GZ2", "GZD_5_TREE"]

_SMOOTH = "Is the galaxy simply smooth and rounded, with no sign of a disk?"
_EDGE_ON = "Could this be a disk viewed edge-on?"
_BAR = "Is there a sign of a bar feature through the centre of the galaxy?"
_ARMS = "Is there any sign of a spiral arm pattern?"
_WINDING = "How tightly wound do the spiral arms appear?"
_COUNT = "How many spiral arms are there?"
_BULGE = "How prominent is the central bulge, compared with the rest of the galaxy?"
_BULGE_SHAPE = "Does the galaxy have a bulge at its centre? If so, what shape?"
_ROUNDED = "How rounded is it?"

GZD_5_TREE: Tree = tree_of(
    (
        "smooth-or-featured",
        _SMOOTH,
        {"smooth": "how-rounded", "featured-or-disk": "disk-edge-on", "artifact": None},
    ),
    ("disk-edge-on", _EDGE_ON, {"yes": "edge-on-bulge", "no": "bar"}),
    (
        "bar",
        _BAR,
        {"strong": "has-spiral-arms", "weak": "has-spiral-arms", "no": "has-spiral-arms"},
    ),
    ("has-spiral-arms", _ARMS, {"yes": "spiral-winding", "no": "bulge-size"}),
    ("spiral-winding", _WINDING, dict.fromkeys(("tight", "medium", "loose"), "spiral-arm-count")),
    (
        "spiral-arm-count",
        _COUNT,
        dict.fromkeys(("1", "2", "3", "4", "more-than-4", "cant-tell"), "bulge-size"),
    ),
    (
        "bulge-size",
        _BULGE,
        dict.fromkeys(("dominant", "large", "moderate", "small", "none"), "merging"),
    ),
    ("how-rounded", _ROUNDED, dict.fromkeys(("round", "in-between", "cigar-shaped"), "merging")),
    ("edge-on-bulge", _BULGE_SHAPE, dict.fromkeys(("boxy", "none", "rounded"), "merging")),
    (
        "merging",
        "Is the galaxy currently merging, or is there any sign of disturbance?",
        dict.fromkeys(("none", "minor-disturbance", "major-disturbance", "merger")),
    ),
)
"""The ten questions of GZD-5 by name; the first is ``smooth-or-featured``."""

GZD_1_2_TREE: Tree = {
    **GZD_5_TREE,
    **tree_of(
        ("bar", _BAR, dict.fromkeys(("yes", "no"), "has-spiral-arms")),
        (
            "spiral-arm-count",
            _COUNT,
            dict.fromkeys(("1", "2", "3", "4", "more-than-4"), "bulge-size"),
        ),
        ("bulge-size", _BULGE, dict.fromkeys(("dominant", "obvious", "none"), "merging")),
        (
            "how-rounded",
            _ROUNDED,
            dict.fromkeys(("completely", "in-between", "cigar-shaped"), "merging"),
        ),
        (
            "merging",
            "Is the galaxy currently merging, or is there any sign of tidal debris?",
            dict.fromkeys(("merger", "tidal-debris", "both", "neither")),
        ),
    ),
}
"""The ten questions of GZD-1 and GZD-2 by name; the first is ``smooth-or-featured``."""

_COMMON_AS_GZ2: Mapping[str, tuple[str, ...]] = {
    "t01_smooth_or_features_a01_smooth": ("smooth-or-featured_smooth",),
    "t01_smooth_or_features_a02_features_or_disk": ("smooth-or-featured_featured-or-disk",),
    "t01_smooth_or_features_a03_star_or_artifact": ("smooth-or-featured_artifact",),
    "t02_edgeon_a04_yes": ("disk-edge-on_yes",),
    "t02_edgeon_a05_no": ("disk-edge-on_no",),
    "t03_bar_a07_no_bar": ("bar_no",),
    "t04_spiral_a08_spiral": ("has-spiral-arms_yes",),
    "t04_spiral_a09_no_spiral": ("has-spiral-arms_no",),
    "t07_rounded_a17_in_between": ("how-rounded_in-between",),
    "t07_rounded_a18_cigar_shaped": ("how-rounded_cigar-shaped",),
    "t09_bulge_shape_a25_rounded": ("edge-on-bulge_rounded",),
    "t09_bulge_shape_a26_boxy": ("edge-on-bulge_boxy",),
    "t09_bulge_shape_a27_no_bulge": ("edge-on-bulge_none",),
    "t10_arms_winding_a28_tight": ("spiral-winding_tight",),
    "t10_arms_winding_a29_medium": ("spiral-winding_medium",),
    "t10_arms_winding_a30_loose": ("spiral-winding_loose",),
    # Galaxy Zoo DECaLS asks for these in check boxes that its tables leave out.
    "t08_odd_feature_a19_ring": (),
    "t08_odd_feature_a20_lens_or_arc": (),
    "t08_odd_feature_a22_irregular": (),
    "t08_odd_feature_a23_other": (),
    "t08_odd_feature_a38_dust_lane": (),
}

GZD_5_AS_GZ2: Mapping[str, tuple[str, ...]] = {
    **_COMMON_AS_GZ2,
    "t03_bar_a06_bar": ("bar_strong", "bar_weak"),
    "t07_rounded_a16_completely_round": ("how-rounded_round",),
    # Minor disturbances are common, and no class is meant for them.
    "t06_odd_a14_yes": ("merging_major-disturbance", "merging_merger"),
    "t06_odd_a15_no": ("merging_none", "merging_minor-disturbance"),
    "t08_odd_feature_a21_disturbed": ("merging_major-disturbance",),
    "t08_odd_feature_a24_merger": ("merging_merger",),
}
"""Answers of `GZD_5_TREE` (none, one or several together) that mean an answer of `GZ2_TREE`.

The size of the bulge and the number of arms, which no class asks for, are left out.
"""

GZD_1_2_AS_GZ2: Mapping[str, tuple[str, ...]] = {
    **_COMMON_AS_GZ2,
    "t03_bar_a06_bar": ("bar_yes",),
    "t07_rounded_a16_completely_round": ("how-rounded_completely",),
    "t06_odd_a14_yes": ("merging_merger", "merging_tidal-debris", "merging_both"),
    "t06_odd_a15_no": ("merging_neither",),
    "t08_odd_feature_a21_disturbed": ("merging_tidal-debris",),
    "t08_odd_feature_a24_merger": ("merging_merger", "merging_both"),
}
"""The same of `GZD_1_2_TREE`."""
