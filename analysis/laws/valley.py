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

# Runs enter that lie this far up the valley, in log loss, or this many times the noise: by the
# fitted loss, for what is chosen by a measured one is moved by its noise.
WINDOW, REACH = 0.02, 8.0
WIDEST = float(np.log(1.3))  # a run so far above its cell's best has collapsed
ROUNDS, STEPS = 10, 20  # of choosing runs; of Gauss-Newton for the runs chosen
TOLD = 0.3  # of a column, settings in units of their spread, that others must leave it
CONVERGED = 1e-8  # step of P, in log settings
SAME = 1e-3  # settings whose logs differ by less are one setting


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
        return self.square(away) + _cubes(away) @ self.skew

    def square(self, away: np.ndarray) -> np.ndarray:
        """What the bend alone adds, (R,)."""
        return 0.5 * np.einsum("ra,ab,rb->r", away, self.bend, away)


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
    within = (rise < window) & (found.square(away) < 2 * window)
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
    x, y, cell, z = x[near], y[near], cell[near], z[near]
    position = np.linalg.lstsq(z, x, rcond=None)[0].T
    told = _told(x - z @ position.T, cell, z, mean)
    if told is None:
        return None
    square = told & (np.arange(len(told)) < len(told) - x.shape[1])
    bend, skew, slopes, *rest = _solve(x - z @ position.T, y, cell, z, mean, square)
    position = position - np.linalg.pinv(bend) @ slopes
    for _ in range(STEPS):
        if np.linalg.eigvalsh(bend)[0] <= 0:
            break
        slope = bend, skew
        bend, skew, move, *rest = _solve(x - z @ position.T, y, cell, z, mean, told, slope)
        position = position + move
        if np.abs(move).max() < CONVERGED:
            break
    left, level, variance = rest
    level = np.where(cells.any(1), level, np.nan)
    df = int(len(y) - cells.any(1).sum() - (variance > 0).sum())
    noise = float(np.sqrt(left @ left / df)) if df > 0 else np.nan
    errors = np.sqrt(variance[-position.size :]).reshape(position.shape)
    return Valley(position, bend, skew, level, errors, noise, df, near, np.zeros(len(near), bool))


def _solve(away, y, cell, z, mean, told, slope=None):
    """Least squares at `away` (R, A) of the shape's columns `told` and one for each number of P.

    Returns bend, skew, the step of P (while no `slope`, (bend, skew), is known: slopes), what is
    left (R,), levels (C,) and the coefficients' variances for noise of variance 1.
    """
    moves = _moves(away if slope is None else -_gradient(away, *slope), z)
    design = np.hstack([np.hstack([_squares(away), _cubes(away)])[:, told], moves])
    free = design - (mean @ design)[cell]  # of the cells' levels
    inverse = np.linalg.pinv(free.T @ free, rcond=1e-12, hermitian=True)
    solved = inverse @ (free.T @ y)
    left = y - design @ solved
    level = mean @ left
    shape = np.zeros(len(told))
    shape[told] = solved[: told.sum()]
    step = solved[told.sum() :].reshape(away.shape[1], z.shape[1])
    return *_shape(shape), step, left - level[cell], level, np.maximum(np.diag(inverse), 0)


def _squares(away):
    """Columns of B: u1^2 / 2, and with two axes u2^2 / 2 and u1 u2; (R, 1) or (R, 3)."""
    return np.hstack([away * away / 2, away[:, :1] * away[:, 1:]])


def _cubes(away):
    """Columns of the skew: u1^3, and with two axes u1 u2^2; (R, 1) or (R, 2)."""
    return away[:, :1] * away * away


def _gradient(away, bend, skew):
    """Slope of log loss in each axis, (R, A)."""
    first = away[:, :1]  # of the learning rate, whose cube is s u1^3 and t u1 u2^2
    cubic = 2 * skew * first * away
    cubic[:, 0] += away * away @ skew
    return away @ bend + cubic


def _shape(values):
    """Bend and skew from their coefficients, of one axis or two."""
    if len(values) == 2:
        return values[:1, None], values[1:]
    return np.array([[values[0], values[2]], [values[2], values[1]]]), values[3:]


def _moves(slopes, z):
    """Columns of P: slopes (R, A) in each axis times each number of z; (R, A Z)."""
    return np.einsum("ra,rz->raz", slopes, z).reshape(len(z), -1)


def _told(away, cell, z, mean):
    """Which columns of the shape runs tell apart, by what each adds to those before and to levels
    and slopes, which can be anything; None where not even the squares."""
    away = away / np.maximum(np.std(away - (mean @ away)[cell], axis=0), SAME)
    columns = np.hstack([_moves(away, z), _squares(away), _cubes(away)])
    columns = columns - (mean @ columns)[cell]
    slopes, axes = away.shape[1] * z.shape[1], away.shape[1]
    adds = np.zeros(columns.shape[1])
    triangle = np.abs(np.diag(np.linalg.qr(columns, mode="r")))
    adds[: len(triangle)] = triangle
    told = adds[slopes:] > TOLD * np.sqrt(len(columns))
    spare = len(columns) - mean.any(1).sum() - slopes - axes
    told[axes:] &= spare > np.arange(1, 1 + len(told) - axes)  # which leave a degree of freedom
    return told if told[:axes].all() else None
