"""Which runs to do next: those that shrink the interval of a planned number most per GPU-hour.

Near the fit, log L is linear in the parameters of Chinchilla's law, so with noise s of log loss the
information of runs with rows j of the jacobian is M = sum j j' / s^2, and the variance of a number
of gradient t is v = t' M^-1 t (V-optimal design). One more run j lowers v by
(t' M^-1 j)^2 / (s^2 + j' M^-1 j), exactly, by the rank-one update of M^-1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.planning import optimum

if TYPE_CHECKING:
    import pandas as pd

    from analysis.fitting.result import Fit

SIZES = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the best size of a candidate's compute
STEP = 2.0  # from one candidate's compute to the next
BEYOND = 4.0  # candidates reach up to this many times the largest compute so far
START = 1 / 60  # hours that a run takes to start (loading, compiling) whatever its size
LEAST = 0.01  # a run that shrinks the interval by less is not worth its start
NUDGE = 1e-4  # of log parameters, for the gradient of the best size
TARGETS = ("loss", "size")


@dataclass(frozen=True)
class NextRun:
    """A run that would narrow an interval, by the share `shrinks` of its width after those before.

    `left` of the present width is what is left after it.
    """

    flops: float
    size: float
    tokens: float
    gpu_hours: float
    shrinks: float
    left: float


def next_runs(
    fit: "Fit",
    flops: float,
    hours: Callable[[float], float | None],
    target: str = "loss",
    rows: "pd.DataFrame | None" = None,
    up_to: float | None = None,
    count: int = 5,
) -> list[NextRun]:
    """The `count` best next runs, chosen one after the other, for `target` ("loss" or "size").

    hours: function from FLOPs to GPU-hours, to which START is added; up_to: most FLOPs of one run.
    Empty where Chinchilla's law is not identified or nothing helps.
    """
    law, design = fit.laws.get("chinchilla"), runs_so_far(fit, rows)
    if design is None or law is None or law.status.word != "converged":
        return []
    surface = _fitted(fit)
    jacobian = _jacobian(surface, *design)
    inverse = np.linalg.pinv(jacobian.T @ jacobian)
    candidates = _candidates(surface, design, up_to)
    options = _jacobian(surface, *candidates[:2])
    gradient = target_gradient(surface, flops, target)
    spent = START + hours(candidates[2])
    chosen, first = [], gradient @ inverse @ gradient
    for _ in range(count):
        before = gradient @ inverse @ gradient
        shrinks = 1 - np.sqrt(1 - np.minimum(reduction(inverse, options, gradient) / before, 1.0))
        if shrinks.max() < LEAST:
            break
        best = int(np.argmax(np.where(shrinks < LEAST, 0.0, shrinks / spent)))
        inverse = update(inverse, options[best])
        left = float(np.sqrt(gradient @ inverse @ gradient / first))
        size, tokens, flops = (float(values[best]) for values in candidates)
        chosen.append(NextRun(flops, size, tokens, float(spent[best]), float(shrinks[best]), left))
    return chosen


def reduction(inverse: np.ndarray, rows: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Fall of the variance t' M^-1 t by one more run of each row (R, K), in units of s^2: (R,)."""
    shared = rows @ inverse
    return (shared @ gradient) ** 2 / (1 + (shared * rows).sum(1))


def update(inverse: np.ndarray, row: np.ndarray) -> np.ndarray:
    """M^-1 after one more run (Sherman and Morrison)."""
    shared = inverse @ row
    return inverse - np.outer(shared, shared) / (1 + row @ shared)


def runs_so_far(
    fit: "Fit", rows: "pd.DataFrame | None" = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Sizes (R,) and tokens (R,) of the runs fitted, from the table or the fit's budgets."""
    if rows is not None:
        columns = fit.columns
        return tuple(rows[columns[role]].to_numpy(float) for role in ("params", "tokens"))
    if not fit.budgets:
        return None
    seeds = [np.array(b.seeds, int) for b in fit.budgets]
    sizes = [np.repeat(b.sizes, s) for b, s in zip(fit.budgets, seeds, strict=True)]
    flops = [np.full(s.sum(), b.flops) for b, s in zip(fit.budgets, seeds, strict=True)]
    sizes = np.concatenate(sizes)
    return sizes, optimum.ladder(fit).tokens(np.concatenate(flops), sizes)


def target_gradient(surface: optimum.Surface, flops: float, target: str) -> np.ndarray:
    """Gradient (K,) of the log of `target` at compute `flops` in the law's parameters.

    The loss of the best size has no slope in the size, so its gradient is that of a run there.
    """
    size = surface.size(flops)
    if target == "loss":
        return _jacobian(surface, size, surface.ladder.tokens(flops, size))[0]
    free = [name for name in optimum.SIGNS if surface.parameters[name][0] > 0]
    return np.array([_slope(surface, flops, name) for name in free])


def _slope(surface, flops, name):
    sizes = [_moved(surface, name, sign * NUDGE).size(flops)[0] for sign in (1, -1)]
    return float(np.log(sizes[0] / sizes[1])) / (2 * NUDGE)


def _moved(surface, name, step):
    """The surface with one parameter moved as `_jacobian` counts it: logs, exponents as such."""
    value = surface.parameters[name]
    moved = value + step if name in ("alpha", "beta") else value * np.exp(step)
    return optimum.Surface(surface.name, surface.parameters | {name: moved}, surface.ladder)


def _jacobian(surface, size, tokens):
    """Of log loss in log A, log B, log E, alpha, beta: (R, K), without E where it is zero."""
    A, B, E, alpha, beta = (surface.parameters[name][0] for name in optimum.SIGNS)
    by_size, by_tokens = A * size**-alpha, B * tokens**-beta
    slopes = [by_size, by_tokens, np.full_like(by_size, E)]
    slopes += [-by_size * np.log(size), -by_tokens * np.log(tokens)]
    rows = np.stack(slopes, axis=1) / (E + by_size + by_tokens)[:, None]
    return rows if E > 0 else np.delete(rows, 2, axis=1)


def _candidates(surface, design, up_to):
    """Sizes, tokens and FLOPs (R,) of the runs considered."""
    spent = design[1] / surface.ladder.tokens(1.0, design[0])
    top = BEYOND * spent.max() if up_to is None else up_to
    count = max(1, int(np.floor(np.log(top / spent.min()) / np.log(STEP) + 1e-9)) + 1)
    grid = spent.min() * STEP ** np.arange(count)
    best = np.array([surface.size(flops)[0] for flops in grid])
    # Sizes below the ladder would shrink the interval on paper, by trusting the law there.
    sizes = np.maximum(np.outer(SIZES, best), design[0].min()).ravel()
    flops = np.tile(grid, len(SIZES))
    return sizes, surface.ladder.tokens(flops, sizes), flops


def _fitted(fit):
    """Chinchilla's law as fitted, without its resamples."""
    surface = optimum.sources(fit)["chinchilla"]
    alone = {name: surface.parameters[name][:1] for name in optimum.SIGNS}
    return optimum.Surface(surface.name, alone, surface.ladder)
