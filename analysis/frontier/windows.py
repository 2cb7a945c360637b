"""A law fitted with the smallest budget and without it.

The smallest budget may lie above the law that the others follow (the small-data region of
1712.00409): a law through all budgets then sees a bend, and in the bend a floor. A true floor bends
alike, and few budgets can't tell the two apart. So no window is chosen: what a law says is the even
mixture of both (Pesaran and Pick, Forecast combination across estimation windows, J. Business &
Economic Statistics 29, 2011).
"""

from dataclasses import dataclass

import numpy as np

from analysis.engine import student
from analysis.engine.student import Mixture
from analysis.frontier.posterior import Posterior
from analysis.frontier.runs import Surface

LEFT_OUT = (0, 1)  # smallest budgets, by window
DISTINCT = 3  # sizes at least: a level, a factor and a power through two are any
SAME = 1e-6  # of log compute: a budget is not told from another that is so near


Fitted = Posterior | Surface  # a law as fitted once


@dataclass(frozen=True)
class Windows:
    """One law as fitted to each window, each weighing alike: `parts`, first of the most budgets.

    `since`: log compute of the smallest budget of each.
    """

    parts: tuple[Fitted, ...]
    since: tuple[float, ...]

    @property
    def whole(self) -> Fitted:
        """The law through the most budgets."""
        return self.parts[0]

    def alone(self, part: int) -> "Windows":
        """The law as fitted to one window, by its number."""
        return Windows((self.parts[part],), (self.since[part],))

    def tells(self, log_c: float) -> bool:
        """Whether the law through the most budgets is told by its runs, and says anything there."""
        law = self.whole
        return not isinstance(law, Surface) or (len(law.sizes) >= DISTINCT and law.tells(log_c))

    def value(self, log_c: float) -> float:
        """Log loss, the mean of the windows'."""
        return float(np.mean([part.value(log_c) for part in self.parts]))

    def at(self, log_c: float, variance: float = 0.0) -> Mixture:
        """Of log loss: the law's, or of a minimum whose log has that `variance`."""
        return self._mixed([part.at(log_c, variance) for part in self.parts])

    def fall(self, low: float, high: float) -> Mixture:
        """Of log loss at log compute `low` over that at `high`.

        By the windows that reach down to `low`: of others that is no measured range.
        """
        told = [p for p, at in zip(self.parts, self.since, strict=True) if at <= low + SAME]
        return self._mixed([part.fall(low, high) for part in told or [self.whole]])

    def _mixed(self, said):
        return student.stack([1 / len(said)] * len(said), said)
