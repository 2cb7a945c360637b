"""Designs of planted sweeps, and the law that is planted: L = E + A N^-alpha + B D^-beta."""

from dataclasses import dataclass

import numpy as np

A, B, ALPHA, BETA = 9.0, 40.0, 0.34, 0.36
SMALLEST, FLOPS_PER_ND = 2e11, 6.0
SEEDS = 3  # of one cell, as in the demo's sweep
AT = (0.25, 0.5, 1.0)  # of a run's tokens: its checkpoints, where it has several


@dataclass(frozen=True)
class Design:
    """`centre`: where the sizes' middle lies at the largest budget, over the best size there;
    `noise`: sd of log loss between runs; `within`: between the checkpoints of one run, if any;
    `last`: the sd at the largest budget where it is not `noise`, and grows or falls to it with
    compute; `kind`: normal, t3 (Student's, of scale `noise`) or outliers (5 % of runs 10 % off).
    """

    name: str
    budgets: int
    factor: float
    sizes: int
    spacing: float
    centre: float
    noise: float
    E: float
    within: float = 0.0
    last: float | None = None
    kind: str = "normal"


DESIGNS = (
    #      name          budgets  x   sizes  x   centre  noise   E   within
    Design("demo",         6,   2.0,    5,  1.7,   1.0, 0.009, 0.3),
    Design("quiet",        6,   2.0,    5,  1.7,   1.0, 0.002, 0.3),
    Design("wide",         9,   3.0,    6,  1.9,   1.0, 0.005, 0.3),
    Design("few",          4,   2.0,    4,  1.9,   1.0, 0.009, 0.3),
    Design("no_floor",     6,   2.0,    5,  1.7,   1.0, 0.009, 0.0),
    Design("truncated",    6,   2.0,    5,  1.7,  0.35, 0.009, 0.3),
    Design("many",        17,   1.7,   14, 1.35,   1.0, 0.009, 0.3),
    Design("checkpoints",  6,   2.0,    5,  1.7,   1.0, 0.008, 0.3, 0.004),
)  # fmt: skip
# Noise that is not alike: not among those that are run by default.
UNEVEN = (
    #      name               budgets  x   sizes  x   centre  noise   E   within last   kind
    Design("growing",           6,   2.0,    5,  1.7,   1.0, 0.003, 0.3, 0.0, 0.010),
    Design("falling",           6,   2.0,    5,  1.7,   1.0, 0.030, 0.3, 0.0, 0.007),
    Design("t3",                6,   2.0,    5,  1.7,   1.0, 0.005, 0.3, 0.0, None, "t3"),
    Design("outliers",          6,   2.0,    5,  1.7,   1.0, 0.005, 0.3, 0.0, None, "outliers"),
    Design("few_growing",       4,   2.0,    4,  1.9,   1.0, 0.003, 0.3, 0.0, 0.010),
    Design("few_outliers",      4,   2.0,    4,  1.9,   1.0, 0.005, 0.3, 0.0, None, "outliers"),
    Design("many_growing",     17,   1.7,   14, 1.35,   1.0, 0.003, 0.3, 0.0, 0.010),
    Design("many_outliers",    17,   1.7,   14, 1.35,   1.0, 0.005, 0.3, 0.0, None, "outliers"),
)  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """One planted sweep: columns of its runs, (R,) each."""

    flops: np.ndarray
    params: np.ndarray
    tokens: np.ndarray
    loss: np.ndarray
    run: np.ndarray


def surface(n, d, E):
    """The planted loss."""
    return E + A * n**-ALPHA + B * d**-BETA


def best(flops, E):
    """Compute-optimal size and its loss (2203.15556, equation 4)."""
    ratio = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA))
    n = ratio * (flops / FLOPS_PER_ND) ** (BETA / (ALPHA + BETA))
    return n, surface(n, flops / FLOPS_PER_ND / n, E)


def budgets(design):
    """Compute of the budgets, and of the next one, which no fit sees: (budgets + 1,)."""
    return SMALLEST * design.factor ** np.arange(design.budgets + 1)


def sweep(design, rng):
    """The runs of one sweep, the next budget's among them."""
    c = budgets(design)
    drift = design.centre ** (np.arange(len(c)) / (design.budgets - 1)).clip(0, 1)
    steps = design.spacing ** (np.arange(design.sizes) - (design.sizes - 1) / 2)
    n = best(c, design.E)[0] * drift
    cells = np.stack([np.repeat(c, design.sizes), np.outer(n, steps).ravel()], axis=1)
    copies = np.ones(len(cells), int)
    copies[min(2, design.budgets - 1) * design.sizes + design.sizes // 2] = SEEDS
    flops, params = np.repeat(cells, copies, axis=0).T
    offset = noise(design, flops, rng)
    return _rows(design, flops, params, offset, rng)


def noise(design, flops, rng):
    """Offsets of log loss (R,) of runs of compute `flops` (R,)."""
    c = budgets(design)
    way = np.log(flops / c[0]) / np.log(c[-2] / c[0])
    sd = design.noise * ((design.last or design.noise) / design.noise) ** way
    if design.kind == "t3":
        return sd * rng.standard_t(3, len(flops))
    offset = sd * rng.standard_normal(len(flops))
    if design.kind == "outliers":
        off = rng.random(len(flops)) < 0.05
        return np.where(off, offset + 0.1 * rng.choice([-1, 1], len(flops)), offset)
    return offset


def _rows(design, flops, params, offset, rng):
    run = np.arange(len(flops))
    if design.within:
        run = np.repeat(run, len(AT))
        flops, params, offset = flops[run] * np.tile(AT, len(offset)), params[run], offset[run]
        offset = offset + design.within * rng.standard_normal(len(run))
    tokens = flops / FLOPS_PER_ND / params
    loss = surface(params, tokens, design.E) * np.exp(offset)
    return Sweep(flops, params, tokens, loss, run)
