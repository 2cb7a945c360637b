"""Two steps to a score: a planted ladder comes back, noise between runs in the interval."""

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.fitting import summary
from analysis.laws import metric, two_step
from analysis.published import olmo_ladder
from tests.paths import reference

NOISE = 0.003, 0.6  # sd of log loss between runs, of the score at one loss


def score(loss):
    """Falls with the loss, ever less."""
    return 90 - 35 * loss**1.5 / 3.0


def ladder(rng, noise=NOISE):
    """16 runs of four sizes and four lengths, then two that are 8 and 60 times as large."""
    params = np.repeat([2e8, 4e8, 8e8, 1.3e9], 4)
    tokens = 20 * params * np.tile([1, 2, 5, 10], 4)
    params, tokens = np.append(params, [3e9, 7e9]), np.append(tokens, [6e11, 2e12])
    loss = 1.8 + 500 * params**-0.34 + 1500 * tokens**-0.36
    loss = loss * np.exp(noise[0] * rng.standard_normal(18))
    found = score(loss) + noise[1] * rng.standard_normal(18)
    return pd.DataFrame({"params": params, "tokens": tokens, "loss": loss, "score": found})


def fit(table, **options):
    asked = {"metric": "score", "hold_out": "params > 2e9", "objective": "log_mse", **options}
    return analysis.fit(table, "two_step", **asked).to_json()


def test_without_noise_both_steps_are_exact():
    table = ladder(np.random.default_rng(0), (0, 0))
    found = fit(table, bootstrap=0)
    assert found["parameters"]["alpha"] == pytest.approx(0.34, rel=1e-4)
    assert found["parameters"]["p"] == pytest.approx(1.5, rel=1e-4)
    for said, (_, run) in zip(found["scores"], table.iloc[16:].iterrows(), strict=False):
        assert said["value"] == pytest.approx(run["score"], rel=1e-5)
        assert said["observed"] == run["score"]
        assert said["interval"] is None


def test_new_runs_scores_lie_in_their_intervals_as_often_as_these_say():
    inside, rng = [], np.random.default_rng(0)
    for _ in range(16):
        said = fit(ladder(rng), bootstrap=60)["scores"][:2]
        inside += [s["interval"][0] < s["observed"] < s["interval"][1] for s in said]
    assert sum(inside) >= 27  # of 32 at 95 %: fewer one time in a hundred


def test_an_accuracy_from_chance_to_a_ceiling_never_leaves_what_it_can_be():
    inside, rng = [], np.random.default_rng(0)
    for _ in range(12):
        table = ladder(rng)
        accuracy = 0.25 + 0.7 / (1 + np.exp(6 * (table["loss"] - 2.75)))
        table["score"] = accuracy + 0.01 * rng.standard_normal(len(table))
        found = fit(table, bootstrap=60)
        assert found["step_2"] == "sigmoid"
        for said in found["scores"]:
            assert 0 <= said["interval"][0] <= said["value"] <= said["interval"][1] <= 1
        inside += [s["interval"][0] < s["observed"] < s["interval"][1] for s in found["scores"][:2]]
    assert sum(inside) >= 20  # of 24


def test_an_error_that_falls_with_the_loss_stays_above_zero():
    table = ladder(np.random.default_rng(0))
    table["score"] = 10 * (table["loss"] / 3) ** 6 * np.exp(0.02 * np.arange(18) % 3)
    found = fit(table, bootstrap=40)
    assert found["step_2"] == "positive"
    assert all(0 < said["interval"][0] < said["value"] for said in found["scores"])


def test_the_noise_of_both_steps_is_in_the_interval():
    losses = np.geomspace(2.2, 3.4, 12)
    noise = np.random.default_rng(0).standard_normal(12)
    steps = metric.fit(losses, score(losses) + noise)
    value, (low, high) = two_step.chained(2.3, [2.3, 2.3], steps)
    assert (low, high) == pytest.approx(metric.predict(steps, 2.3).interval)
    _, (below, above) = two_step.chained(2.3, [2.0, 2.6], steps)
    moved = value - metric.predict(steps, 2.6).value
    assert value - below == pytest.approx(np.hypot(moved, value - low))
    assert above > high


def test_a_score_that_does_not_follow_the_loss_has_no_law():
    table = ladder(np.random.default_rng(0))
    table["score"] = np.random.default_rng(1).standard_normal(len(table))
    found = fit(table, bootstrap=0)
    assert found["status"]["word"] == "not identified"
    assert "does not follow the loss" in found["status"]["words"]
    assert "scores" not in found


@pytest.mark.parametrize(
    ("score", "why"), [(3.0, "the metric does not move"), (np.nan, "0 runs, the law needs 5")]
)
def test_a_score_that_does_not_move_or_was_not_measured_has_no_law(score, why):
    found = fit(ladder(np.random.default_rng(0)).assign(score=score), bootstrap=0)
    assert found["status"]["words"] == f"not identified: {why}"


def test_the_olmo_ladder_says_hellaswag_of_its_large_models():
    runs = olmo_ladder.runs_of(reference("fits/olmo_ladder"))
    options = {"hold_out": olmo_ladder.LARGE, "bootstrap": 100, **olmo_ladder.COLUMNS}
    found = analysis.fit(runs, "two_step", metric="hellaswag_bpb", **options)
    for said in found.entry.scores[:2]:
        assert said.interval[0] < said.observed < said.interval[1]
        assert abs(said.value - said.observed) < abs(said.direct - said.observed)
    assert "row 18, observed 0.6599: by its loss 0.64" in summary.text(found, "two_step")
