"""The decision tree of Galaxy Zoo 2, after Willett et al. (2013, MNRAS 435, 2835), table 2."""

from __future__ import annotations

from .tree import Tree, tree_of

__all__ = ["GZ2_TREE"]

_ODD = "t06_odd"

GZ2_TREE: Tree = tree_of(
    (
        "t01_smooth_or_features",
        "Is the galaxy simply smooth and rounded, with no sign of a disk?",
        {
            "a01_smooth": "t07_rounded",
            "a02_features_or_disk": "t02_edgeon",
            "a03_star_or_artifact": None,
        },
    ),
    (
        "t02_edgeon",
        "Could this be a disk viewed edge-on?",
        {
            "a04_yes": "t09_bulge_shape",
            "a05_no": "t03_bar",
        },
    ),
    (
        "t03_bar",
        "Is there a sign of a bar feature through the centre?",
        {
            "a06_bar": "t04_spiral",
            "a07_no_bar": "t04_spiral",
        },
    ),
    (
        "t04_spiral",
        "Is there any sign of a spiral arm pattern?",
        {
            "a08_spiral": "t10_arms_winding",
            "a09_no_spiral": "t05_bulge_prominence",
        },
    ),
    (
        "t05_bulge_prominence",
        "How prominent is the central bulge, compared with the rest of the galaxy?",
        {
            "a10_no_bulge": _ODD,
            "a11_just_noticeable": _ODD,
            "a12_obvious": _ODD,
            "a13_dominant": _ODD,
        },
    ),
    (
        _ODD,
        "Is there anything odd?",
        {
            "a14_yes": "t08_odd_feature",
            "a15_no": None,
        },
    ),
    (
        "t07_rounded",
        "How rounded is it?",
        {
            "a16_completely_round": _ODD,
            "a17_in_between": _ODD,
            "a18_cigar_shaped": _ODD,
        },
    ),
    (
        "t08_odd_feature",
        "What is the odd feature?",
        {
            "a19_ring": None,
            "a20_lens_or_arc": None,
            "a21_disturbed": None,
            "a22_irregular": None,
            "a23_other": None,
            "a24_merger": None,
            "a38_dust_lane": None,
        },
    ),
    (
        "t09_bulge_shape",
        "Does the galaxy have a bulge at its centre, and of what shape?",
        {
            "a25_rounded": _ODD,
            "a26_boxy": _ODD,
            "a27_no_bulge": _ODD,
        },
    ),
    (
        "t10_arms_winding",
        "How tightly wound do the spiral arms appear?",
        {
            "a28_tight": "t11_arms_number",
            "a29_medium": "t11_arms_number",
            "a30_loose": "t11_arms_number",
        },
    ),
    (
        "t11_arms_number",
        "How many spiral arms are there?",
        {
            "a31_1": "t05_bulge_prominence",
            "a32_2": "t05_bulge_prominence",
            "a33_3": "t05_bulge_prominence",
            "a34_4": "t05_bulge_prominence",
            "a36_more_than_4": "t05_bulge_prominence",
            "a37_cant_tell": "t05_bulge_prominence",
        },
    ),
)
"""The eleven questions of Galaxy Zoo 2 by name; the first is ``t01_smooth_or_features``."""
