"""The best learning rate and batch of one model and one amount of data, from runs about it.

Near its minimum log loss is quadratic in (log lr, log batch). A stationary point that is no minimum
is never an optimum, nor is one outside the runs; which terms the runs can tell apart decides
the surface: all six, no product of lr and batch (a star of runs), or a parabola in one of them.
"""

from dataclasses import dataclass

import numpy as np

from analysis.engine import student

AXES = ("lr", "batch")
SAME = 1e-3  # settings whose logs differ by less are one setting


@dataclass(frozen=True)
class Cell:
    """Runs of one size and one amount of data. `optimum` and `sd` are in logs, by axis."""

    where: dict  # of inputs, such as {"params": 1e9, "tokens": 4e9}
    rows: int
    axes: tuple  # that vary: ("lr", "batch"), ("lr",), ("batch",), ()
    reason: str  # "" when the optimum lies inside the runs
    optimum: dict  # log of the best setting by axis; {} without a minimum inside
    slope: dict  # how log residuals move it by axis: sd of the optimum over sd of log loss
    best: dict  # the best run's setting by axis
    rest: float  # sum of squares of log loss about the surface
    df: int

    def as_dict(self, noise=None):
        """For JSON; with `noise`, sd of log loss and its df, intervals of the optimum."""
        found = {**self.where, "rows": self.rows, "status": self.reason or "inside"}
        found |= {f"best_run_{axis}": value for axis, value in self.best.items()}
        for axis, value in self.optimum.items():
            found[axis] = float(np.exp(value))
            if noise:
                spread = noise[0] * self.slope[axis] * student.quantile(noise[1])
                found[f"{axis}_interval"] = np.exp([value - spread, value + spread]).tolist()
        return found


def fit(where, lr, batch, loss):
    """The Cell of runs (R,) with settings lr, batch and `loss`."""
    settings = np.log(np.stack([np.asarray(lr, float), np.asarray(batch, float)]))
    y = np.log(np.asarray(loss, float))
    varying = [i for i in range(2) if np.ptp(settings[i]) > SAME]
    axes = tuple(AXES[i] for i in varying)
    x = settings[varying]
    lowest = x[:, np.argmin(y)]
    best = {axis: float(np.exp(value)) for axis, value in zip(axes, lowest, strict=True)}

    def cell(reason, optimum=(), slope=(), rest=0.0, df=0):
        by_axis = (dict(zip(axes[: len(p)], map(float, p), strict=True)) for p in (optimum, slope))
        return Cell(where, len(y), axes, reason, *by_axis, best, rest, df)

    if not axes:
        return cell("no sweep: one learning rate and one batch")
    centre = x.mean(1)
    design = _design(x - centre[:, None])
    if design is None:
        return cell(f"no surface: too few settings of {' and '.join(axes)} to bend in each")
    coefficients = np.linalg.lstsq(design, y, rcond=None)[0]
    rest, df = float(((y - design @ coefficients) ** 2).sum()), len(y) - design.shape[1]
    point, slope = _stationary(coefficients, design, len(axes))
    reason = _unsound(point, x - centre[:, None], axes)
    if not reason and df == 0:
        reason = _unchecked(lowest, x, axes)
    if reason:
        return cell(reason, rest=rest, df=df)
    return cell("", point + centre, slope, rest, df)


def alone(where, lr, batch, loss):
    """{axis: Cell} of the runs that differ in one axis alone, where the most do.

    What remains to be said where both together have no optimum inside the runs.
    """
    settings = {"lr": np.asarray(lr, float), "batch": np.asarray(batch, float)}
    loss, found = np.asarray(loss, float), {}
    for axis, other in (AXES, AXES[::-1]):
        steps = np.round(np.log(settings[other]) / SAME)
        lines = [steps == step for step in np.unique(steps)]
        line = max(
            lines, key=lambda rows: (len(np.unique(settings[axis][rows])), -loss[rows].min())
        )
        at = {**where, other: float(np.median(settings[other][line]))}
        found[axis] = fit(at, settings["lr"][line], settings["batch"][line], loss[line])
    return found


def _design(x):
    """Columns 1, x_i, x_i^2 and x_1 x_2 where the runs tell it; None where not even the squares."""
    columns = [np.ones(x.shape[1]), *x, *(x**2)]
    for extra in ([x[0] * x[1]] if len(x) == 2 else [], []):
        design = np.stack(columns + extra, axis=1)
        scaled = design / np.maximum(np.linalg.norm(design, axis=0), 1e-300)
        if len(scaled) >= design.shape[1] == np.linalg.matrix_rank(scaled, tol=1e-6):
            return design
    return None


def _stationary(coefficients, design, axes):
    """Where the surface is level, None where that is no minimum; its slope in the residuals."""
    gradient = coefficients[1 : 1 + axes]
    hessian = np.diag(2 * coefficients[1 + axes : 1 + 2 * axes])
    if len(coefficients) == 6:
        hessian[0, 1] = hessian[1, 0] = coefficients[5]
    if np.linalg.eigvalsh(hessian)[0] <= 1e-9 * np.abs(coefficients).max():
        return None, None
    point = -np.linalg.solve(hessian, gradient)
    moved = np.zeros((axes, len(coefficients)))  # of the gradient at `point`
    moved[:, 1 : 1 + axes] = np.eye(axes)
    moved[:, 1 + axes : 1 + 2 * axes] = np.diag(2 * point)
    if len(coefficients) == 6:
        moved[:, 5] = point[::-1]
    spread = np.linalg.solve(hessian, moved) @ np.linalg.pinv(design)
    return point, np.linalg.norm(spread, axis=1)


def _unsound(point, x, axes):
    if point is None:
        return "no minimum: the surface is a saddle, a ridge or a maximum"
    edges = []
    for axis, value, row in zip(axes, point, x, strict=True):
        if value < row.min():
            edges.append(f"below the smallest {axis}")
        elif value > row.max():
            edges.append(f"above the largest {axis}")
    return f"at the edge: the minimum lies {' and '.join(edges)}" if edges else ""


def _unchecked(lowest, x, axes):
    """A surface through every run is its own witness: then the best run must lie inside as well."""
    ends = [
        f"the {end} {axis}"
        for axis, value, row in zip(axes, lowest, x, strict=True)
        for end, limit in (("smallest", row.min()), ("largest", row.max()))
        if abs(value - limit) < SAME
    ]
    return f"at the edge: the best run has {' and '.join(ends)}" if ends else ""
