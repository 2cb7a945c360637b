"""A law from loss to a quality metric (FVD, PSNR, any column), monotone by construction.

M(L) = m + k ((L / L_0)^p - 1) / p, L_0 the losses' geometric mean; p -> 0 is m + k log(L / L_0)

M is m at L_0, k is its slope there in log L, and p bends it: PSNR is the case p = 0 exactly (k =
-10 / log 10 where the loss is the squared error), a line p = 1, FVD with a floor p > 0 (the floor,
m - k / p, is M at zero loss). M rises or falls throughout, by the sign of k.

A share, such as an accuracy, that rises from chance to a ceiling is `sigmoid`'s; an error that far
ahead must not fall below zero has the same law of its logarithm, `positive`: as any form of
`score_forms`, they go through the same fit.

    fit(loss, metric, group=None, direction=None, name="fvd")
    predict(law, loss)        of a new measurement
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.engine import student
from analysis.engine.answer import Answer
from analysis.engine.status import Status
from analysis.fitting.entry import SQUARES, Entry, Options
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.laws import monotone, score_forms
from analysis.laws.method import Method
from analysis.laws.score_forms import BENT
from analysis.table import columns
from vdit.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Metric(Entry):
    """The entry of a law of one score: of `runs` runs; from `covariance` on what `predict` needs.

    `derived` says direction, "up" where the score rises with the loss, and Spearman's correlation.
    """

    runs: int
    metric: str
    covariance: list[list[float]] | None = None
    variance: float | None = None
    df: int | None = None


def fit(
    loss: ArrayLike,
    metric: ArrayLike,
    group: ArrayLike | None = None,
    direction: str | None = None,
    name: str = "metric",
    form: score_forms.Form = BENT,
) -> Metric:
    """Fit M(L) of a form to loss (R,) and metric (R,) by least squares.

    group: (R,) labels of runs; the rows of one run count as one. direction: "up" where the metric
    rises with the loss (FVD, FID), "down" where it falls (PSNR), None to find it. Parameters are
    the form's and L_0; of a logged form they and their errors are the logarithm's.
    InputError on numbers that are not finite, losses not positive, or an unknown direction.
    """
    loss, metric = _checked(loss, metric, direction, name)
    runs = len(loss) if group is None else len(set(np.asarray(group).tolist()))
    rank, between = monotone.spearman(loss, metric, runs)
    derived = {"spearman": rank, "spearman_interval": between}
    known = {"law": form.law, "n": len(loss), "runs": runs, "metric": name, "derived": derived}
    said = _too_little(loss, metric, runs, form)
    if said:
        return Metric(objective=None, status=Status.of(f"not identified: {said}"), **known)
    centre = float(np.exp(np.log(loss).mean()))
    x = np.log(loss / centre)
    y = score_forms.linked(form, metric)
    theta = form.solve(x, y)
    rest = float(((y - form.value(theta, x)) ** 2).sum())
    turn = monotone.turn(x, y, runs, rest)
    falls = form.value(theta, x.max()) < form.value(theta, x.min())
    said = _contradiction(turn and centre * np.exp(turn), falls, between, direction)
    if said:
        return Metric(objective=None, status=Status.of(f"not identified: {said}"), **known)
    derived["direction"] = "up" if rank > 0 else "down"
    bounds = form.bounds(theta)
    status = Status.of(f"bound hit: {bounds}" if bounds else "converged")
    measured = _measured(form, theta, x, rest, runs, centre)
    return Metric(objective=SQUARES, status=status, **known, **measured)


def _measured(form, theta, x, rest, runs, centre):
    """Parameters, intervals and what `predict` needs. Rows of one run count as one measurement."""
    jacobian, df = form.jacobian(theta, x), runs - len(theta)
    covariance = rest / df * np.linalg.pinv(jacobian.T @ jacobian)
    spread = student.quantile(df) * np.sqrt(np.diag(covariance))
    ends = np.stack([theta - spread, theta + spread], axis=1).tolist()
    return {
        "parameters": dict(zip(form.parameters, theta.tolist(), strict=True)) | {"L_0": centre},
        "intervals": dict(zip(form.parameters, ends, strict=True)),
        "covariance": covariance.tolist(),
        "variance": rest / len(x) * runs / df,
        "df": df,
    }


def predict(law: Metric, loss: ArrayLike) -> Answer:
    """A new run's metric at `loss`, a number or an array."""
    if not law.parameters:
        raise InputError(f"no law of {law.metric}: {law.status.words}")
    form = score_forms.FORMS[law.law]
    theta = np.array([law.parameters[name] for name in form.parameters])
    x = np.log(np.asarray(loss, float) / law.parameters["L_0"])
    value, jacobian = form.value(theta, x), form.jacobian(theta, x)
    variance = np.einsum("...i,ij,...j", jacobian, np.array(law.covariance), jacobian)
    spread = student.quantile(law.df) * np.sqrt(variance + law.variance)
    told = score_forms.unlinked(form, np.stack([value, value - spread, value + spread]))
    return Answer(told[0].tolist(), told[1:].tolist())


def _checked(loss, metric, direction, name):
    loss, metric = np.asarray(loss, float), np.asarray(metric, float)
    if not (np.isfinite(loss) & (loss > 0)).all():
        raise InputError("loss holds numbers that are not finite and above zero")
    if not np.isfinite(metric).all():
        raise InputError(f"{name} holds numbers that are not finite")
    if direction not in (None, "up", "down"):
        raise InputError(f"direction is {direction!r}, expected up or down")
    return loss, metric


def _too_little(loss, metric, runs, form):
    if runs < len(form.parameters) + 2:
        return f"{runs} runs, the law needs {len(form.parameters) + 2}"
    low, high = form.range
    if metric.min() < low or metric.max() > high or (form.logged and metric.min() == 0):
        return f"a {form.law} is of scores between {low:g} and {high:g}"
    if monotone.still(loss):
        return "the loss does not move"
    return "the metric does not move" if monotone.still(metric) else ""


def _contradiction(turn, falls, between, direction):
    """What speaks against a monotone law in the direction asked for, or ""."""
    known = f"Spearman {between[0]:.2f} to {between[1]:.2f}"
    if turn:
        return f"not monotone: the metric turns at a loss of {turn:.4g} ({known})"
    if between[0] <= 0 <= between[1] or falls == (between[0] > 0):
        return f"the metric does not follow the loss ({known})"
    if direction and (direction == "up") != (between[0] > 0):
        return f"the metric goes {'down' if direction == 'up' else 'up'} with the loss ({known})"
    return ""


def of_rows(rows: Rows, part: OfBudgets, options: Options, form: score_forms.Form = BENT) -> Metric:
    """The law of the rows of `analysis.fit` where the metric was measured."""
    values = columns.numbers(rows.fitted, "metric")
    known = ~np.isnan(values)
    group = rows.fitted["group"].astype(str)[known] if "group" in rows.fitted else None
    name = rows.columns["metric"]
    return fit(rows.loss()[known], values[known], group, rows.direction, name, form)


FORM = "M(L) = m + k ((L / L_0)^p - 1) / p"
LAW = Method("metric", ("metric",), of_rows, entry=Metric)
