"""Two sets of features to scores: every metric by its name, with its error where clips suffice."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vdit.errors import InputError
from vdit.evaluators.distances import frechet, kernel, manifold
from vdit.evaluators.distances.jackknife import BLOCKS, Estimate, Statistic, jackknife


class Metric(NamedTuple):
    """Neither direction is better where None; `least` clips of the smaller set are needed for so
    many features."""

    lower_is_better: bool | None
    least: Callable[[int], int] = lambda features: 2


SHARE = Metric(False, lambda features: manifold.NEIGHBOURS + 1)
METRICS = {
    "frechet": Metric(True),
    "frechet_bias": Metric(None),
    "frechet_limit": Metric(True, frechet.least),
    "kernel": Metric(True),
    **dict.fromkeys(manifold.Manifold._fields, SHARE),
}
FOR_ERRORS = 2 * BLOCKS  # clips from which a score has a standard error


class Score(NamedTuple):
    """One metric of two sets; no `error` of few clips, nor of `frechet_bias`."""

    metric: str
    value: float
    error: Estimate | None


def check(metrics: Sequence[str]) -> None:
    """Raises `InputError` for a name that is no metric's."""
    for name in metrics:
        if name not in METRICS:
            raise InputError(f"metric {name!r}: expected one of {', '.join(METRICS)}")


def measure(
    made: Sequence[np.ndarray], real_MD: np.ndarray, metrics: Sequence[str], fixed: bool = False
) -> list[Score]:
    """The metrics that so many clips allow, means over sets (N, d) of one or more sampler seeds.

    `fixed`: errors are those of made clips alone, for models that are held against the same real
    ones. Raises `InputError` for sets of fewer than two clips.
    """
    check(metrics)
    made_count, real_count = len(made[0]), len(real_MD)
    fewest = min(made_count, real_count)
    if fewest < 2:
        raise InputError(f"{made_count} clips against {real_count}: expected two or more of each")
    found, statistics = [], _statistics(made, real_MD, metrics)
    for name in (name for name in metrics if fewest >= METRICS[name].least(real_MD.shape[1])):
        statistic = statistics[name]
        if fewest < FOR_ERRORS or METRICS[name].lower_is_better is None:
            found.append(Score(name, statistic(np.arange(made_count), np.arange(real_count)), None))
        else:
            error = jackknife(statistic, made_count, real_count, fixed=fixed)
            found.append(Score(name, error.value, error))
    return found


def _statistics(
    made: Sequence[np.ndarray], real_MD: np.ndarray, metrics: Sequence[str]
) -> dict[str, Statistic]:
    """Of rows of the sets, by the metric's name."""
    asked = not set(manifold.Manifold._fields).isdisjoint(metrics)
    sets = [manifold.distances(made_ND, real_MD) for made_ND in made] if asked else []
    kernels = kernel.kernels(made, real_MD) if "kernel" in metrics else []
    known: dict[tuple[bytes, bytes], np.ndarray] = {}

    def manifolds(i, j):
        """All four at once, of blocks that each of them asks for."""
        block = i.tobytes(), j.tobytes()
        if block not in known:
            known[block] = np.mean([s.manifold(i, j) for s in sets], axis=0)
        return known[block]

    functions = {
        "frechet": frechet.distance,
        "frechet_bias": frechet.bias,
        "frechet_limit": frechet.limit,
    }
    of_features = {
        name: lambda i, j, f=f: float(np.mean([f(x[i], real_MD[j]) for x in made]))
        for name, f in functions.items()
    }
    of_pairs = {"kernel": lambda i, j: float(np.mean([k.distance(i, j) for k in kernels]))}
    of_distances = {
        name: lambda i, j, n=n: float(manifolds(i, j)[n])
        for n, name in enumerate(manifold.Manifold._fields)
    }
    return of_features | of_pairs | of_distances


def withheld(made: int, real: int, features: int, metrics: Sequence[str]) -> list[str]:
    """What so few clips leave out, one line each."""
    fewest = min(made, real)
    lines = [
        f"{name}: withheld, {fewest} clips: expected at least {METRICS[name].least(features)}"
        for name in metrics
        if fewest < METRICS[name].least(features)
    ]
    if fewest < FOR_ERRORS:
        lines.append(f"no standard errors, {fewest} clips: expected at least {FOR_ERRORS}")
    return lines
