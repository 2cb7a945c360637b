"""A signal to end: the next step is saved, the run is given back, and the same command goes on."""

import itertools
import os
import signal

import pytest

from tests.faults.processes import (
    LONG,
    last_step,
    same_bits,
    start,
    train,
    unbroken,
    wait_until,
)
from tests.tiny import OVERRIDES, share_programs
from vdit.runs import claim
from vdit.runs.files import read_json_lines
from vdit.runs.folder import attempt_of, find_all, steps_saved

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NEVER = {"checkpoint_every": 0, "checkpoint_every_s": 0.0}
SWEEP = """
EXPERIMENT = "experiments/base.py"

def sweep(base):
    yield {overrides}
"""


def test_a_run_saves_the_step_it_is_at_and_goes_on_from_it(tmp_path, times, fault):
    whole = tmp_path / "whole"
    unbroken(tmp_path, whole, **NEVER)
    for number in times(SIGNALS[:1], SIGNALS):
        broken = tmp_path / number.name
        process = train(tmp_path, broken, **NEVER)
        assert wait_until(lambda folder=broken: last_step(folder) >= 10, process)
        process.send_signal(number)
        assert process.wait() == 128 + number
        step, text = last_step(broken), broken.with_suffix(".log").read_text()
        assert steps_saved(broken) == [step]
        said = text.splitlines()[-2:]
        assert said[0] == f"step {step} is saved; the same command goes on"
        assert said[1] == f"stopped by {number.name}"
        assert "Traceback" not in text
        assert train(tmp_path, broken, **NEVER).wait() == 0
        assert same_bits(whole, broken)
        assert lost_steps(broken) == [0]
        fault(
            "signals", f"{number.name} to vdit.main", 1, "no step lost, bitwise as an unbroken run"
        )


def lost_steps(workdir):
    """Of each time that a run went on: steps that were trained before and were not saved."""
    rows = read_json_lines(workdir / "metrics.jsonl").rows
    pairs = itertools.pairwise(rows)
    return [before["step"] - row["step"] for before, row in pairs if row.get("resumed")]


def sweep_of_one(tmp_path):
    """The command of a sweep of one long run, and where its runs are."""
    overrides = OVERRIDES | LONG | NEVER
    (tmp_path / "sweeps").mkdir(parents=True)
    path = tmp_path / "sweeps" / "one.py"
    path.write_text(SWEEP.format(overrides=overrides))
    share_programs(tmp_path / "root")
    return ["-m", "sweeps.launch", "--sweep", str(path), "--root", str(tmp_path / "root")]


def the_run(tmp_path):
    """The folder of the only run, wherever it lies now."""
    return next(iter(find_all(tmp_path / "root" / "runs").values()), tmp_path / "none")


@pytest.mark.parametrize("who", ["worker", "launcher"])
def test_workers_save_and_give_their_runs_back(tmp_path, times, fault, who):
    for number in times(SIGNALS[:1], SIGNALS):
        tmp = tmp_path / number.name
        launch, log = sweep_of_one(tmp), tmp / "log"
        process = start(launch, log)
        assert wait_until(lambda folder=tmp: last_step(the_run(folder)) >= 10, process)
        if who == "launcher":
            process.send_signal(number)
            assert process.wait() == 128 + number
            assert the_run(tmp).name == attempt_of(the_run(tmp).name)[0]  # given back
            process = start(launch, log)
        else:
            os.kill(claim.owner(the_run(tmp))["pid"], number)
        assert process.wait() == 0, log.read_text()
        assert (the_run(tmp) / "result.json").exists()
        assert lost_steps(the_run(tmp)) == [0]
        fault(
            "signals",
            f"{number.name} to a {who}",
            1,
            "no step lost, the run given back and finished",
        )
