"""Tables planted as published sweeps were: their coefficients, their grids, their noise.

llama   2407.21783, figures 2 and 3: 10 budgets of 6e18 to 1e22 FLOPs, D* = 0.299 C^0.537; sizes and
        noise of each budget as read from figure 2 (scatter about a parabola in log D).
porian  2406.19146, RefinedWeb, tuned optimizer: 12 budgets of 1.25e16 to 2.56e19 FLOPs, a ladder of
        sizes a factor of the root of 2 apart, Hoffmann's law (N* ~ C^0.5, 20 tokens per parameter),
        with which they end up in excellent agreement, noise between seeds that falls with the loss.
step_law  2503.04715, its public dense runs, of learning rate and batch: the grid of that name.

The losses of the first two are a Chinchilla surface with the published optimum; its floor and its
curvature, which are not published, are such that the losses of the first and last budget are about
those shown.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from analysis.calibration import grids
from analysis.calibration.frontier import COLUMNS
from analysis.frontier import best_size, laws, minima, runs
from analysis.laws import hyperparameters
from vdit.errors import InputError

LLAMA = (
    # budget runs  D/D* least, most  noise of log loss
    (6e18, 16, 0.36, 3.86, 0.0020), (1e19, 17, 0.30, 3.20, 0.0026), (3e19, 16, 0.20, 1.97, 0.0017),
    (6e19, 16, 0.26, 1.60, 0.0019), (1e20, 18, 0.22, 4.52, 0.0014), (3e20, 14, 0.40, 2.33, 0.0009),
    (6e20, 12, 0.33, 1.99, 0.0005), (1e21, 12, 0.31, 3.39, 0.0003), (3e21, 6, 0.69, 1.50, 0.0005),
    (1e22, 6, 0.42, 4.34, 0.0013),
)  # fmt: skip
LADDER = 5e6 * 2 ** (np.arange(16) / 2)  # 5M to 905M
WIDE = 8.0  # sizes from this share of the best one to as many times it


@dataclass(frozen=True)
class Planted:
    """L = E + R (C / c)^-g (beta x^alpha + alpha x^-beta) / (alpha + beta), x = N* / N."""

    E: float
    R: float  # removable loss of the best size at compute c
    c: float
    alpha: float
    a: float  # N* = best (C / c)^a
    best: float

    @property
    def beta(self) -> float:
        """The exponent of tokens, from a = beta / (alpha + beta)."""
        return self.alpha * self.a / (1 - self.a)

    def size(self, flops: np.ndarray | float) -> np.ndarray | float:
        """The best size."""
        return self.best * (flops / self.c) ** self.a

    def loss(self, flops: np.ndarray | float, params: np.ndarray) -> np.ndarray:
        """The planted loss."""
        total, x = self.alpha + self.beta, self.size(flops) / params
        removable = self.R * (flops / self.c) ** (-self.alpha * self.beta / total)
        return self.E + removable * (self.beta * x**self.alpha + self.alpha * x**-self.beta) / total


LLAMA_LAW = Planted(E=1.82, R=0.64, c=6e18, alpha=0.37, a=0.463, best=6e18**0.463 / (6 * 0.299))
PORIAN_LAW = Planted(E=1.8, R=1.55, c=1e18, alpha=0.35, a=0.5, best=(1e18 / 120) ** 0.5)


def llama(rng: np.random.Generator) -> pd.DataFrame:
    """A table as Llama 3's isoFLOP curves: params, tokens, flops, flops_budget, loss."""
    parts = []
    for flops, count, least, most, noise in LLAMA:
        params = LLAMA_LAW.size(flops) / np.geomspace(least, most, count)
        parts.append(_rows(LLAMA_LAW, flops, params, noise, rng))
    return pd.concat(parts, ignore_index=True)


def porian(rng: np.random.Generator) -> pd.DataFrame:
    """A table as Porian et al.'s; the noise of a loss of 7 is 0.05, of 3 and less 0.002."""
    parts = []
    for flops in 1e17 * 2.0 ** np.arange(-3, 9):
        times = LADDER / PORIAN_LAW.size(flops)
        params = LADDER[(times > 1 / WIDE) & (times < WIDE)]
        loss = PORIAN_LAW.loss(flops, params)
        noise = np.exp(np.interp(loss, (3.0, 7.0), np.log((0.002, 0.05)))) / loss
        parts.append(_rows(PORIAN_LAW, flops, params, noise, rng))
    return pd.concat(parts, ignore_index=True)


