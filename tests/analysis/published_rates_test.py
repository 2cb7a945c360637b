"""Optimal learning rates and batches of published runs, and of the demo's own check."""

import pandas as pd
import pytest

from analysis.laws import published
from tests.analysis.hyperparameters_test import fitted
from tests.paths import ROOT, reference


def test_yins_runs_agree_with_yins_law():
    """36 runs of 1.07B (figure 4, read off by a third party): one cell of two has an optimum."""
    name = "fits/video_dit_published/yin2411.17470_fig4_1.07B_lr_bs_heatmap.csv"
    columns = {"params": "N", "batch": "batch_tokens", "loss": "val_loss"}
    found = fitted(pd.read_csv(reference(name)), columns)
    edge, inside = found["cells"]
    assert found["status"]["word"] == "not identified"
    at = {"params": inside["params"], "tokens": inside["tokens"]}
    assert inside["lr"] == pytest.approx(1.859e-4, rel=1e-3)  # published: 1.782e-4
    assert inside["batch"] == pytest.approx(119854, rel=1e-3)  # published: 141,905
    for axis in ("lr", "batch"):
        low, high = inside[f"{axis}_interval"]
        assert low < published.evaluate("yin", axis, **at) < high
    # At 4e9 tokens the published optimum, 67,680 tokens, lies below the smallest batch tried.
    assert "below the smallest batch" in edge["status"]
    assert published.evaluate("yin", "batch", params=1.07e9, tokens=4e9) < 8.2e4


def test_step_laws_runs_give_step_laws_law():
    """1,911 dense runs (github.com/step-law/steplaw, data/dense_lr_bs_loss.csv)."""
    table = pd.read_csv(reference("fits/step_law/dense_lr_bs_loss.csv"))
    table["batch"] = 2048 * table["bs"]
    columns = {"params": "N", "tokens": "D", "loss": "smooth loss"}
    found = fitted(table, columns)
    assert "17 of 17 cells have an optimum inside" in found["status"]["words"]
    for name, law in (("params", -0.713), ("tokens", 0.307)):
        low, high = found["intervals"][f"lr_{name}"]
        assert low < law < high < low + 0.2
    assert found["parameters"]["batch_tokens"] == pytest.approx(0.634, abs=0.01)


def test_the_demos_check_says_what_half_and_double_can_say():
    """Five runs in a star: the rule is about right at the large end, the small wants less batch."""
    found = fitted(pd.read_csv(ROOT / "analysis/results/demo/check.csv"))
    assert found["parameters"] == {}  # two cells are no law
    small, large = found["cells"]
    assert small["batch"] == pytest.approx(4.3, rel=0.1)  # the smallest that was tried is 4
    assert large["lr"] == pytest.approx(0.00977, rel=0.2)
    assert large["batch"] == pytest.approx(8, rel=0.1)
    low, high = large["lr_interval"]
    assert high > 2 * low  # nine runs and no seeds: one degree of freedom
    (lost,) = found["diverged"]
    assert lost["lr"] == pytest.approx(0.0657, rel=1e-2)
