"""Packs and the choice of a mode, with real launchers and workers: see `stand_in`."""

import collections
import json
import os

import pytest

from sweeps.launcher import modes, packs
from sweeps.launcher.local import Machine, Mode
from sweeps.launcher.measure import useful_steps_per_s
from sweeps.launcher.plan import make_plan, read_plan
from tests.sweeps_test import HANGS_S, STAND_IN, SWEEP, claimed, launch, once_each, start, trained
from tests.tiny import ROOT, config
from vdit.config.fingerprint import identity
from vdit.runs import attempt
from vdit.runs.files import write_json
from vdit.runs.folder import COMMITTED

CORES = sorted(map(str, os.sched_getaffinity(0)))
MACHINE = Machine("cpu x2", "cpu", (CORES * 2)[:2])


def run_of(name, steps=10, program="p", **more):
    return {"run_id": name, "steps": steps, "program": program, "flops": steps * 1e9} | more


def packs_of(root):
    lines = (root / "trained.txt").read_text().splitlines()
    return [line.split()[1:] for line in lines if line.startswith("pack")]


def test_runs_of_one_program_are_trained_as_packs_and_given_back(tmp_path):
    status, out, err = launch(tmp_path, "--mode", "packed")
    assert status == 0, err
    assert "mode: packed, as asked" in out
    assert trained(tmp_path) == once_each(tmp_path)
    found = packs_of(tmp_path)
    assert [len(pack) for pack in found] == [3, 3]
    programs = {run["run_id"]: run["program"] for run in read_plan(tmp_path)["runs"]}
    assert all(len({programs[name] for name in pack}) == 1 for pack in found)
    assert not claimed(tmp_path)
    assert "  wasted " in out  # the idle steps of the packs


def test_a_run_of_a_pack_that_diverges_fails_alone(tmp_path):
    status, out, _ = launch(tmp_path, "--mode", "packed", act="diverge")
    assert status == 1
    assert sum(trained(tmp_path).values()) == 3
    assert out.count("failed: ") == 3
    assert "FloatingPointError: loss is nan at step 3" in out


def test_runs_of_a_pack_that_is_too_much_are_trained_one_by_one(tmp_path):
    status, _, err = launch(tmp_path, "--mode", "packed", act="too much")
    assert status == 0, err
    assert trained(tmp_path) == once_each(tmp_path)
    (log,) = tmp_path.glob("logs/worker*.log")
    assert "a pack failed" in log.read_text()


