"""Lack of fit: what repeats say of a law that misses, and what it does to intervals."""

import numpy as np
import pytest

from analysis.engine import intervals, misfit
from analysis.engine.fit import fit
from analysis.engine.problem import problem
from analysis.fitting import entry
from analysis.laws.registry import LAWS

CELLS, SEEDS = 12, 5
FLOPS = np.repeat(np.geomspace(1e10, 1e13, CELLS), SEEDS)


def planted(bend, seed=0):
    """A power law, or one that bends, with noise of 0.5 % between runs of the same compute."""
    x = np.log(FLOPS / 3e11)
    noise = 0.005 * np.random.default_rng(seed).standard_normal(len(FLOPS))
    return np.exp(-0.1 * x + bend * x**2 + noise)


def fitted(loss, flops=FLOPS):
    return fit(problem(LAWS["power"], {"flops": flops}, loss))


def test_a_true_law_is_not_told_from_its_repeats():
    words = [misfit.of(fitted(planted(0.0, seed))).words for seed in range(20)]
    assert sum(map(bool, words)) <= 2  # one in a hundred by chance
    found = misfit.of(fitted(planted(0.0)))
    assert found.repeats == CELLS * (SEEDS - 1)
    assert 0.5 < found.ratio < 1.6


def test_a_law_that_misses_says_so_in_the_entry():
    loss = planted(0.005)
    told = entry.of_runs(LAWS["power"], {"flops": FLOPS}, loss, entry.Options()).entry
    assert told.lack_of_fit.ratio > 3
    assert "does not fit: the law misses by" in told.status.words
    once = entry.of_runs(LAWS["power"], {"flops": FLOPS[::5]}, loss[::5], entry.Options()).entry
    assert once.lack_of_fit is None  # nothing repeats


def test_what_a_law_misses_widens_its_intervals():
    apart = FLOPS * np.exp(1e-6 * np.arange(len(FLOPS)))  # the same runs, none a repeat
    width = {}
    for bend in (0.0, 0.005):
        for name, flops in (("repeats", FLOPS), ("apart", apart)):
            reach = intervals.of(fitted(planted(bend), flops), 199, np.random.default_rng(1))
            low, high = reach.parameters()["g"]
            width[bend, name] = high - low
    assert width[0.005, "repeats"] > 1.7 * width[0.005, "apart"]
    assert width[0.0, "repeats"] == pytest.approx(width[0.0, "apart"], rel=0.6)


def test_runs_and_repeats_are_drawn_together():
    inputs = {"params": np.repeat([1e6, 2e6, 4e6, 8e6], 3), "tokens": np.tile([1e8, 2e8, 4e8], 4)}
    cluster = np.repeat(np.arange(4), 3)
    loss = np.linspace(1.0, 1.2, 12)
    alone = problem(LAWS["chinchilla"], inputs, loss, cluster=cluster)
    assert misfit.groups(alone).tolist() == cluster.tolist()
    inputs["params"][3] = 1e6  # a checkpoint of the second run repeats one of the first
    inputs["tokens"][3] = 1e8
    joined = problem(LAWS["chinchilla"], inputs, loss, cluster=cluster)
    assert misfit.groups(joined).tolist() == [0] * 6 + [1] * 3 + [2] * 3
