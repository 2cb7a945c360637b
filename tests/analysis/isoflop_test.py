"""A minimum is found where the curves tell one, with the error that new sweeps show."""

import numpy as np
import pandas as pd
import pytest

from analysis.engine import student
from analysis.frontier import best_size, isoflop, laws, minima, runs, selection
from tests.analysis.synthetic_sweep import ALPHA, BETA, make_rows, optimum

SIZES = np.geomspace(1e4, 1.6e5, 5)
COLUMNS = {"params": "params", "tokens": "tokens", "flops": "flops", "loss": "loss"}


def parabola(best, curvature=0.02, sizes=SIZES):
    return 0.5 * np.exp(curvature * np.log(sizes / best) ** 2)


def table(curves, sizes=SIZES):
    """Runs of one budget after the other, a factor 2 apart, with the given losses."""
    rows = [
        {"flops_budget": 1e12 * 2**i, "params": n, "loss": loss, "run_id": f"run{i}{k}"}
        for i, losses in enumerate(curves)
        for k, (n, loss) in enumerate(zip(sizes, losses, strict=True))
    ]
    return pd.DataFrame(rows)


def fit(*curves, sizes=SIZES):
    return isoflop.fit_budgets(table(curves, sizes), "loss", "params")


def test_parabolas_give_their_own_minima():
    found = fit(*(parabola(best) for best in (2e4, 3.3e4, 5e4)))
    for budget, best in zip(found.budgets, (2e4, 3.3e4, 5e4), strict=True):
        assert budget.fitted
        assert budget.minimum == pytest.approx((best, 0.5), rel=1e-9)
    assert found.budgets[1].best_run == "run12"


def test_a_curve_that_sharpens_with_compute_is_followed():
    bends = (0.02, 0.03, 0.04, 0.05)
    found = fit(*(parabola(4e4, bend) for bend in bends))
    assert [b.coefficients[0] for b in found.budgets] == pytest.approx(bends, rel=0.02)


def test_a_minimum_outside_its_sizes_is_known_less_and_far_outside_not_at_all():
    noisy = np.exp(1e-3 * np.sin(np.arange(15.0) ** 2)).reshape(3, 5)
    near = np.stack([parabola(best) for best in (4e4, 4e4, 2e5)]) * noisy
    found = minima.measure(table(near), "loss", "params")[1]
    assert len(found.log_c) == 3
    assert found.size[-1] == pytest.approx(2e5, rel=0.2)
    assert found.loss_sd[-1] > 2 * found.loss_sd[0]
    far = near.copy()
    far[-1] = parabola(3e7) * noisy[-1]
    assert "lies above the largest size" in fit(*far).budgets[-1].reason


def test_a_run_moved_by_less_than_its_noise_moves_no_budget_out():
    """A budget enters by its vertex, not by which run is the lowest."""
    curves = np.stack([parabola(best) for best in (2e4, 2.2e4, 2.4e4)])
    moved = curves.copy()
    moved[0, 0] = curves[0].min() * 0.9999  # the smallest size is now the best run
    assert all(budget.fitted for budget in fit(*moved).budgets)


@pytest.mark.parametrize(
    ("curves", "reason"),
    [
        ([parabola(4e4, -0.02)] * 3, "bends down"),
        ([parabola(4e4, 1e-5) * np.exp(0.01 * np.sin(SIZES))] * 3, "bends"),
    ],
)
def test_curves_without_a_minimum_say_why(curves, reason):
    found = fit(*curves)
    assert all(reason in budget.reason for budget in found.budgets)
    assert minima.measure(table(curves), "loss", "params")[1].estimator == "best_run"


