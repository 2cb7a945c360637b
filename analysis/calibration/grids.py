"""Grids of learning rate and batch that are planted on a valley like Step Law's, and their laws.

Best settings follow the law of 2503.04715, lr = 1.79 N^-0.713 D^0.307 and batch = 0.58 D^0.571
tokens. The valley's bend and skew and where its cliff begins are those of that paper's 1,911 dense
runs, within 5 % of the best of each of 17 cells: log loss rises by .0077 u^2 + .0068 v^2 - .0053 uv
+ .0012 u^3 + .0014 uv^2 at u = log lr and v = log batch from the best, and from u = 1.7 to 2.4 on
a run ends at about twice the loss.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.laws import hyperparameters

LR = {"k": 1.79, "params": -0.713, "tokens": 0.307}
BATCH = {"k": 0.58, "params": 0.0, "tokens": 0.571}
BEND, SKEW = (0.0077, 0.0068, -0.0053), (0.0012, 0.0014)
CLIFF, LOST = (1.7, 2.4), 1.9  # where it begins, in log lr above the best; the loss beyond it
SIZES, TOKENS = np.geomspace(6e7, 1e9, 4), np.geomspace(2e9, 1e11, 4)
RATES = 2.0 ** np.arange(-12.0, -5.4, 0.5)  # and batches of 32 to 2048 sequences of 2048 tokens
BATCHES = 2048.0 * np.array([32, 64, 128, 192, 256, 352, 512, 736, 1024, 2048])
STAR = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
AHEAD = {"params": 1e10, "tokens": 1e12}  # ten times the largest of each


@dataclass(frozen=True)
class Grid:
    """What is planted. `noise`: sd of log loss; `steep`: of its log, for one of log lr."""

    name: str
    noise: float
    cliff: bool = True
    steep: float = 0.0
    rates: tuple = (0, len(RATES))  # of RATES, first and last
    scatter: float = 0.0  # sd of the log of each cell's best settings about the law
    around: tuple = ()  # runs about a rule, in powers of two of lr and batch, in place of a grid
    skewed: bool = True


GRIDS = (
    #    name        noise
    Grid("clean",    0.002, cliff=False, skewed=False),
    Grid("step_law", 0.001, scatter=0.05),
    Grid("cliffs",   0.002),
    Grid("noisy",    0.010),
    Grid("growing",  0.002, steep=0.7),
    Grid("edge",     0.002, rates=(4, 11)),
    Grid("star",     0.002, around=STAR),
    Grid("corners",  0.002, around=(*STAR, (1, 1), (-1, -1))),
)  # fmt: skip


def planted(grid: Grid, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """(runs: params, tokens, lr, batch in tokens, loss; log best settings of cells (C, 2))."""
    where = np.array([(n, d) for n in SIZES for d in TOKENS])
    best = np.log([[_at(law, params=n, tokens=d) for law in (LR, BATCH)] for n, d in where])
    best = best + grid.scatter * rng.standard_normal(best.shape)
    cells = [_cell(grid, n, d, own, rng) for (n, d), own in zip(where, best, strict=True)]
    return pd.concat(cells, ignore_index=True), best


def _cell(grid, n, d, best, rng):
    lr, batch = _around(grid, n, d) if grid.around else _grid(grid)
    u, v = np.log(lr) - best[0], np.log(batch) - best[1]
    rise = np.stack([u * u, v * v, u * v]).T @ BEND
    if grid.skewed:
        rise = rise + np.stack([u**3, u * v * v]).T @ SKEW
    noise = grid.noise * np.exp(grid.steep * u)
    rise = rise + np.minimum(noise, 0.1) * rng.standard_normal(len(u))
    if grid.cliff:
        over = u > rng.uniform(*CLIFF, len(u))
        rise = np.where(over, np.log(LOST) + 0.03 * rng.standard_normal(len(u)), rise)
    loss = (1.5 + 400 / n**0.34 + 400 / d**0.28) * np.exp(rise)
    return pd.DataFrame({"params": n, "tokens": d, "lr": lr, "batch": batch, "loss": loss})


def _grid(grid):
    return (a.ravel() for a in np.meshgrid(RATES[slice(*grid.rates)], BATCHES))


def _around(grid, n, d):
    """Runs about a rule that is not the law, its batch a power of two."""
    lr, batch = 26 * n**-0.5 * (d / 1e10) ** 0.1, 2 ** np.round(np.log2(3e5 * (d / 1e10) ** 0.4))
    steps = 2.0 ** np.array(grid.around)
    return lr * steps[:, 0], batch * steps[:, 1]


def _at(law, **inputs):
    return law["k"] * np.prod([inputs[name] ** law[name] for name in inputs])


def judge(grid: Grid, rng: np.random.Generator) -> Iterator[tuple[str, tuple]]:
    """(quantity, (whether its 95 % interval holds what was planted, its width)); None for none."""
    runs, best = planted(grid, rng)
    found = hyperparameters.fit(runs)
    ahead, intervals = hyperparameters.predict(found, AHEAD), found.entry().intervals
    middle = found.cells[len(found.cells) // 2]
    for i, (axis, law) in enumerate((("lr", LR), ("batch", BATCH))):
        for name in ("params", "tokens"):
            yield f"{axis}: {name}", _mark(law[name], intervals.get(f"{axis}_{name}"))
        coming = ahead[axis].interval if axis in ahead else None
        yield f"{axis}: 10x ahead", _mark(np.log(_at(law, **AHEAD)), coming and np.log(coming))
        own = middle.interval(axis, found.noise) if found.noise and axis in middle.best else None
        yield f"{axis}: of a cell", _mark(best[len(best) // 2, i], own and np.log(own))


def _mark(truth, interval):
    if interval is None:
        return None, None
    low, high = interval
    return bool(low <= truth <= high), float(high - low)
