"""The valley of log loss about the best learning rate and batch; many cells share its shape.

    log L = level_c + u'Bu / 2 + s u_lr^3 + t u_lr u_batch^2,     u = log settings - P z_c

A cell is one size and one amount of data. Its best settings P z are a power law where z is
(1, log N, log D) (Step Law, 2503.04715), or its own where z is one-hot. Cells share the bend B and
the skew: loss climbs faster above the best rate than below it. So a cell whose best lies at the
edge of its runs still bears on the law, and so does one of few runs.

Without skew log L is linear in levels, bend and slopes, u_a z_c, and least squares give P in closed
form; from there Gauss and Newton's steps go on with it.
"""

from dataclasses import dataclass, replace

import numpy as np

from analysis.laws import shape

# Runs enter that lie this far up the valley, in log loss, or this many times the noise: by the
# fitted loss, for what is chosen by a measured one is moved by its noise.
WINDOW, REACH = 0.02, 8.0
WIDEST = float(np.log(1.3))  # a run so far above its cell's best has collapsed
ROUNDS, STEPS = 10, 20  # of choosing runs; of Gauss-Newton for the runs chosen
CONVERGED = 1e-8  # step of P, in log settings


@dataclass(frozen=True)
class Valley:
    """A fitted valley; A axes (learning rate, batch), Z numbers that say where a cell lies."""

    position: np.ndarray  # P (A, Z)
    bend: np.ndarray  # B (A, A)
    skew: np.ndarray  # (s, t), or (s,) of one axis; 0 where the runs don't tell it
    level: np.ndarray  # (C,) log loss at the bottom of each cell; NaN where no run entered
    errors: np.ndarray  # (A, Z) sd of P, for noise of sd 1
    noise: float  # sd of log loss about the valley; NaN without degrees of freedom
    df: int
    near: np.ndarray  # (R,) runs that entered
    cliff: np.ndarray  # (R,) runs left out: near by their settings, far above the valley

    @property
    def sound(self) -> bool:
        """Whether it has a bottom: loss rises from it in each direction."""
        return bool(np.linalg.eigvalsh(self.bend)[0] > 1e-9)

    @property
    def crossed(self) -> bool:
        """Whether runs tell what rate and batch do together; if not, each is best beside what the
        other was, as in a star of runs about a rule."""
        return len(self.bend) == 1 or self.bend[0, 1] != 0

    def rise(self, away: np.ndarray) -> np.ndarray:
        """Log loss above the bottom, (R,), at log settings `away` (R, A) from the best."""
        return shape.rise(away, self.bend, self.skew)


def fit(
    x: np.ndarray, y: np.ndarray, cell: np.ndarray, z: np.ndarray, near: np.ndarray | None = None
) -> Valley | None:
    """The Valley of runs with log settings x (R, A), log loss y (R,), cell (R,) from 0, z (R, Z).

    near: a mask of the runs to begin with; else those near the best run of each cell. None where
    runs have too few settings to bend in each axis. It may have no bottom: see `sound`.
    """
    window, bottom = WINDOW, lowest(y, cell)
    near = y < bottom + window if near is None else near
    before = near
    for _ in range(ROUNDS):
        found = at(x, y, cell, z, near)
        while not (found and found.sound and found.df > 0) and window < WIDEST:
            window = min(2 * window, WIDEST)
            near = y < bottom + window
            found = at(x, y, cell, z, near)
        if not (found and found.sound):
            return found
        window = max(window, REACH * np.nan_to_num(found.noise))
        found, chosen = _choose(found, x, y, cell, z, window)
        if (chosen == near).all() or (chosen == before).all():  # a run at the border comes and goes
            break
        before, near = near, chosen
    return found


def lowest(y: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """The lowest log loss of each run's cell, (R,)."""
    best = np.full(cell.max() + 1, np.inf)
    np.minimum.at(best, cell, y)
    return best[cell]


def _choose(found, x, y, cell, z, window):
    """The valley with its `cliff`, and the runs (R,) that are to enter."""
    away = x - z @ found.position.T
    rise = found.rise(away)
    within = (rise < window) & (shape.squares(away, found.bend) < 2 * window)
    level = np.where(np.isnan(found.level[cell]), lowest(y, cell), found.level[cell])
    cliff = within & (y - level - rise > window / 2)
    return replace(found, cliff=cliff), within & ~cliff


def at(
    x: np.ndarray, y: np.ndarray, cell: np.ndarray, z: np.ndarray, near: np.ndarray
) -> Valley | None:
    """The Valley of the runs `near`, a mask (R,), whatever they are; arguments as `fit`'s."""
    if not near.any():
        return None
    cells = np.arange(cell.max() + 1)[:, None] == cell[near]
    mean = cells / np.maximum(cells.sum(1, keepdims=True), 1)
    runs = _Runs(x[near], y[near], cell[near], z[near], mean)
    position = np.linalg.lstsq(runs.z, runs.x, rcond=None)[0].T
    told = shape.told(runs.away(position), runs.z, runs.cell, mean)
    if told is None:
        return None
    found = runs.square(position, told)
    for _ in range(STEPS if found.sound else 0):
        before, found = found, runs.step(found, told)
        if not found.sound or np.abs(found.position - before.position).max() < CONVERGED:
            break
    level = np.where(cells.any(1), found.level, np.nan)
    return replace(found, level=level, near=near, cliff=np.zeros(len(near), bool))


@dataclass(frozen=True)
class _Runs:
    """The runs that enter, and `mean` (C, R), whose product with values is their mean by cell."""

    x: np.ndarray
    y: np.ndarray
    cell: np.ndarray
    z: np.ndarray
    mean: np.ndarray

    def away(self, position):
        """Log settings less those at `position` (A, Z), (R, A)."""
        return self.x - self.z @ position.T

    def square(self, position, told):
        """The Valley without skew: exact, from its slopes at any `position`."""
        away = self.away(position)
        told = told & (np.arange(len(told)) < len(told) - away.shape[1])
        found = self._solve(away, told, shape.moves(away, self.z), position)
        slopes = found.position - position
        return replace(found, position=position - np.linalg.pinv(found.bend) @ slopes)

    def step(self, found, told):
        """Gauss and Newton's next Valley after `found`."""
        away = self.away(found.position)
        slopes = -shape.gradient(away, found.bend, found.skew)
        return self._solve(away, told, shape.moves(slopes, self.z), found.position)

    def _solve(self, away, told, moves, position):
        """The Valley by least squares on the columns `told` and `moves`, which move `position`."""
        design = np.hstack([shape.columns(away)[:, told], moves])
        free = design - (self.mean @ design)[self.cell]  # of the cells' levels
        inverse = np.linalg.pinv(free.T @ free, rcond=1e-12, hermitian=True)
        solved, values = inverse @ (free.T @ self.y), np.zeros(len(told))
        values[told] = solved[: told.sum()]
        level = self.mean @ (self.y - design @ solved)
        left = self.y - design @ solved - level[self.cell]
        variance = np.maximum(np.diag(inverse), 0)
        df = int(len(left) - self.mean.any(1).sum() - (variance > 0).sum())
        noise = float(np.sqrt(left @ left / df)) if df > 0 else np.nan
        step, spread = (v[told.sum() :].reshape(position.shape) for v in (solved, variance))
        return Valley(
            position + step, *shape.unpack(values), level, np.sqrt(spread), noise, df, None, None
        )
