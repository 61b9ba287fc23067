"""Registry of the detector architectures that can be trained."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ARCHITECTURES", "Architecture"]


@dataclass(frozen=True)
class Architecture:
    """A detector architecture.

    Attributes
    ----------
    title : str
        Description for the model card.
    module : str
        Module of :mod:`galpipe.detection.training` whose ``set_architecture`` configures the
        RetinaNet of TF-Vision.
    backbone : str
        Network of ``keras.applications`` whose ImageNet weights fit the backbone.
    first_levels : range, optional
        Pyramid levels at which the anchors may begin; any by default.
    fewest_levels : int
        Smallest number of pyramid levels.
    """

    title: str
    module: str
    backbone: str
    first_levels: range | None = None
    fewest_levels: int = 1

    def takes_levels(self, first: int, last: int) -> bool:
        """Return whether the pyramid can have these levels.

        Parameters
        ----------
        first, last : int
            ``min_level`` and ``max_level`` of the anchors.
        """
        begins = self.first_levels is None or first in self.first_levels
        return begins and last - first + 1 >= self.fewest_levels


def _efficientdet(number: int, repeats: str) -> Architecture:
    """Return EfficientDet-D0 to D2 (Tan, Pang and Le 2020, arXiv:1911.09070)."""
    return Architecture(
        title=f"EfficientNet-B{number} with a {repeats} BiFPN (EfficientDet-D{number})",
        module="efficientdet",
        backbone=f"EfficientNetB{number}",
        first_levels=range(2, 6),
        fewest_levels=2,
    )


ARCHITECTURES = {
    "ssd_mobilenet": Architecture(
        title="MobileNetV2 with a feature pyramid and shared heads of separable convolutions "
        "(SSD-MobileNetV2-FPNLite)",
        module="ssd_mobilenet",
        backbone="MobileNetV2",
    ),
    "efficientdet_d0": _efficientdet(0, "three-fold"),
    "efficientdet_d1": _efficientdet(1, "four-fold"),
    "efficientdet_d2": _efficientdet(2, "five-fold"),
}
