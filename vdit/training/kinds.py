"""What the newest steps measured, where these are of several shapes (`vdit.config.mixture`)."""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from vdit.config import mixture


class NewestByKind:
    """The metrics of the newest step on the config's own shape, and the loss of the newest on each
    of the others.

    A log line falls on a step of one shape, often always of the same. What a run that began, was
    gone on with or whose pack shrank has not had since is left out.
    """

    def __init__(self, config: ConfigDict):
        shares = mixture.shares(config) or {"": 1.0}
        self._names, self._shares = list(shares), list(shares.values())
        self._newest: dict[str, Mapping[str, Any]] = {}

    def note(self, step: int, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
        """Takes note of the step after `step` steps; returns its metrics."""
        self._last = metrics
        part, _ = mixture.turn(step, self._shares)
        self._newest[self._names[part]] = metrics
        return metrics

    def row(self) -> dict[str, Any]:
        """`loss` and what comes with it of the own shape, `loss_NAME` of the others, and whether
        all was finite."""
        own, *others = self._names
        row = dict(self._newest.get(own, {}))
        row |= {
            f"loss_{name}": self._newest[name]["loss"] for name in others if name in self._newest
        }
        return row | {"bad_step": self._last["bad_step"]}
