"""Parabolas through the runs of one compute budget: the best size there, and its loss.

Approach 2 of Hoffmann et al. (2203.15556): log loss is quadratic in log size near its minimum.
"""

from dataclasses import dataclass

import numpy as np

MIN_SIZES = 3
# Few runs can agree by luck: a relative spread below this is not believed.
LEAST_NOISE = 1e-9


@dataclass(frozen=True)
class Budget:
    """The runs of one budget: K sizes with seeds averaged, and their parabola if it is sound."""

    flops: float
    sizes: np.ndarray  # (K,) ascending
    losses: np.ndarray  # (K,) mean over seeds
    counts: np.ndarray  # (K,) seeds
    best_run: str
    reason: str  # "" when the minimum lies inside, else why it was not fitted
    coefficients: np.ndarray | None  # of log loss in log(size / centre), highest power first

    @property
    def fitted(self):
        """True when the parabola has a minimum inside its sizes."""
        return not self.reason

    @property
    def centre(self):
        """Geometric mean of the sizes: where log size is counted from."""
        return float(np.exp(np.log(self.sizes).mean()))

    @property
    def minimum(self):
        """(size, loss) at the parabola's minimum, or of the best size where it was not fitted."""
        if not self.fitted:
            best = int(np.argmin(self.losses))
            return float(self.sizes[best]), float(self.losses[best])
        x, y = _lowest(self.coefficients[None], *self.span)
        return self.centre * float(np.exp(x[0])), float(np.exp(y[0]))

    @property
    def span(self):
        """Log of the smallest and the largest size, counted from the centre."""
        return np.log(self.sizes[[0, -1]] / self.centre)

    @property
    def design(self):
        """(K, 3) powers of log(size / centre)."""
        return np.vander(np.log(self.sizes / self.centre), 3)

    def curve(self, points=60):
        """(sizes, losses) along the parabola."""
        x = np.linspace(*self.span, points)
        return self.centre * np.exp(x), np.exp(np.polyval(self.coefficients, x))


def fit_budgets(table, loss, size):
    """Return one Budget for each flops_budget in `table`, ascending. `loss`, `size`: columns."""
    return [
        fit_budget(float(flops), rows[size], rows[loss], rows["run_id"])
        for flops, rows in table.groupby("flops_budget", sort=True)
    ]


def fit_budget(flops, size, loss, run_id):
    """Fit log loss = polynomial of degree 2 in log size; say why where that is not sound."""
    size, loss = np.asarray(size, float), np.asarray(loss, float)
    sizes, cell = np.unique(size, return_inverse=True)
    counts = np.bincount(cell)
    losses = np.exp(np.bincount(cell, weights=np.log(loss)) / counts)
    best_run = str(np.asarray(run_id)[np.argmin(loss)])
    coefficients = None
    if len(sizes) >= MIN_SIZES:
        x = np.log(sizes) - np.log(sizes).mean()
        # A cell of three seeds is known better than a cell of one.
        coefficients = np.polyfit(x, np.log(losses), 2, w=np.sqrt(counts))
    reason = _unsound(sizes, losses, coefficients)
    return Budget(flops, sizes, losses, counts, best_run, reason, coefficients)


def _unsound(sizes, losses, coefficients):
    if coefficients is None:
        return f"{len(sizes)} sizes, a parabola needs {MIN_SIZES}"
    best = int(np.argmin(losses))
    if best == 0:
        return "best at the smallest size: the minimum may lie below"
    if best == len(sizes) - 1:
        return "best at the largest size: the minimum may lie above"
    if coefficients[0] <= 0:
        return "the curve has no minimum (it bends down)"
    vertex = -coefficients[1] / (2 * coefficients[0])
    x = np.log(sizes) - np.log(sizes).mean()
    if not x[0] < vertex < x[-1]:
        return "the parabola's minimum lies outside its sizes"
    return ""


