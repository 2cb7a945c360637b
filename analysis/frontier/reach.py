"""What the minima allow: sets of laws, and of losses, that lie within reach of their noise.

Noise is Student's: what runs show (`isoflop.Noise`) pooled with the minima's scatter about the law.
The variance of a minimum is `leverage` times that of one run.
"""

import numpy as np

from analysis.engine import student
from analysis.frontier import curve

POINTS, ZOOMS = 600, 4  # of g, a closer look each time


class Line:
    """log y = height + slope (log C - centre), weighted least squares: Student's intervals."""

    def __init__(self, log_c, log_y, leverage, noise):
        w = 1 / leverage
        self.centre = log_c.mean()
        x = log_c - self.centre
        self.total, self.mean = w.sum(), (w @ x) / w.sum()
        self.square = w @ (x - self.mean) ** 2
        self.slope = w @ ((x - self.mean) * log_y) / self.square
        self.height = (w @ log_y) / self.total - self.slope * self.mean
        spare = len(x) - 2
        rss = w @ (log_y - self.height - self.slope * x) ** 2
        variance = (noise.sd**2 * noise.df + rss) / (noise.df + spare)
        self.half = student.quantile(noise.df + spare) * np.sqrt(variance)

    def slopes(self):
        """Interval of the slope."""
        half = self.half / np.sqrt(self.square)
        return [float(self.slope - half), float(self.slope + half)]

    def at(self, log_c, leverage=0.0):
        """Interval of y at log_c (M,): of the line, or of a new value of that leverage: (2, M)."""
        x = np.asarray(log_c) - self.centre
        half = self.half * np.sqrt(1 / self.total + (x - self.mean) ** 2 / self.square + leverage)
        return np.exp(self.height + self.slope * x + np.array([[-1], [1]]) * half)


class Profile:
    """E + A (C / reference)^-g with E >= 0: profile-likelihood sets.

    At a given g the law is linear in (E, A), so the values of p E + r A that the minima allow are
    an interval in closed form; over all g these make the set (Venzon and Moolgavkar, Applied
    Statistics 37, 1988). It covers where E is at its bound and where g is hardly known, which
    percentiles of resamples do not.
    """

    def __init__(self, log_c, loss, leverage, noise):
        self.centre, self.x, self.loss = log_c.mean(), log_c - log_c.mean(), loss
        self.w = 1 / (leverage * loss**2)
        df, grid = noise.df + len(loss) - 3, curve.EXPONENTS
        for _ in range(ZOOMS):
            self._scan(grid)
            variance = (noise.sd**2 * noise.df + self.least) / df
            self.limit = self.least + variance * student.quantile(df) ** 2
            at = np.flatnonzero(self.lowest <= self.limit)
            ends = np.clip([at[0] - 1, at[-1] + 1], 0, len(grid) - 1)
            grid = np.geomspace(*grid[ends], POINTS)

    def _scan(self, g):
        """Sums of squares of the best law at each g (G,): free, and with E = 0."""
        w, self.g = self.w, g
        u = np.exp(-g[:, None] * self.x)
        self.total, self.mean = w.sum(), (u @ w) / w.sum()
        centred = u - self.mean[:, None]
        self.square = centred**2 @ w
        self.A = centred @ (w * self.loss) / self.square
        self.E = (w @ self.loss) / self.total - self.A * self.mean
        self.rss = ((self.E[:, None] + self.A[:, None] * u - self.loss) ** 2) @ w
        self.square_alone = u**2 @ w
        self.A_alone = u @ (w * self.loss) / self.square_alone
        self.rss_alone = ((self.A_alone[:, None] * u - self.loss) ** 2) @ w
        free = np.where((self.E >= 0) & (self.A >= 0), self.rss, np.inf)
        self.lowest = np.minimum(free, self.rss_alone)
        self.least = self.lowest.min()

    def _set(self, p, r, extra=0.0):
        """[low, high] of p E + r A, r (G,); `extra`: variance of a new value, in units of 1 / w."""
        covariance = p / self.total - self.mean * (r - p * self.mean) / self.square
        variance = p**2 / self.total + (r - p * self.mean) ** 2 / self.square + extra
        value = p * self.E + r * self.A
        half = np.sqrt(np.maximum(self.limit - self.rss, 0) * variance)
        # Moving the value moves E along; where E would pass zero the set of this g ends.
        with np.errstate(divide="ignore", invalid="ignore"):
            end = value - self.E * variance / covariance
        low = np.where(covariance > 0, np.maximum(value - half, end), value - half)
        high = np.where(covariance < 0, np.minimum(value + half, end), value + half)
        free = (self.rss <= self.limit) & (low <= high)
        room = np.maximum(self.limit - self.rss_alone, 0)
        half = np.sqrt(room * (r**2 / self.square_alone + extra))
        alone, value = self.rss_alone <= self.limit, r * self.A_alone
        lows = np.append(low[free], (value - half)[alone])
        return [float(lows.min()), float(np.append(high[free], (value + half)[alone]).max())]

    def told_from_zero(self):
        """Whether the minima speak against E = 0."""
        return bool((self.rss_alone > self.limit).all())

    def floor(self):
        """Set of E; from 0 where it is not told from zero."""
        low, high = self._set(1.0, np.zeros_like(self.g))
        return [max(low, 0.0), high]

    def removable(self):
        """Set of A, the removable loss at the geometric mean of the compute."""
        return self._set(0.0, np.ones_like(self.g))

    def slopes(self):
        """Set of g."""
        allowed = self.g[self.lowest <= self.limit]
        return [float(allowed.min()), float(allowed.max())]

    def at(self, log_c, leverage=0.0):
        """Set of the loss at log_c (M,), the law's or of a new minimum of that leverage: (2, M)."""
        extra = leverage * self.loss[-1] ** 2
        sets = [
            self._set(1.0, np.exp(-self.g * (c - self.centre)), extra) for c in np.atleast_1d(log_c)
        ]
        return np.array(sets).T
