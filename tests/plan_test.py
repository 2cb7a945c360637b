"""Every sweep of the repository is planned here as it ships; the demo keeps what it promises."""

import collections
import itertools
import math
import pathlib

import pytest

from sweeps import demo
from sweeps.launcher import forecast, launch, plan
from tests import clips
from vdit.config import sizes
from vdit.errors import InputError
from vdit.runs.files import write_json

REPO = pathlib.Path(__file__).resolve().parents[1]
DEMO = str(REPO / "sweeps" / "demo.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return plan.make_plan(DEMO, tmp_path_factory.mktemp("root"), [])["runs"]


@pytest.fixture(scope="module")
def variants(tmp_path_factory):
    sweep = str(REPO / "sweeps" / "variants.py")
    return plan.make_plan(sweep, tmp_path_factory.mktemp("variants"), [])["runs"]


def test_variants_of_one_table_cost_the_same_and_those_of_the_other_weigh_the_same(variants):
    dear = [run for run in variants if run["flops_budget"]]
    assert all(run["flops"] == pytest.approx(run["flops_budget"], rel=1e-3) for run in dear)
    assert max(r["clips"] for r in dear) < 1.15 * min(r["clips"] for r in dear)
    large = [run for run in variants if not run["flops_budget"]]
    assert max(r["params"] for r in large) < 1.15 * min(r["params"] for r in large)
    assert len({run["clips"] for run in large}) == 1
    assert len(dear) == len(large) == 27  # nine variants, three seeds


EXPERIMENTS = sorted(p for p in REPO.glob("experiments/*.py") if "get_config" in p.read_text())


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_makes_a_config_that_resolves_to_a_shape(path):
    module = plan.load_module(path)
    config = module.get_config("")
    assert module.__doc__
    if "model" in config:
        assert sizes.model_config_of(config).tokens > 0


def test_continuations_spend_their_budgets_with_frames_given(tmp_path):
    runs = plan.make_plan(str(REPO / "sweeps" / "continuations.py"), tmp_path, [])["runs"]
    assert len(runs) == 12
    for run in runs:
        assert run["overrides"]["model.given"] == 0.5
        assert run["flops"] == pytest.approx(run["flops_budget"], rel=1e-3)
        assert run["epochs"] <= 4


def test_a_folder_is_passed_over_as_often_as_its_own_windows_ask(tmp_path):
    videos, out = clips.grey_videos(tmp_path / "videos"), tmp_path / "data"
    info = clips.run(videos, out, "--keep_near_duplicates", frames=9)
    there = info["counts"]["train"]["windows"]
    shape = ["data.height=8", "data.width=8"]
    for run in plan.make_plan(f"{DEMO}:videos={out}", tmp_path / "root", shape)["runs"]:
        assert run["config"]["data"]["train_clips"] > there
        assert run["epochs"] == run["clips"] / there


def test_shares_of_images_spend_the_same_budgets_on_the_same_seeds(tmp_path):
    runs = plan.make_plan(str(REPO / "sweeps" / "image_share.py"), tmp_path, [])["runs"]
    cells = collections.defaultdict(set)
    for run in runs:
        share = run["config"]["data"]["image_share"]
        cells[run["size"], run["flops_budget"], share].add(run["seed"])
        assert run["flops"] == pytest.approx(run["flops_budget"], rel=5e-3)
        of_clips = run["clips"] / (run["steps"] * run["batch"])
        assert of_clips == pytest.approx(1 - share, abs=1 / run["steps"])
    mixed = {cell: seeds for cell, seeds in cells.items() if cell[2]}
    assert {share for _, _, share in mixed} == {0.25, 0.5, 0.75}
    assert len(mixed) == 3 * 3
    for (size, budget, share), seeds in mixed.items():
        for clips_alone in (budget, (1 - share) * budget):
            assert cells[size, clips_alone, 0.0] == seeds


def test_budgets_are_factors_of_two_each_with_four_sizes(runs):
    cells = collections.defaultdict(set)
    for run in runs:
        cells[run["flops_budget"]].add(run["size"])
    budgets = sorted(cells)
    assert len(budgets) >= 6
    assert {b / a for a, b in itertools.pairwise(budgets)} == {2}
    assert min(map(len, cells.values())) >= 4


def test_every_run_spends_its_budget(runs):
    for run in runs:
        assert run["steps"] >= 100
        assert run["flops"] == pytest.approx(run["flops_budget"], rel=0.5 / run["steps"])


def test_one_cell_has_three_seeds_and_every_run_is_another(runs):
    cells = collections.Counter((run["flops_budget"], run["size"]) for run in runs)
    assert max(cells.values()) == 3
    assert len({run["run_id"] for run in runs}) == len(runs) == len(cells) + 2


def test_all_runs_read_one_stream_and_see_no_clip_more_than_four_times(runs):
    data = [run["config"]["data"] for run in runs]
    assert all(each == data[0] for each in data)
    assert min(run["epochs"] for run in runs) == 1
    assert 3 < max(run["epochs"] for run in runs) <= 4


def test_more_budgets_change_no_run_of_the_demo(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(demo.SIZES, 64, ("w48d2", "w64d2", "w80d2", "w72d4"))
    (tmp_path / "sweeps").mkdir()
    grown = tmp_path / "sweeps" / "demo.py"
    grown.write_text("from sweeps.demo import EXPERIMENT, sweep\n")
    after = {run["run_id"]: run for run in plan.make_plan(str(grown), tmp_path, [])["runs"]}
    assert len(after) == len(runs) + 4
    for run in runs:
        assert after[run["run_id"]]["config"]["data"] == run["config"]["data"]
        assert after[run["run_id"]]["steps"] == run["steps"]


def test_order_is_longest_first_and_small_models_first_in_a_budget(runs):
    order = plan.select({"runs": runs})
    budgets = [run["flops_budget"] for run in order]
    assert budgets == sorted(budgets, reverse=True)
    assert order[0]["params"] == min(r["params"] for r in runs if r["flops_budget"] == budgets[0])


def test_hold_out_leaves_out_the_largest_budget_only(runs):
    largest = max(run["flops_budget"] for run in runs)
    kept = plan.select({"runs": runs}, plan.up_to({"runs": runs}, True, math.inf))
    assert (
        sorted({r["flops_budget"] for r in kept}) == sorted({r["flops_budget"] for r in runs})[:-1]
    )
    assert len(kept) == sum(run["flops_budget"] < largest for run in runs)
    without = {"sweep": "x", "runs": [run | {"flops_budget": 0.0} for run in runs]}
    with pytest.raises(InputError, match="no flops_budget to hold out"):
        plan.up_to(without, True, math.inf)


def test_up_to_stops_at_a_budget(runs):
    sweep = {"sweep": "x", "runs": runs}
    budgets = sorted({run["flops_budget"] for run in runs})
    kept = plan.select(sweep, plan.up_to(sweep, False, budgets[1]))
    assert {run["flops_budget"] for run in kept} == set(budgets[:2])
    assert plan.up_to(sweep, False, math.inf) == math.inf
    with pytest.raises(InputError, match="the least budget is"):
        plan.up_to(sweep, False, budgets[0] / 2)


def test_a_plan_read_back_has_the_configs_of_its_runs(tmp_path):
    made = plan.make_plan(DEMO, tmp_path, ["optimizer.weight_decay=0.1"])
    plan.write_plan(tmp_path, made)
    run = plan.read_plan(tmp_path)["runs"][-1]
    config = plan.config_of(run)
    assert config.optimizer.weight_decay == 0.1
    assert config.sweep.name == "demo"
    assert config.cache == str(tmp_path / "latents")
    assert config.autoencoder.dir == str(tmp_path / "autoencoder")


def test_a_width_below_the_patch_stops_the_plan(tmp_path):
    with pytest.raises(InputError, match="width 20 is not above the 64 numbers in one patch"):
        plan.make_plan(DEMO, tmp_path, ["model.patch=(1,4,4)"])


def test_a_setting_that_the_sweep_overrides_is_refused(tmp_path):
    with pytest.raises(InputError, match="--set batch=7 has no effect: the sweep sets batch"):
        plan.make_plan(DEMO, tmp_path, ["batch=7"])
    assert {r["seed"] for r in plan.make_plan(DEMO, tmp_path, ["seed=9"])["runs"]} == {0, 1, 2, 9}


def test_what_is_no_sweep_is_refused(tmp_path):
    for text, message in [("demo", "expected FILE.py"), ("demo.pyx", "expected FILE.py")]:
        with pytest.raises(InputError, match=message):
            plan.make_plan(text, tmp_path, [])
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(InputError, match="EXPERIMENT is missing"):
        plan.make_plan(str(tmp_path / "empty.py"), tmp_path, [])
    with pytest.raises(InputError, match="config argument 'colour=red'"):
        plan.make_plan(f"{DEMO}:colour=red", tmp_path, [])


def test_expected_seconds_rest_on_finished_runs(tmp_path):
    runs = [
        {"size": "a", "batch": 4, "steps": 100, "flops": 1e12, "overrides": {}},
        {"size": "b", "batch": 4, "steps": 100, "flops": 4e12, "overrides": {}},
    ]
    assert forecast.expected_seconds(tmp_path, runs)[0] == [100, 400]
    result = {"run_id": "x", "size": "a", "batch": 4, "steps": 10, "step_s": 2.0, "flops": 1e12}
    result |= {"loss": 0.5, "started": 5.0, "finished": 32.0}
    write_json(tmp_path / "runs" / "x" / "result.json", result)
    # a: 100 steps of 2 s; b: 4e12 FLOPs at 1e12 in 20 s; each and 7 s beside.
    assert forecast.expected_seconds(tmp_path, runs)[0] == [207, 87]


def test_spread_is_the_time_until_the_last_worker_is_done():
    assert forecast.spread([5, 4, 3], 2) == 7
    assert forecast.spread([5, 4, 3], 1) == 12
    assert forecast.spread([], 2) == 0


def test_settings_given_one_by_one_add_up():
    given = ["--sweep", "x.py", "--root", "r", "--set", "a=1", "--set", "b=2", "c=3"]
    assert launch._parser().parse_args(given).set == ["a=1", "b=2", "c=3"]