def _lowest(coefficients, low, high):
    """Lowest point of parabolas (R, 3) on [low, high]: x (R,), y (R,)."""
    a, b, c = coefficients.T
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = np.where(a > 0, np.clip(-b / (2 * a), low, high), np.nan)
    ends = np.stack([np.full_like(a, low), np.full_like(a, high)])
    end_values = a * ends**2 + b * ends + c
    end = np.take_along_axis(ends, end_values.argmin(0)[None], 0)[0]
    x = np.where(a > 0, vertex, end)
    return x, a * x**2 + b * x + c


@dataclass(frozen=True)
class Noise:
    """Spread of log loss between runs that differ by the seed alone, and its sources."""

    sd: float
    df: int
    seeds_sd: float | None
    seeds_df: int
    scatter_sd: float | None
    scatter_df: int

    def draw(self, rng, count):
        """`count` plausible values of the spread: it was measured from few runs, so it varies."""
        return self.sd * np.sqrt(self.df / rng.chisquare(self.df, count))


def measure_noise(table, budgets, loss, size):
    """Pool the spread between seeds with the scatter of sizes about their parabolas.

    Scatter also holds what the parabola misses, so the pooled value errs on the wide side.
    Returns None when neither was measured.
    """
    log_loss = np.log(table[loss].astype(float))
    cells = log_loss.groupby([table["flops_budget"], table[size]])
    seeds_ss = float(((log_loss - cells.transform("mean")) ** 2).sum())
    seeds_df = len(table) - cells.ngroups
    # Also of budgets whose minimum lies outside: to choose among them would bias the scatter.
    bent = [budget for budget in budgets if budget.coefficients is not None]
    scatter_ss = sum(_scatter(budget) for budget in bent)
    scatter_df = sum(len(budget.sizes) - 3 for budget in bent)
    df = seeds_df + scatter_df
    if df == 0:
        return None
    return Noise(
        sd=max(float(np.sqrt((seeds_ss + scatter_ss) / df)), LEAST_NOISE),
        df=df,
        seeds_sd=float(np.sqrt(seeds_ss / seeds_df)) if seeds_df else None,
        seeds_df=seeds_df,
        scatter_sd=float(np.sqrt(scatter_ss / scatter_df)) if scatter_df else None,
        scatter_df=scatter_df,
    )


def _scatter(budget):
    residual = np.log(budget.losses) - budget.design @ budget.coefficients
    return float((budget.counts * residual**2).sum())


def resample_minimum(budget, sd, rng):
    """Minima of the budget with noise `sd` (R,) on each run: log size (R,), log loss (R,)."""
    noise = rng.standard_normal((len(sd), len(budget.sizes)))
    noise *= sd[:, None] / np.sqrt(budget.counts)
    if not budget.fitted:
        best = int(np.argmin(budget.losses))
        size = np.full(len(sd), np.log(budget.sizes[best]))
        return size, np.log(budget.losses[best]) + noise[:, best]
    root = np.sqrt(budget.counts)[:, None]
    solve = np.linalg.pinv(budget.design * root) * root.T
    x, y = _lowest(budget.coefficients + noise @ solve.T, *budget.span)
    return x + np.log(budget.centre), y


def leverage(budget):
    """Variances of log loss and log size at the budget's minimum, in units of one run's variance.

    By the delta method at the parabola's vertex; of a best run that of its cell, and 1 for its
    size, which nothing is known of.
    """
    if not budget.fitted:
        return 1.0 / float(budget.counts[np.argmin(budget.losses)]), 1.0
    a, b, _ = budget.coefficients
    vertex = -b / (2 * a)
    loss, size = np.array([vertex**2, vertex, 1.0]), np.array([b / (2 * a**2), -1 / (2 * a), 0.0])
    inverse = np.linalg.inv(budget.design.T * budget.counts @ budget.design)
    return float(loss @ inverse @ loss), float(size @ inverse @ size)
