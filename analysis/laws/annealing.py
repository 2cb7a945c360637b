"""A law of whole curves: what the learning rate was, step by step, says the loss (2408.11029).

L(s) = L0 + A S1^-alpha - C S2 (+ B N^-beta where the runs differ in size)

S1 = sum of learning rates up to s; S2 = sum of m_i up to s, m_i = lambda m_{i-1} + (eta_{i-1} -
eta_i): the annealing area, where a fall of the rate counts for `memory` = 1 / (1 - lambda) steps.
A run whose rate falls lies below one whose rate stays, so one curve tells many lengths of training.
Warm-up counts in S1; points before its end, where the rate is highest, are left out.

A table has a row for each step that was logged: columns steps and lr_final, the rate of that step
(between rows it is a straight line), of runs told apart by the role group. Noise is that of runs
(an offset of each) and of points, whose neighbours are alike (AR(1)); intervals hold both.
"""

from dataclasses import dataclass

import numpy as np

from analysis.curves import annealed
from analysis.curves.points import RATE, STEPS, Noise, curves
from analysis.engine.status import Status
from analysis.fitting.entry import SQUARES, Entry, Options
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.laws.method import Method
from vdit.errors import InputError

ZERO = 1e-6  # a floor below is none


@dataclass(frozen=True)
class Predicted:
    """The last point of a run that was held out; the interval, 95 %, is of a new run."""

    run: str
    step: int
    observed: float
    predicted: float
    interval: tuple[float, float]

    def line(self) -> str:
        """For the terminal."""
        low, high = self.interval
        return (
            f"  {self.run}, step {self.step}: observed {self.observed:.4f}, predicted "
            f"{self.predicted:.4f} [{low:.4f}, {high:.4f}]"
        )


@dataclass(frozen=True, kw_only=True)
class Annealing(Entry):
    """The law's entry, with the noise of curves and what was said of runs held out."""

    curve_noise: Noise
    predicted: tuple[Predicted, ...]


def fit(rows: Rows, part: OfBudgets, options: Options) -> Entry:
    """The law of the rows of `analysis.fit`, which are points of curves; of each run held out what
    it says of its last point."""
    found = curves(rows.fitted)
    names = annealed.NAMES + annealed.SIZED * (len(np.unique(found.params)) > 1)
    if len(found.loss) <= len(names):
        raise InputError(f"annealing: {len(found.loss)} points after warm-up, {len(names)} numbers")
    if not any(areas > 0 for areas in found.areas(1.0)):
        raise InputError("annealing: the learning rate of no run falls")
    scale = annealed.scale_of(found)
    theta, jacobian = annealed.solve(found, scale, names)
    residual = np.log(found.loss) - np.log(annealed.predict(theta, found, scale))
    noise = Noise.of(residual, found.run, len(names))
    covariance = noise.covariance(jacobian, found.run)
    said = _held(rows, theta, covariance, noise, scale)
    return Annealing(
        law="annealing",
        objective=SQUARES,
        n=len(found.loss),
        parameters=dict(zip(names, annealed.named(theta, scale, names).tolist(), strict=True)),
        intervals=_intervals(theta, covariance, noise, scale, names),
        derived={"lambda": 1 - float(np.exp(-theta[4]))},
        status=Status.of(_status(theta, jacobian, names)),
        curve_noise=noise,
        predicted=tuple(said),
        lines=tuple(one.line() for one in said),
    )


def _intervals(theta, covariance, noise, scale, names):
    """95 % by the delta method, of scales in their logarithm."""
    logged = np.isin(names, annealed.LOGGED)

    def values(at):
        named = annealed.named(at, scale, names)
        return np.where(logged, np.log(np.where(logged, named, 1.0)), named)

    step = 1e-6 * np.eye(len(theta))
    slopes = np.stack([(values(theta + one) - values(theta - one)) / 2e-6 for one in step], axis=1)
    half = noise.quantile * np.sqrt(np.einsum("ki,ij,kj->k", slopes, covariance, slopes))
    ends = values(theta) + half * np.array([[-1], [1]])
    ends = np.where(logged, np.exp(np.clip(np.where(logged, ends, 0.0), -700, 700)), ends)
    return dict(zip(names, ends.T.tolist(), strict=True))


def _held(rows, theta, covariance, noise, scale):
    if rows.held.empty:
        return []
    held = curves(rows.held)
    said = []
    predicted = annealed.predict(theta, held, scale)
    step = 1e-6 * np.eye(len(theta))
    slopes = np.stack([np.log(annealed.predict(theta + one, held, scale)) for one in step], 1)
    slopes = (slopes - np.log(predicted)[:, None]) / 1e-6
    variance = np.einsum("rk,kl,rl->r", slopes, covariance, slopes)
    half = noise.quantile * np.sqrt(variance + noise.between**2 + noise.within**2)
    for run in np.unique(held.run):
        at = int(np.flatnonzero(held.run == run)[-1])
        ends = (float(predicted[at] * np.exp(sign * half[at])) for sign in (-1, 1))
        numbers = int(held.step[at]), float(held.loss[at]), float(predicted[at])
        said.append(Predicted(held.names[run], *numbers, tuple(ends)))
    return said


def _status(theta, jacobian, names):
    length = np.linalg.norm(jacobian, axis=0)
    lost = [name for name, size in zip(names, length, strict=True) if size < 1e-9]
    if lost:
        return f"not identified: {', '.join(lost)}"
    most = np.array([annealed.HIGHEST.get(name, np.inf) for name in names])
    stuck = [name for name, gone in zip(names, theta > most - 1e-6, strict=True) if gone]
    stuck += ["L0 is zero"] if theta[0] < ZERO else []
    return f"bound hit: {', '.join(stuck)}" if stuck else "converged"


def applies(rows: Rows) -> bool:
    """Whether the rows are curves: several of a run, with its rate at each."""
    there = {"group", STEPS, RATE} <= set(rows.fitted.columns)
    return there and rows.fitted["group"].nunique() * len(annealed.NAMES) < len(rows.fitted)


FORM = "L(s) = L0 + A S1^-alpha - C S2 (+ B N^-beta)"
LAW = Method("annealing", (), fit, applies, Annealing)
