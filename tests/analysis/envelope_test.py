"""The envelope of training curves gives planted exponents, published ones, and says its limits."""

import numpy as np
import pandas as pd
import pytest

from analysis.frontier import envelope
from tests.analysis.synthetic_sweep import ALPHA, BETA, planted_loss
from tests.paths import reference
from vdit.errors import InputError

COLUMNS = {
    "params": "params",
    "tokens": "tokens",
    "flops": "flops",
    "loss": "loss_ema",
    "group": "run_id",
}


def curves(sizes=25, noise=0.0):
    """Training curves of `sizes` runs under the planted law, 60 checkpoints each."""
    rng = np.random.default_rng(0)
    n = np.repeat(np.geomspace(2e4, 2e6, sizes), 60)
    tokens = n * np.tile(np.geomspace(3, 800, 60), sizes)
    loss = planted_loss(n, 6 * n * tokens) * np.exp(noise * rng.standard_normal(len(n)))
    return pd.DataFrame(
        {"params": n, "tokens": tokens, "flops": 6 * n * tokens, "loss_ema": loss, "run_id": n}
    )


def test_the_hull_is_below_every_row():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 300))
    hull = envelope.lower_hull(x, y)
    assert (np.diff(x[hull]) > 0).all()
    assert (np.diff(y[hull]) < 0).all()
    left = x <= x[hull[-1]]
    assert (np.interp(x[left], x[hull], y[hull]) <= y[left] + 1e-12).all()
    assert (np.diff(np.diff(y[hull]) / np.diff(x[hull])) > 0).all()


def test_the_envelope_gives_the_planted_exponents_inside_the_ladder_of_sizes():
    true = BETA / (ALPHA + BETA)
    points, inside, found = envelope.envelope(curves(), COLUMNS)
    law = envelope.laws(points.take(inside))
    assert law.parameters["a"] == pytest.approx(true, abs=0.005)
    assert law.parameters["b"] == pytest.approx(1 - true, abs=0.005)
    assert law.status.words == "converged"
    # Before the second size and after the last but one, the points follow a single size.
    assert envelope.laws(points).parameters["a"] < true - 0.1
    assert [flag.kind for flag in found] == ["envelope_end", "envelope_end"]
    noisy, inside, _ = envelope.envelope(curves(noise=0.002), COLUMNS)
    assert envelope.laws(noisy.take(inside)).parameters["a"] == pytest.approx(true, abs=0.05)


def test_an_envelope_of_few_sizes_or_of_runs_cut_short_says_so():
    _, _, found = envelope.envelope(curves(4), COLUMNS)
    assert "envelope_few" in {flag.kind for flag in found}
    table = curves()
    short = table[table["tokens"] < 30 * table["params"]]
    _, _, found = envelope.envelope(short, COLUMNS)
    assert "envelope_stopped" in {flag.kind for flag in found}
    with pytest.raises(InputError, match="the table has one"):
        envelope.envelope(table[table["params"] == table["params"].min()], COLUMNS)


def gemstones(name):
    """A table of Gemstones (2502.06857) with its own count of FLOPs, closed: width w, depth d."""
    rows = pd.read_json(reference(f"fits/gemstones/wandb_dfs/{name}.jsonl"), lines=True)
    w, d = rows["width"].astype(float), rows["depth"].astype(float)
    attention = 10.5 * 2048 * 129 / 128 * w  # scores and their softmax, forward and backward
    per_token = d * (90 * w**2 + 183.75 * w + attention) + 6 * 50304 * w + 21 * w
    rows["flops"] = per_token * rows["tokens"]
    return rows, COLUMNS | {
        "params": "params_active_precise",
        "loss": "final_loss",
        "group": "run_name",
    }


def test_the_published_envelope_of_gemstones_is_reproduced():
    points, _, _ = envelope.envelope(*gemstones("wandb_df_for_fitting_cool_end"))
    law = envelope.laws(points)
    assert law.parameters["a"] == pytest.approx(0.5969810173757477, abs=1e-6)
    assert law.parameters["b"] == pytest.approx(0.3932603792287174, abs=1e-6)


def test_gemstones_without_cooldown_is_near_what_was_published():
    rows, columns = gemstones("wandb_df_for_fitting_hot_100b+")
    points, _, _ = envelope.envelope(rows, columns)
    law = envelope.laws(points)
    # The table behind .4994 and .4810 is not among the published ones; this is the nearest.
    assert law.parameters["a"] == pytest.approx(0.4994, abs=0.001)
    assert law.parameters["b"] == pytest.approx(0.4810, abs=0.01)
    rows["flops"] = 6.0 * rows["params_active_precise"] * rows["tokens"]
    points, _, _ = envelope.envelope(rows, columns)
    law = envelope.laws(points)
    assert (law.parameters["a"], law.parameters["b"]) == pytest.approx((0.4951, 0.5049), abs=1e-4)
