"""Designs of planted sweeps, and the law that is planted: L = E + A N^-alpha + B D^-beta."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

A, B, ALPHA, BETA = 9.0, 40.0, 0.34, 0.36
SMALLEST, FLOPS_PER_ND = 2e11, 6.0
SEEDS = 3  # of one cell, as in the demo's sweep
AT = (0.25, 0.5, 1.0)  # of a run's tokens: its checkpoints, where it has several
OFF = 0.10  # relative: by so much an outlier is off
SIZES = 4001  # among which the best one is sought

# Log of the best loss at u = log of compute over the smallest budget's; None: that of the law.
FRONTIERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "bends": lambda u: -0.06 * u - 0.05 * np.logaddexp(0, 2 * (u - 2.8)),
    "flat": lambda u: 0 * u,
    "least": lambda u: np.log1p(-0.01) / np.log(8) * u,  # the least gain that matters
    "fourfold": lambda u: np.log1p(-0.04) / np.log(8) * u,
    "early": lambda u: -0.11 * u + 0.035 * np.exp(-3 * u),  # the smallest budget lies above a line
    "floor": lambda u: np.log(0.49 + 0.585 * np.exp(-0.27 * u)),  # bends alike, for good
}


@dataclass(frozen=True)
class Design:
    """`centre`: where the sizes' middle lies at the largest budget, over the best size there;
    `noise`: sd of log loss between runs, at the largest budget `last` where that differs;
    `within`: between the checkpoints of one run, if any; `outliers`: share of runs that are OFF;
    `tails`: noise as Student's t of 3; `errors`: sd of an error that all runs of a budget share;
    `mistuned`: log loss that a size e times the smallest budget's best one loses, squared in logs.
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
    outliers: float = 0.0
    tails: bool = False
    errors: float = 0.0
    mistuned: float = 0.0
    frontier: str | None = None


def _demo(name, noise=0.009, E=0.3, **more):
    return Design(name, 6, 2.0, 5, 1.7, more.pop("centre", 1.0), noise, E, **more)


DESIGNS = (
    _demo("demo"),
    _demo("quiet", 0.002),
    Design("wide", 9, 3.0, 6, 1.9, 1.0, 0.005, 0.3),
    Design("few", 4, 2.0, 4, 1.9, 1.0, 0.009, 0.3),
    _demo("no_floor", E=0.0),
    _demo("truncated", centre=0.35),
    Design("many", 17, 1.7, 14, 1.35, 1.0, 0.009, 0.3),
    _demo("checkpoints", 0.008, within=0.004),
    _demo("growing", 0.003, last=0.01),
    _demo("falling", 0.03, last=0.007),
    Design("few_growing", 4, 2.0, 4, 1.9, 1.0, 0.003, 0.3, last=0.01),
    _demo("outliers", outliers=0.05),
    _demo("tails", tails=True),
    _demo("errors", 0.004, errors=0.006),
    _demo("mistuned", mistuned=0.01),
    _demo("bends", E=0.0, frontier="bends"),
    _demo("flat", E=0.0, frontier="flat"),
    _demo("least", E=0.0, frontier="least"),
    _demo("fourfold", E=0.0, frontier="fourfold"),
    _demo("early", E=0.0, frontier="early"),
    _demo("floor", E=0.0, frontier="floor"),
)


@dataclass(frozen=True)
class Sweep:
    """One planted sweep: columns of its runs, (R,) each."""

    flops: np.ndarray
    params: np.ndarray
    tokens: np.ndarray
    loss: np.ndarray
    run: np.ndarray


def surface(n: np.ndarray, d: np.ndarray, E: float) -> np.ndarray:
    """The planted loss."""
    return E + A * n**-ALPHA + B * d**-BETA


def optimum(flops: np.ndarray, E: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute-optimal size and its loss on the surface (2203.15556, equation 4)."""
    ratio = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA))
    n = ratio * (flops / FLOPS_PER_ND) ** (BETA / (ALPHA + BETA))
    return n, surface(n, flops / FLOPS_PER_ND / n, E)


def planted(design: Design, n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The loss that a design plants at sizes and tokens, without noise."""
    loss = surface(n, d, design.E)
    if design.frontier:
        flops = FLOPS_PER_ND * n * d
        u = np.log(flops / SMALLEST)
        loss = loss / optimum(flops, design.E)[1] * np.exp(FRONTIERS[design.frontier](u))
    if design.mistuned:
        first = optimum(np.array(SMALLEST), design.E)[0]
        loss = loss * np.exp(design.mistuned * np.log(n / first) ** 2)
    return loss


def best(design: Design, flops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute-optimal size and its loss under a design, at compute (M,)."""
    found = [_best(design, float(c)) for c in np.atleast_1d(flops)]
    return tuple(np.array(part) for part in zip(*found, strict=True))


@functools.lru_cache(maxsize=4096)
def _best(design, flops):
    n = optimum(flops, design.E)[0]
    if not design.mistuned:
        return n, float(planted(design, n, flops / FLOPS_PER_ND / n))
    grid = n * np.geomspace(0.01, 10.0, SIZES)
    loss = planted(design, grid, flops / FLOPS_PER_ND / grid)
    at = int(np.argmin(loss))
    return float(grid[at]), float(loss[at])


def budgets(design: Design) -> np.ndarray:
    """Compute of the budgets, and of the next one, which no fit sees: (budgets + 1,)."""
    return SMALLEST * design.factor ** np.arange(design.budgets + 1)


def sweep(design: Design, rng: np.random.Generator) -> Sweep:
    """The runs of one sweep, the next budget's among them."""
    c = budgets(design)
    drift = design.centre ** (np.arange(len(c)) / (design.budgets - 1)).clip(0, 1)
    steps = design.spacing ** (np.arange(design.sizes) - (design.sizes - 1) / 2)
    n = optimum(c, design.E)[0] * drift  # sizes are chosen before tuning is known to be off
    cells = np.stack([np.repeat(c, design.sizes), np.outer(n, steps).ravel()], axis=1)
    copies = np.ones(len(cells), int)
    copies[min(2, design.budgets - 1) * design.sizes + design.sizes // 2] = SEEDS
    flops, params = np.repeat(cells, copies, axis=0).T
    return _rows(design, flops, params, noise(design, flops, rng), rng)


def noise(design: Design, flops: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Log loss by which runs at compute (R,) differ from the planted one."""
    c, count = budgets(design), len(flops)
    normal = rng.standard_t(3, count) / np.sqrt(3) if design.tails else rng.standard_normal(count)
    last = design.noise if design.last is None else design.last
    along = np.log(flops / c[0]) / np.log(c[-2] / c[0])
    offset = design.noise * (last / design.noise) ** along.clip(0, 1) * normal
    if design.outliers:
        offset += (rng.random(count) < design.outliers) * np.log1p(OFF * rng.choice([-1, 1], count))
    if design.errors:
        offset += design.errors * rng.standard_normal(len(c))[np.searchsorted(c, flops * 0.999)]
    return offset


def _rows(design, flops, params, offset, rng):
    run = np.arange(len(flops))
    if design.within:
        run = np.repeat(run, len(AT))
        flops, params, offset = flops[run] * np.tile(AT, len(offset)), params[run], offset[run]
        offset = offset + design.within * rng.standard_normal(len(run))
    tokens = flops / FLOPS_PER_ND / params
    loss = planted(design, params, tokens) * np.exp(offset)
    return Sweep(flops, params, tokens, loss, run)