def test_sizes_far_from_the_best_do_not_bend_the_curve():
    """Wide grids of a lopsided law: within a window the exponent is nearer to the truth."""
    c = 2e11 * 4.0 ** np.arange(6)
    best = np.array([optimum(flops)[0] for flops in c])
    sizes = np.outer(best * np.geomspace(1, 2.5, 6), np.geomspace(0.03, 30, 9))  # drifts off centre
    loss = 0.3 + 9 * sizes**-ALPHA + 40 * (c[:, None] / 6 / sizes) ** -BETA
    rows = {"flops_budget": np.repeat(c, 9), "params": sizes.ravel(), "loss": loss.ravel()}
    rows = pd.DataFrame(rows | {"run_id": "x"})
    off = []
    for window in (isoflop.WINDOW, 1e9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(isoflop, "WINDOW", window)
            found = isoflop.fit_budgets(rows, "loss", "params")
        slope = np.polyfit(np.log(c), np.log([b.minimum[0] for b in found.budgets]), 1)[0]
        off.append(abs(slope - BETA / (ALPHA + BETA)))
    assert off[0] < 0.5 * off[1]


def test_two_sizes_are_not_fitted():
    assert "2 sizes" in fit(np.array([0.5, 0.6]), sizes=SIZES[:2]).budgets[0].reason


def test_errors_of_minima_are_those_of_new_sweeps(monkeypatch):
    monkeypatch.setattr(minima, "_scattered", lambda found: found)  # none is planted
    rng, planted = np.random.default_rng(0), np.stack([parabola(b) for b in (2e4, 3e4, 5e4, 8e4)])
    rows, found, errors = table(planted), [], []
    for _ in range(300):
        noisy = rows.assign(loss=rows["loss"] * np.exp(0.003 * rng.standard_normal(len(rows))))
        one = minima.measure(noisy, "loss", "params")[1]
        found.append([np.log(one.loss[-1]), np.log(one.size[-1])])
        errors.append([one.loss_sd[-1], np.sqrt(one.size_covariance[-1, -1])])
    spread, said = np.std(found, axis=0), np.sqrt(np.mean(np.square(errors), axis=0))
    assert said == pytest.approx(spread, rel=0.15)


def test_the_noise_between_runs_is_measured():
    measured = []
    for seed in range(30):
        rows = pd.DataFrame(make_rows(6, noise=0.003, seed=seed))
        measured.append(minima.measure(rows, "loss_ema", "params")[1].noise)
    assert np.sqrt(np.mean([n.sd**2 for n in measured])) == pytest.approx(0.003, rel=0.15)
    assert np.sqrt(np.mean([n.seeds_sd**2 for n in measured])) == pytest.approx(0.003, rel=0.3)


def test_curves_that_miss_the_runs_are_told_by_their_seeds():
    rows = pd.DataFrame(make_rows(6, noise=3e-4))
    steps = rows["params"].rank(method="dense").astype(int) % 2
    for zigzag, told in ((0.0, False), (0.01, True)):
        moved = rows.assign(loss_ema=rows["loss_ema"] * np.exp(zigzag * steps))
        noise = minima.measure(moved, "loss_ema", "params")[1].noise
        assert (noise.misfit < 0.01) == told


def test_the_planted_exponent_of_size_is_within_its_interval():
    rows = pd.DataFrame(make_rows(6))
    _, found = minima.measure(rows, "loss_ema", "params")
    law = laws.fit_size(found)
    low, high = law.intervals["a"]
    assert low < BETA / (ALPHA + BETA) < high
    assert high - low < 0.08
    for budget, size in zip(found.budgets, found.size, strict=True):
        assert size == pytest.approx(optimum(budget.flops)[0], rel=0.1)


def test_budgets_with_errors_of_their_own_widen_the_laws():
    rows = pd.DataFrame(make_rows(6, noise=0.001))
    at = np.log2(rows["flops_budget"] / rows["flops_budget"].min()).round().astype(int)
    shifts = 0.02 * np.array([1, -1, 1, -1, 1, -1.0])[at]
    moved = rows.assign(loss_ema=rows["loss_ema"] * np.exp(shifts))
    plain, off = (
        laws.fit_law("power", minima.measure(r, "loss_ema", "params")[1]) for r in (rows, moved)
    )
    assert np.ptp(off.intervals["g"]) > 3 * np.ptp(plain.intervals["g"])
    assert off.status.words.startswith("does not fit: chi2/df is")


def test_minima_near_an_end_of_their_sizes_give_no_isoflop_exponent():
    rows = pd.DataFrame(make_rows())
    assert laws.fit_size(minima.measure(rows, "loss_ema", "params")[1]).intervals
    cut = rows[(rows["flops_budget"] > 3e11) | (rows["params"] < rows["params"].median() / 3)]
    _, found = minima.measure(cut, "loss_ema", "params")
    assert found.off
    assert "an end of their sizes" in laws.fit_size(found).status.words


def test_without_enough_curves_the_best_runs_are_used():
    rows = [row for row in make_rows(4, seeds_at=0) if row["params"] < 1.2e4]
    budgets, found = minima.measure(pd.DataFrame(rows), "loss_ema", "params")
    assert found.estimator == "best_run"
    assert len(found.loss) == len(budgets)


def test_checkpoints_before_the_end_of_their_schedule_are_left_out():
    rows = pd.DataFrame(make_rows(2))
    rows.loc[0, "annealed"] = False
    rows.loc[1, "flops_budget"] = 0.0
    kept, notes = selection.select(rows, "loss_ema", "params")
    assert len(kept) == len(rows) - 2
    assert len(notes) == 2


def varpro(n, d, loss):
    """E, A, B, alpha, beta of least squares of the loss, independently (2603.22339).

    For given exponents the rest is linear: exponents are sought on grids that close in.
    """
    low, high = np.array([0.05, 0.05]), np.array([1.0, 1.0])
    for _ in range(40):
        best = (np.inf,)
        for alpha in np.linspace(low[0], high[0], 9):
            for beta in np.linspace(low[1], high[1], 9):
                columns = np.stack([np.ones(len(n)), n**-alpha, d**-beta], axis=1)
                linear, *_ = np.linalg.lstsq(columns / loss[:, None], np.ones(len(n)), rcond=None)
                cost = ((columns @ linear / loss - 1) ** 2).sum()
                best = min(best, (cost, alpha, beta, tuple(linear)))
        step = (high - low) / 4
        middle = np.array(best[1:3])
        low, high = np.maximum(middle - step, 1e-3), middle + step
    return np.array([*best[3], *best[1:3]])


def test_the_surface_agrees_with_an_independent_fit():
    rows = pd.DataFrame(make_rows(6, noise=0.0))
    rows["flops"] = 6 * rows["params"] * rows["tokens"]
    n, d, loss = (rows[c].to_numpy(float) for c in ("params", "tokens", "loss_ema"))
    found = runs.fit("chinchilla", rows, COLUMNS | {"loss": "loss_ema"}).fit.parameters
    mine = varpro(n, d, loss)
    theirs = [found[name] for name in ("E", "A", "B", "alpha", "beta")]
    assert theirs == pytest.approx(mine, rel=1e-4)
    assert theirs[3:] == pytest.approx(mine[3:], abs=1e-6)


def test_the_headline_weighs_minima_and_surface_alike():
    rows = pd.DataFrame(make_rows(6, noise=0.003, seed=4))
    _, found = minima.measure(rows, "loss_ema", "params")
    surface = runs.fit("chinchilla", rows, COLUMNS | {"loss": "loss_ema"})
    voices = best_size.voices(found, surface)
    law = best_size.headline(voices, found)
    assert set(law.voices) == {"isoflop", "chinchilla"}
    ends = [voice.interval for voice in law.voices.values()]
    low, high = law.intervals["a"]
    assert min(e[0] for e in ends) < low < BETA / (ALPHA + BETA) < high < max(e[1] for e in ends)
    both = (0.3, 0.7)  # two ways far apart: both are inside, and it is said
    apart = {
        name: best_size.Voice(student.single(a, 0.01, 20.0), voices["isoflop"].at)
        for name, a in zip(("isoflop", "chinchilla"), both, strict=True)
    }
    law = best_size.headline(apart, found)
    assert law.intervals["a"][0] < both[0] < both[1] < law.intervals["a"][1]
    assert "errors apart" in law.status.words


def test_the_surface_s_best_size_is_the_lowest_of_its_compute():
    """Small models pay up to twice the FLOPs per parameter and token: found by a fine search."""
    rows = pd.DataFrame(make_rows(6, noise=0.001))
    times = 1 + (rows["params"].max() / rows["params"]) ** 0.3 / 3
    rows["flops"] = 6 * rows["params"] * rows["tokens"] * times
    surface = runs.fit("chinchilla", rows, COLUMNS | {"loss": "loss_ema"})
    _, found = minima.measure(rows, "loss_ema", "params")
    log_c = float(np.log(rows["flops"].median()))
    said = best_size.voices(found, surface)["chinchilla"].at(log_c).mean[0]
    n = np.geomspace(surface.sizes[0], surface.sizes[-1], 20_001)
    ratio = np.interp(np.log(n), np.log(surface.sizes), np.log(surface.per_token))
    at_rest = ratio[np.abs(np.log(n) - said).argmin()]
    tokens = np.exp(log_c - at_rest) / n
    loss = surface.fit.predict({"params": n, "tokens": tokens})
    assert said == pytest.approx(np.log(n[loss.argmin()]), abs=2e-3)
