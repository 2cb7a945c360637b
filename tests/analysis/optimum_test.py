"""The planner finds planted optima: of the law itself, of a sweep without noise, of Chinchilla."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.engine.status import Status
from analysis.fitting.entry import Entry
from analysis.fitting.result import Fit, FlopsRatio
from analysis.fitting.table import fit_table
from analysis.laws import forms
from analysis.planning import make, off_size
from tests.analysis import synthetic_sweep as planted
from tests.analysis.synthetic_sweep import SMALLEST, make_rows

FLOPS = SMALLEST * 64
TRUTH = {"A": planted.A, "B": planted.B, "E": planted.E} | {
    "alpha": planted.ALPHA,
    "beta": planted.BETA,
}


def planted_fit():
    """A fit that holds the planted law itself, and nothing else."""
    law = Entry(
        law="chinchilla", objective=None, n=0, parameters=TRUTH, status=Status.of("converged")
    )
    return Fit("chinchilla", {"chinchilla": law}, {"params": "params", "tokens": "tokens"})


@pytest.fixture
def exact():
    return planted_fit()


def changed(fit, **parts):
    """The fit with another entry of Chinchilla's law."""
    law = replace(fit.laws["chinchilla"], **parts)
    return replace(fit, laws={**fit.laws, "chinchilla": law})


def best(flops):
    p = TRUTH
    n, d = forms.chinchilla_optimum(flops, p["A"], p["B"], p["alpha"], p["beta"])
    return n, d, forms.chinchilla(n, d, p["E"], p["A"], p["B"], p["alpha"], p["beta"])


def test_a_planted_optimum_is_found(exact):
    planned = make.plan(exact, FLOPS)
    for name, truth in zip(("size", "tokens", "loss"), best(FLOPS), strict=True):
        assert getattr(planned, name).value == pytest.approx(truth, rel=1e-6), name
    assert planned.law == "chinchilla"


def test_the_published_law_gives_chinchilla_at_its_compute(exact):
    """2404.10102's law at 5.76e23 FLOPs, where 70e9 parameters saw 1.4e12 tokens (2203.15556)."""
    law = {"A": 477.826, "B": 2143.417, "E": 1.817218, "alpha": 0.347310, "beta": 0.367172}
    exact = changed(exact, parameters=law)
    planned = make.plan(exact, 5.76e23)
    size, tokens = forms.chinchilla_optimum(5.76e23, *(law[k] for k in ("A", "B", "alpha", "beta")))
    assert planned.size.value == pytest.approx(size, rel=1e-6)
    assert planned.tokens.value == pytest.approx(tokens, rel=1e-6)
    assert (size, tokens) == (pytest.approx(70e9, rel=0.1), pytest.approx(1.4e12, rel=0.1))
    again = make.plan(exact, loss=planned.loss.value)
    assert again.flops == pytest.approx(5.76e23, rel=1e-6)


def test_a_planted_optimum_is_recovered_from_a_noiseless_sweep():
    fit = fit_table(pd.DataFrame(make_rows(6, noise=0.0)), bootstrap=0)
    n, d, loss = best(FLOPS)
    surface = make.plan(fit, FLOPS, law="chinchilla")
    # The table's flops are 1.001 times 6 N D: the same shift of compute.
    assert surface.size.value == pytest.approx(n, rel=2e-3)
    assert surface.tokens.value == pytest.approx(d, rel=2e-3)
    assert surface.loss.value == pytest.approx(loss, rel=2e-4)
    minima = make.plan(fit, FLOPS)
    assert minima.law == "forecast"
    assert minima.size.value == pytest.approx(n, rel=0.05)
    assert minima.loss.value == pytest.approx(loss, rel=0.01)


def test_flops_per_token_that_differ_by_size_move_the_optimum(exact):
    """Small models pay 12 FLOPs per parameter and token, large ones 6: found by a fine search."""
    tokens = FlopsRatio(size=[1e5, 1e7], flops_per_param_token=[12.0, 6.0])
    planned = make.plan(replace(exact, tokens=tokens), FLOPS)
    n = np.geomspace(1e4, 1e8, 400_001)
    ratio = np.exp(np.interp(np.log(n), np.log([1e5, 1e7]), np.log([12.0, 6.0])))
    loss = (
        planted.E + planted.A * n**-planted.ALPHA + planted.B * (FLOPS / ratio / n) ** -planted.BETA
    )
    assert planned.size.value == pytest.approx(n[loss.argmin()], rel=1e-4)
    assert planned.loss.value == pytest.approx(loss.min(), rel=1e-9)


def test_a_size_off_the_best_one_costs_what_the_planted_law_says(exact):
    size, _, lowest = best(FLOPS)
    for row in off_size.cost(exact, None, FLOPS).rows:
        loss = planted.planted_loss(row.times * size, FLOPS)
        # A flat minimum is found to the square root of a float's precision, and the size with it.
        assert row.penalty.value == pytest.approx(loss / lowest - 1, abs=1e-7)
        as_good = best(FLOPS * (1 - row.wasted.value))[2]
        assert as_good == pytest.approx(loss, rel=1e-7)
