"""Scores over compute: planted curves are read as what they are, and intervals hold the truth."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.engine.status import Status
from analysis.fitting.result import Fit, Minimum
from analysis.scores import __main__ as command
from analysis.scores import best_size, columns, curve, noise, words
from vdit.errors import InputError

FLOPS = 1e10 * 2.0 ** np.arange(7)
SIZES = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
BEST = 1e4 * (FLOPS / FLOPS[0]) ** 0.5


def sweep(score, error=0.01, seeds=0.0, rng=None):
    """A table of `score(log2 of compute, log of size over the best one)`, and its Fit."""
    rng = rng or np.random.default_rng(0)
    c, n = np.repeat(np.arange(7), len(SIZES)), np.tile(SIZES, 7)
    u = np.log(n)
    loss = (2.0 + c) ** -0.3 * np.exp(0.03 * u**2)
    values = score(c, u) + math.hypot(error, seeds) * rng.standard_normal(len(c))
    table = pd.DataFrame(
        {"flops_budget": FLOPS[c], "params": BEST[c] * n, "loss": loss, "M": values}
    )
    table = table.assign(M_se=error, M_n=100, M_lower_is_better=False, run_id=table.index)
    budgets = tuple(
        Minimum(
            f, (b * SIZES).tolist(), [1.0] * 5, [1] * 5, "", Status("fitted", ""), "", False, b, 1.0
        )
        for f, b in zip(FLOPS, BEST, strict=True)
    )
    return table, Fit("frontier", {}, {"loss": "loss", "params": "params"}, budgets=budgets)


def read(score, **planted):
    (found,) = curve.curves(*sweep(score, **planted))
    return found


def test_scores_of_one_size_of_each_budget_tell_no_best_size():
    """However many seeds that size has: 1.5 or 2 times the best by loss here."""
    table, fit = sweep(lambda c, u: 12 - c + 0.2 * (u - 0.4) ** 2)
    table = table.assign(M_lower_is_better=True)
    (whole,) = curve.curves(table, fit)
    assert whole.size is not None
    alone = table[table["params"] == table["flops_budget"].map(dict(zip(FLOPS, BEST, strict=True)))]
    sizes = alone["params"] * np.where(np.arange(len(alone)) % 2, 2.0, 1.5)
    seeds = [alone.assign(params=sizes, M=alone["M"] + 0.002 * s, run_id=s) for s in range(3)]
    (found,) = curve.curves(pd.concat(seeds, ignore_index=True), fit)
    assert found.size is None


@pytest.mark.parametrize(
    ("score", "reads"),
    [
        (lambda c, u: 0.1 * c, "improves to the end"),
        (lambda c, u: 0.6 - 0.5 * np.exp(-1.5 * c), "saturates"),
        (lambda c, u: 0.3 + 0 * c, "says nothing"),
        (lambda c, u: 0.9 - 0.1 * c, "gets worse"),
        (lambda c, u: 0.9 - 0.1 * (c - 3.6) ** 2, "turns"),
    ],
)
def test_a_planted_curve_is_read_as_what_it_is(score, reads):
    assert read(score).reads == reads


def test_the_direction_of_a_score_is_that_of_its_records():
    table, fit = sweep(lambda c, u: 0.9 - 0.1 * c)
    (found,) = curve.curves(table.assign(M_lower_is_better=True), fit)
    assert found.reads == "improves to the end"
    assert found.whole.value == pytest.approx(0.6, abs=0.05)


def test_a_gain_holds_the_errors_of_clips_and_of_seeds():
    found = read(lambda c, u: 0.1 * c, error=0.03, seeds=0.04)
    assert found.seeds_error == pytest.approx(0.04, rel=0.4)
    low, high = found.whole.interval
    error = math.sqrt(2) * math.hypot(0.03, found.seeds_error)
    assert 1.96 * error < (high - low) / 2 < 2.2 * error  # Student's


def test_a_gain_that_is_none_is_told_as_seldom_as_asked_for():
    """Where runs scatter by more than clips explain, and few runs tell by how much."""
    table, fit = sweep(lambda c, u: 0.3 + 0 * c)
    # Two budgets, the larger and the smaller, each with three seeds of one size: df is 4.
    table = table[table["flops_budget"].isin(FLOPS[[0, -1]]) & (table.index % 5 == 2)]
    table = pd.concat([table] * 3, ignore_index=True)
    rng, told, count = np.random.default_rng(4), 0, 11
    for _ in range(4000):
        table["M"] = 0.3 + 0.05 * rng.standard_normal(6)
        seeds = noise.between_seeds(table.assign(M_se=1e-3), "M", fit.columns)
        error, degrees = seeds.with_clips([noise.ClipsError(1e-3)] * 2)
        step = 0.05 * rng.standard_normal(2)
        told += abs(step[1] - step[0]) > error * noise.level(count, degrees)
    assert 0.0015 <= told / 4000 <= 0.009  # .05 / 11 = .0045; of normal quantiles it is .047


def test_errors_of_few_blocks_are_told_as_seldom_as_asked_for():
    """Two scores without a difference, each error by a jackknife over 16 blocks."""
    rng, draws, count = np.random.default_rng(6), 20_000, 11
    step = rng.standard_normal((draws, 2)) @ [1, -1]
    errors = np.sqrt(rng.chisquare(15, (draws, 2)) / 15)
    told = normal = 0
    for value, pair in zip(step, errors, strict=True):
        error, degrees = noise.Seeds().with_clips([noise.ClipsError(se, 15) for se in pair])
        assert 15 <= degrees <= 30.001
        told += abs(value) > error * noise.level(count, degrees)
        normal += abs(value) > error * noise.level(count)
    assert 0.003 <= told / draws <= 0.006  # .05 / 11 = .0045
    assert normal / draws > 0.007


def test_an_error_over_clips_is_known_by_what_its_row_says():
    row = pd.Series({"M_se": 0.1, "M_n": 10, "K_se": 0.1, "K_n": 256, "K_df": 15.0, "L_se": 0.1})
    assert noise.error_of_row(row, "M") == (0.1, 9)
    assert noise.error_of_row(row, "K") == (0.1, 15)
    assert noise.error_of_row(row, "L") == (0.1, noise.KNOWN)


def test_clips_explain_what_they_do_where_seeds_are_compared():
    """Runs of other cells may have few clips: they tell nothing of these."""
    values = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.9])
    table = pd.DataFrame({"flops_budget": [1.0] * 5 + [2.0], "params": 1.0, "M": values})
    table["M_se"] = [0.05] * 5 + [10.0]
    found = noise.between_seeds(table, "M", {"params": "params", "loss": "loss"})
    assert found.sd == pytest.approx(math.sqrt(values[:5].var(ddof=1) - 0.05**2))
    assert found.df == 4


def test_so_many_clips_tell_a_step_four_times_in_five():
    step, of_clip, seeds, rng = 0.1, 0.5, 0.02, np.random.default_rng(1)
    count = noise.clips_to_tell(step, of_clip, seeds)
    error = math.sqrt(2) * math.hypot(of_clip / math.sqrt(count), seeds)
    seen = step + error * rng.standard_normal(20_000)
    assert (seen > 1.96 * error).mean() == pytest.approx(0.8, abs=0.01)
    assert noise.clips_to_tell(step, of_clip, seeds=0.05) is None
    assert math.isnan(noise.clips_to_tell(step, 0.0, seeds))


def test_the_best_size_by_a_score_holds_the_planted_one():
    """Fieller's interval over planted tables, where scores bend enough to tell."""
    shift, rng, held = math.log(1.5), np.random.default_rng(2), []
    for _ in range(200):
        table, fit = sweep(lambda c, u: 0.1 * c - 0.05 * (u - shift) ** 2, 0.02, rng=rng)
        found = best_size.size_factor(table, fit, "M", np.full(len(table), 0.02), lower=False)
        low, high = found.interval
        held.append(low <= 1.5 <= high)
    assert 0.91 <= np.mean(held) <= 0.99


