"""Curves of compute-optimal runs collapse, and a mistuned one is seen to leave them."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis import collapse as command
from analysis.curves import collapse, collect
from tests.analysis.synthetic_sweep import ALPHA, BETA, A, B, E, make_rows, optimum
from vdit.errors import InputError

BUDGETS = 2e12 * 4.0 ** np.arange(6)
POINTS = 200


def curves(rng, noise=0.002, mistuned=None, bend=0.1):
    """Six compute-optimal runs of the planted law, N fixed and D growing; one bends up midway."""
    parts = []
    for index, flops in enumerate(BUDGETS):
        n = optimum(flops)[0]
        share = np.arange(1, POINTS + 1) / POINTS
        above = A * n**-ALPHA + B * (share * flops / 6 / n) ** -BETA
        if index == mistuned:
            above = above * (1 + bend * np.sin(np.pi * share))
        loss = (E + above) * np.exp(noise * rng.standard_normal(POINTS))
        part = {"steps": np.arange(1, POINTS + 1) * 10 * (index + 1), "loss": loss}
        parts.append(pd.DataFrame(part).assign(run_id=f"r{index}", flops_budget=flops, size=index))
    return pd.concat(parts, ignore_index=True)


def test_without_noise_curves_collapse_at_the_planted_floor():
    found = collapse.collapse(curves(np.random.default_rng(0), noise=0))
    assert found.floor == pytest.approx(E, rel=0.02)
    assert max(run.deviation for run in found.runs) < 0.005
    given = collapse.collapse(curves(np.random.default_rng(0), noise=0), floor=E)
    assert max(run.deviation for run in given.runs) < 1e-3


def test_a_mistuned_run_is_flagged_and_the_others_are_not():
    for seed in range(10):
        found = collapse.collapse(curves(np.random.default_rng(seed), mistuned=seed % 6))
        assert [run.run for run in found.runs if run.flagged] == [f"r{seed % 6}"]


def test_noise_alone_is_no_mistuning():
    found = [collapse.collapse(curves(np.random.default_rng(s), noise=0.01)) for s in range(10)]
    runs = [run for one in found for run in one.runs]
    assert not any(run.flagged for run in runs)
    ratio = np.median([run.deviation / run.noise for run in runs])
    assert 0.5 < ratio < 2  # the noise that is said is about what the curves show


def test_the_best_run_of_each_budget_is_compared():
    table = curves(np.random.default_rng(0))
    worse = table[table["run_id"] == "r2"].assign(run_id="off", loss=lambda t: t["loss"] * 1.05)
    chosen = collapse.chosen(pd.concat([table, worse]))
    assert set(chosen["run_id"]) == set(table["run_id"])


def test_too_few_curves_and_a_floor_above_them_are_one_line():
    table = curves(np.random.default_rng(0))
    with pytest.raises(InputError, match="2 curves: at least 3"):
        collapse.collapse(table[table["run_id"].isin(["r0", "r1"])])
    with pytest.raises(InputError, match="the floor 9 is not below the lowest loss"):
        collapse.collapse(table, floor=9.0)
    heard = []
    short = table[(table["run_id"] != "r0") | (table["steps"] > 1900)]
    assert len(collapse.collapse(short, tell=heard.append).runs) == 5
    assert "run r0: left out" in heard[0]


def test_the_command_reads_run_folders_prints_and_draws(tmp_path, capsys):
    rows = list({row["flops_budget"]: row for row in make_rows(4)}.values())
    table = curves(np.random.default_rng(0))
    for index, row in enumerate(rows):
        folder = tmp_path / "runs" / row["run_id"]
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps(row | {"steps": 10 * POINTS * (index + 1)}))
        part = table[table["run_id"] == f"r{index}"]
        lines = [{"step": 10, "resumed": True}]
        lines += [
            {"step": int(s), "loss": v, "lr": 1e-3} for s, v in part[["steps", "loss"]].to_numpy()
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "metrics.jsonl").write_text(text)
    found = collect.collect(tmp_path)
    assert len(found) == 4 * POINTS
    last = found.groupby("run_id").tail(1).set_index("run_id")
    assert last.loc[rows[0]["run_id"], "tokens"] == pytest.approx(rows[0]["tokens"])
    out, png = tmp_path / "curves.csv", tmp_path / "collapse.png"
    command.main([str(tmp_path), "--out", str(out), "--png", str(png)])
    assert capsys.readouterr().out.count("(noise of batches") == 4
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    command.main([str(out), "--where", "steps > 0", "--floor", "0.2"])
    assert "E 0.2;" in capsys.readouterr().out
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no finished run with a metrics"):
        command.main([str(empty)])