def test_packs_share_a_sweep_between_launchers(tmp_path):
    both = [start("--sweep", SWEEP, "--root", tmp_path, "--mode", "packed") for _ in range(2)]
    ends = [process.communicate(timeout=HANGS_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert trained(tmp_path, "begin") == trained(tmp_path) == once_each(tmp_path)


def begin(root, name, mode, pack=()):
    folder = root / "runs" / name
    write_json(folder / "checkpoints" / "4" / COMMITTED, {})
    (folder / "mode.json").write_text(json.dumps({"mode": mode, "pack": pack}))


def test_a_run_goes_on_in_the_mode_it_began_in(tmp_path):
    pack = [["a", 10], ["b", 10], ["gone", 5]]
    begin(tmp_path, "a", "packed", pack)
    begin(tmp_path, "alone", "one")
    runs = [run_of("a"), run_of("b"), run_of("alone"), run_of("c", 9), run_of("d", 4)]

    def claim_of(run, deaths=0):
        return attempt.Claim(tmp_path / "runs" / run["run_id"], deaths, None, -1)

    def gather(run, slots, deaths=0):
        first = packs.Claimed(run, claim_of(run, deaths))
        found = packs.gather(tmp_path, runs, first, slots, claim_of)
        return [each.run["run_id"] for each in found.claimed], found.slots

    assert gather(runs[0], slots=1) == (["a", "b"], [("a", 10), ("b", 10), ("gone", 5)])
    assert gather(runs[2], slots=8) == (["alone"], [])
    assert gather(runs[1], slots=2) == (["b", "c"], [("b", 10), ("c", 9)])
    assert gather(runs[1], slots=1) == (["b"], [])
    assert gather(runs[0], slots=8, deaths=2) == (["a"], [])  # its pack may be what kills


def test_what_a_pack_may_differ_in(tmp_path):
    made = packs.program(identity(config(tmp_path)))
    same = {"seed": 5, "steps": 7, "optimizer.lr": 1.0, "optimizer.schedule": "wsd"}
    assert packs.program(identity(config(tmp_path, **same))) == made
    for key, value in {"model.width": 32, "optimizer.b2": 0.9, "batch": 4, "data.seed": 1}.items():
        assert packs.program(identity(config(tmp_path, **{key: value}))) != made


def test_the_choices_of_a_machine():
    runs = [run_of(str(i)) for i in range(5)] + [run_of("other", 20, "q")]
    cpu = modes.choices_for(Machine("", "cpu", ["0", "1"]), runs, None)
    assert cpu == {
        "side_by_side": Mode("side_by_side", [["0"], ["1"]]),
        "one": Mode("one", [["0", "1"]]),
        "packed": Mode("packed", [["0", "1"]], 5),
    }
    gpus = modes.choices_for(Machine("", "gpu", ["0", "1"]), runs, None)
    assert gpus["packed"] == Mode("packed", [["0"], ["1"]], 3)
    assert list(modes.choices_for(Machine("", "gpu", ["0"]), runs, None)) == [
        "side_by_side",
        "packed",
    ]
    assert list(modes.choices_for(Machine("", "gpu", ["0", "1"], 2), runs, None)) == [
        "side_by_side"
    ]


def test_a_packs_losses_are_counted():
    assert useful_steps_per_s(8.0, 5.0, [30, 30], 2) == 8.0
    # 32 and 16 in two of three slots while 8 stands idle; then one slot: another program.
    seconds = (56 + 8) / 8 + 5
    assert useful_steps_per_s(8.0, 5.0, [32, 16, 8], 3) == pytest.approx(56 / seconds)
    assert useful_steps_per_s(0.0, 5.0, [32], 3) == 0


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """A root with a plan, and its runs: by the half second that a step took, worth measuring."""
    launch(tmp_path, "--hold_out")
    monkeypatch.setenv("PYTHONPATH", f"{STAND_IN}:{ROOT}")
    return tmp_path, read_plan(tmp_path)["runs"]


def test_the_fastest_mode_is_measured_once_and_taken(planned, monkeypatch):
    root, runs = planned
    speeds = {"one": 50, "side_by_side": 30, "packed": 90}  # a second, in each process
    monkeypatch.setenv("STAND_IN_SPEEDS", json.dumps(speeds))
    mode, why = modes.choose(root, MACHINE, runs, ("auto", None))
    assert mode.name == "packed"
    lengths = sorted((r["steps"] for r in runs[::2]), reverse=True)
    assert f"packed {useful_steps_per_s(90, 0, lengths, 3):.4g} (3 slots" in why
    assert "side by side 60, one at a time 50" in why
    monkeypatch.setenv("STAND_IN_SPEEDS", "nothing is measured again")
    assert modes.choose(root, MACHINE, runs, ("auto", None)) == (mode, why)
    assert modes.decide(root, MACHINE, runs, ("one", None))[0].name == "one"
    assert modes.decide(root, MACHINE, runs[:1], ("auto", None))[0].name == "one"
    for name, cores in {"side_by_side": 1, "packed": 2}.items():
        begin(root, runs[0]["run_id"], name)
        kept = modes.decide(root, MACHINE, runs[:1], ("auto", None))[0]
        assert (kept.name, len(kept.shares[0])) == (name, cores)
    assert len(modes.decide(root, MACHINE, runs, ("auto", 5))[0].shares) == 5


def test_a_mode_that_fails_is_not_taken_and_a_short_sweep_not_measured(planned, monkeypatch):
    root, runs = planned
    short = [run | {"steps": 9} for run in runs]  # the finished ones took half a second a step
    mode, why = modes.choose(root, MACHINE, short, ("auto", None))
    assert mode.name == "side_by_side"
    assert "too few to measure" in why
    assert modes.decide(root, MACHINE, runs, ("auto", None))[0] is None
    speeds = {"one": 50, "side_by_side": 30, "packed": None}
    monkeypatch.setenv("STAND_IN_SPEEDS", json.dumps(speeds))
    mode, why = modes.choose(root, MACHINE, runs, ("auto", None))
    assert mode.name == "side_by_side"
    assert "packed 0" in why
    assert "too much for one device" in (root / "logs" / "step_benchmark.log").read_text()


def test_the_short_runs_make_a_pack_of_each_size(tmp_path):
    runs = make_plan(str(ROOT / "sweeps" / "short.py"), tmp_path, [])["runs"]
    sizes = collections.defaultdict(list)
    for run in runs:
        assert run["steps"] >= 100
        assert run["flops"] == pytest.approx(run["flops_budget"], rel=1e-2)
        sizes[run["program"]].append(run["size"])
    assert sorted(sizes.values()) == [[size] * 4 for size in ("w24d2", "w48d2")]