def test_scores_that_do_not_bend_or_are_worst_in_the_middle_tell_no_size():
    assert read(lambda c, u: 0.1 * c).size is None
    assert read(lambda c, u: 0.1 * c - 0.2 * u**2).size is not None
    assert read(lambda c, u: 0.1 * c + 0.2 * u**2).size is None


def test_the_table_fits_a_terminal_and_best_sizes_stand_below():
    table, fit = sweep(lambda c, u: 12 - c + 0.2 * (u - 0.4) ** 2)
    (found,) = curve.curves(table.assign(M_lower_is_better=True), fit)
    long = replace(found, name="extend_unweighted_efficientnet_57934424", size=None)
    assert max(map(len, words.lines([found, long]))) < 120
    told, rest = words.ratios([found, long])
    assert float(told.split()[1]) == pytest.approx(math.exp(0.4), rel=0.2)
    assert rest == "not told: extend unweighted efficientnet 57934424"


def test_what_the_loss_tells_of_a_score_is_said():
    """Planted: a score that is linear in the loss, and one that has nothing of it."""
    table, fit = sweep(lambda c, u: 0 * c)
    noise_R = 0.001 * np.random.default_rng(8).standard_normal(len(table))
    table = table.assign(M=table["loss"] + noise_R, M_lower_is_better=True)
    (found,) = curve.curves(table, fit)
    rank, *told = words.by_loss(found)
    assert rank == "+1.00"
    for share, text in zip((1.0, words.LESS), told, strict=True):
        value, low, high, loss = map(float, re.findall(r"[\d.]+", text))
        assert loss == pytest.approx(share * np.exp(np.log(table["loss"]).mean()), abs=1e-3)
        assert value == pytest.approx(loss, abs=2e-3)
        assert low < loss < high < low + 0.01
    nothing = read(lambda c, u: 0.3 + 0 * c)
    assert words.by_loss(nothing)[1].startswith("not identified: the metric does not follow")
    assert words.laws([nothing])[1].startswith("M")