def _rows(law, flops, params, noise, rng):
    loss = law.loss(flops, params) * np.exp(noise * rng.standard_normal(len(params)))
    columns = {"params": params, "tokens": flops / 6 / params, "flops": flops}
    return pd.DataFrame({**columns, "flops_budget": flops, "loss": loss})


PLANTED: dict[str, tuple[Planted, Callable[[np.random.Generator], pd.DataFrame]]] = {
    "llama": (LLAMA_LAW, llama),
    "porian": (PORIAN_LAW, porian),
}


@dataclass(frozen=True)
class Held:
    """What one way said of an exponent in `sweeps` planted tables, of those with an interval."""

    planted: str
    way: str
    exponent: float
    sweeps: int
    identified: int
    held: int  # intervals with the planted exponent inside
    off: float  # mean of what was found less the planted one
    sd: float
    half_width: float  # mean
    narrow: float  # times too narrow: 1.96 rms errors over half an interval


def judge(table: pd.DataFrame) -> dict[str, laws.Exponent]:
    """What each way, and both together, say of the exponent of the best size."""
    table = table.assign(run_id=table.index.astype(str))
    _, found = minima.measure(table, "loss", "params")
    law, surface = laws.fit_size(found), runs.fit("chinchilla", table, COLUMNS)
    said = best_size.headline(best_size.voices(found, surface), found)
    known = {"both, the headline": laws.Exponent(said.parameters["a"], said.intervals["a"])}
    if law.intervals:
        known["isoFLOP minima"] = laws.Exponent(law.parameters["a"], law.intervals["a"])
    if "chinchilla" in said.voices:
        known["Chinchilla, all runs"] = said.voices["chinchilla"]
    return known


def _of_sizes(law, plant, rng):
    return {way: (law.a, said) for way, said in judge(plant(rng)).items()}


def _of_settings(rng):
    grid = next(grid for grid in grids.GRIDS if grid.name == "step_law")
    found, said = hyperparameters.fit(grids.planted(grid, rng)[0]).entry(), {}
    for axis, law in (("lr", grids.LR), ("batch", grids.BATCH)):
        for name in ("params", "tokens"):
            if ends := found.intervals.get(key := f"{axis}_{name}"):
                told = laws.Exponent(found.parameters[key], ends)
                said[f"{axis}, exponent of {name}"] = law[name], told
    return said


TABLES: dict[str, Callable[[np.random.Generator], dict[str, tuple[float, laws.Exponent]]]] = {
    **{name: partial(_of_sizes, *planted) for name, planted in PLANTED.items()},
    "step_law": _of_settings,
}  # {way: (the planted exponent, what was said)}


def held(
    names: Sequence[str],
    sweeps: int,
    seed: int,
    progress: Callable[[Iterable, int], Iterable] = lambda results, total: results,
) -> Iterator[Held]:
    """A row for each planted table of `names` and way; InputError of a name not in `TABLES`."""
    if unknown := [name for name in names if name not in TABLES]:
        raise InputError(f"--published {unknown[0]}: expected one of {', '.join(TABLES)}")
    for name in names:
        told = (TABLES[name](np.random.default_rng([seed, i])) for i in range(sweeps))
        said = list(progress(told, sweeps))
        for way in dict.fromkeys(way for one in said for way in one):
            yield counted(name, way, sweeps, [one[way] for one in said if way in one])


def counted(name: str, way: str, sweeps: int, known: list[tuple[float, laws.Exponent]]) -> Held:
    """The row of one way, from (the planted exponent, what was said) of each table that has one."""
    truth = known[0][0]
    a = np.array([said.a for _, said in known])
    low, high = np.transpose([said.interval for _, said in known])
    inside, half = ((low <= truth) & (truth <= high)).sum(), (high - low).mean() / 2
    rms = np.sqrt(((a - truth) ** 2).mean())
    numbers = a.mean() - truth, a.std(ddof=1), half, 1.96 * rms / half
    rounded = (float(f"{number:.3g}") for number in numbers)
    return Held(name, way, truth, sweeps, len(known), int(inside), *rounded)
