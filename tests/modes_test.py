"""Packs and the choice of a mode, with real launchers and workers: see `stand_in`."""

import collections
import json

import pytest

from sweeps.launcher import modes, packs
from sweeps.launcher.local import Machine, Mode
from sweeps.launcher.plan import make_plan, read_plan
from tests.sweeps_test import HANGS_S, SWEEP, claimed, launch, once_each, start, trained
from tests.tiny import ROOT, config
from vdit.config.fingerprint import identity
from vdit.runs import attempt
from vdit.runs.files import write_json
from vdit.runs.folder import COMMITTED


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
    cpu = modes.choices_for(Machine("cpu", ["0", "1"]), runs, None)
    assert cpu == {
        "side_by_side": Mode("side_by_side", [["0"], ["1"]]),
        "one": Mode("one", [["0", "1"]]),
        "packed": Mode("packed", [["0", "1"]], 5),
    }
    gpus = modes.choices_for(Machine("gpu", ["0", "1"]), runs, None)
    assert gpus["packed"] == Mode("packed", [["0"], ["1"]], 3)
    one_gpu = modes.choices_for(Machine("gpu", ["0"]), runs, None)
    assert list(one_gpu) == ["side_by_side", "packed"]
    assert list(modes.choices_for(Machine("gpu", ["0", "1"], 2), runs, None)) == ["side_by_side"]


def test_runs_are_side_by_side_unless_asked_and_a_lone_one_has_all_cores(tmp_path):
    machine, runs = Machine("cpu", ["0", "1"]), [run_of(name) for name in "abc"]

    def choose(runs, name=None, workers=None):
        mode, why = modes.choose(tmp_path, machine, runs, name, workers)
        return mode.name, [len(share) for share in mode.shares], mode.slots, why

    assert choose(runs) == ("side_by_side", [1, 1], 1, "side by side")
    assert choose(runs, "one") == ("one", [2], 1, "one at a time, as asked")
    assert choose(runs, "packed") == ("packed", [2], 3, "packed, as asked")
    assert choose(runs, workers=3) == ("side_by_side", [1, 1, 1], 1, "side by side")
    assert choose(runs[:1]) == ("one", [2], 1, "one run, one at a time")
    assert choose(runs[:1], workers=1) == ("side_by_side", [2], 1, "side by side")
    none = "side by side; nothing here could be packed"
    assert choose(runs[:1], "packed") == ("side_by_side", [1, 1], 1, none)
    assert choose([])[3] == "none; others have the runs that are left"


@pytest.mark.parametrize(("name", "cores"), [("side_by_side", 1), ("packed", 2)])
def test_a_lone_run_goes_on_in_the_mode_it_began_in(tmp_path, name, cores):
    begin(tmp_path, "a", name)
    mode, _ = modes.choose(tmp_path, Machine("cpu", ["0", "1"]), [run_of("a")], None, None)
    assert (mode.name, len(mode.shares[0])) == (name, cores)


def test_the_short_runs_make_a_pack_of_each_size(tmp_path):
    runs = make_plan(str(ROOT / "sweeps" / "short.py"), tmp_path, [])["runs"]
    sizes = collections.defaultdict(list)
    for run in runs:
        assert run["steps"] >= 100
        assert run["flops"] == pytest.approx(run["flops_budget"], rel=1e-2)
        sizes[run["program"]].append(run["size"])
    assert sorted(sizes.values()) == [[size] * 4 for size in ("w24d2", "w48d2")]