def test_blanks_and_what_is_infinite_are_left_out():
    table, fit = sweep(lambda c, u: 0.1 * c)
    table.loc[3, "M"], table.loc[8, "M"] = np.nan, np.inf
    (found,) = curve.curves(table, fit)
    assert found.reads == "improves to the end"
    assert [c.name for c in curve.curves(table.assign(loss_se=1.0), fit)] == ["M"]


def test_the_middle_of_a_bend_counts_twice():
    found = read(lambda c, u: 0.1 * c, error=0.03)
    wide = [np.ptp(interval) for interval in (found.bend, found.whole.interval)]
    assert wide[0] == pytest.approx(math.sqrt(3) * wide[1])  # variances of 1 + 4 + 1, and of 2


def test_bounds_baselines_parts_and_losses_are_no_scores():
    scores = ["extend_psnr", "extend_psnr_still", "extend_psnr_coded", "extend_psnr_01", "loss"]
    table = pd.DataFrame({f"{name}{end}": [1.0, 2.0] for name in scores for end in ("", "_se")})
    assert columns.names(table) == []  # nothing says which way is better
    table = table.assign(extend_psnr_lower_is_better=False, extend_psnr_still=0.0)
    assert columns.names(table) == ["extend_psnr"]
    assert columns.beside(table, "extend_psnr") == {"still": 0.0, "coded": 1.5}


def test_distances_are_called_by_what_tells_them_apart():
    first, second, other = (
        f"{n}__ab12__n{k}_8" for n, k in (("a__b", 4), ("a__b", 8), ("c__d_e", 8))
    )
    assert columns.labels([first, other]) == {first: "a b", other: "c d e"}
    assert columns.labels([first, second]) == {first: "a b n4 8", second: "a b n8 8"}
    assert columns.labels(["a__b", "a__b__c"]) == {"a__b": "a b", "a__b__c": "a b c"}


def test_what_is_the_same_of_every_run_is_said_and_has_no_curve():
    table, fit = sweep(lambda c, u: 0.1 * c)
    table = table.assign(copies=0.0, copies_se=0.0, copies_lower_is_better=True)
    assert [found.name for found in curve.curves(table, fit)] == ["M"]
    assert words.left_out(table) == "the same of every run: copies"


def test_the_command_reads_a_table(tmp_path, capsys):
    table = sweep(lambda c, u: 0.1 * c)[0]
    table = table.assign(
        flops=table["flops_budget"], tokens=table["flops_budget"] / table["params"]
    )
    same = {f"same{n}{end}": 0.0 for n in range(30) for end in ("", "_se", "_lower_is_better")}
    table = table.assign(**same)
    table.to_csv(tmp_path / "results.csv", index=False)
    out = tmp_path / "scores.json"
    command.main([str(tmp_path / "results.csv"), "--json", str(out), "--png", f"{out}.png"])
    said = capsys.readouterr().out
    assert "improves to the end" in said
    assert max(len(line) for line in said.splitlines() if str(tmp_path) not in line) < 120
    assert "clips for 2x: independent clips" in said
    assert "\nscore  rank  at the mean loss" in said
    assert json.loads(out.read_text())["scores"][0]["reads"] == "improves to the end"
    table.drop(columns="M_se").to_csv(tmp_path / "results.csv", index=False)
    with pytest.raises(InputError, match="no scores at two budgets"):
        command.main([str(tmp_path / "results.csv")])
