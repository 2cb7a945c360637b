"""What the newest steps measured, where a run has steps of two kinds (`vdit.config.mixture`)."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from vdit.config import mixture


class NewestByKind:
    """The metrics of the newest step on clips, and the loss of the newest on images.

    A log line falls on a step of one kind, often always of the same. What a run that began, was
    gone on with or whose pack shrank has not had since is left out.
    """

    def __init__(self, config: ConfigDict):
        self._share, self._newest = mixture.share_of(config.data), {}

    def note(self, step: int, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
        """Takes note of the step after `step` steps; returns its metrics."""
        self._newest["last"] = metrics
        kind = "images" if mixture.is_image_step(step, self._share) else "clips"
        self._newest[kind] = metrics
        return metrics

    def row(self) -> dict[str, Any]:
        """`loss` and what comes with it of clips, `loss_images`, and whether all was finite."""
        row = dict(self._newest.get("clips", {}))
        if "images" in self._newest:
            row["loss_images"] = self._newest["images"]["loss"]
        return row | {"bad_step": self._newest["last"]["bad_step"]}
