"""Two real processes on loopback, four simulated devices each, against one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from tests.tiny import ROOT, config, flags, simulated, trained
from vdit.data import pipeline
from vdit.errors import InputError
from vdit.parallel import processes, sharding
from vdit.runs import evaluations
from vdit.runs.files import read_json_lines
from vdit.runs.folder import steps_saved

SMALL = {"steps": 6, "model.depth": 1, "evaluation.clips": 2, "sampling.method": "euler"}
SMALL |= {"evaluate_every": 4, "sample_every": 4}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def started(tmp_path, workdir, index: int, port: int, **more):
    """Process `index` of two, training the tiny run."""
    env = os.environ | {
        "XLA_FLAGS": simulated(4),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
        "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
        "JAX_NUM_PROCESSES": "2",
        "JAX_PROCESS_ID": str(index),
    }
    command = [sys.executable, "-m", "vdit.main", *flags(tmp_path, workdir, **more)]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=env, **pipe)


def both(tmp_path, workdir, *changes):
    """(status, stdout, stderr) of both processes, each with its changes."""
    port = free_port()
    pair = [
        started(tmp_path, workdir, i, port, **(SMALL | {"checkpoint_every": 3} | c))
        for i, c in enumerate(changes)
    ]
    ends = [process.communicate(timeout=300) for process in pair]
    return [(p.returncode, *end) for p, end in zip(pair, ends, strict=True)]


def curve(workdir):
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return np.array([[row["loss"], row.get("loss_images", 0)] for row in rows])


def test_two_processes_learn_what_one_does_and_only_one_writes(tmp_path):
    images = {"data.image_share": 0.5}
    trained(config(tmp_path, **SMALL, **images, checkpoint_every=0), tmp_path / "one")
    first, second = both(tmp_path, tmp_path / "two", images, images)
    assert (first[0], second[0]) == (0, 0), first[2][-3000:] + second[2][-3000:]
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert len(one) == 6
    np.testing.assert_allclose(two, one, rtol=1e-5)
    results = [json.loads((tmp_path / n / "result.json").read_text()) for n in ("one", "two")]
    assert results[1]["loss_ema"] == pytest.approx(results[0]["loss_ema"], rel=1e-5)
    assert results[1]["num_devices"] == 8
    measured = [evaluations.read(tmp_path / n, 4)["evaluators"]["losses"] for n in ("one", "two")]
    losses = [found["records"][0]["value"] for found in measured]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert json.loads(first[1].splitlines()[-1])["run_id"] == results[0]["run_id"]
    assert "run_id" not in second[1]


def test_a_process_of_another_seed_is_found_out_at_start_and_named(tmp_path):
    ends = both(tmp_path, tmp_path / "run", {}, {"seed": 1})
    for status, _, stderr in ends:
        assert status == 2
        assert (
            "error: process 1 has another config than process 0; differs in: seed: 0 -> 1" in stderr
        )
    assert not (tmp_path / "run").exists()


def named(*values):
    return dict(zip(processes.VARIABLES, values, strict=True))


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"JAX_PROCESS_ID": "0"}, "JAX_COORDINATOR_ADDRESS is not set: expected all of"),
        (named("h:1", "2", "2"), "JAX_PROCESS_ID=2 of JAX_NUM_PROCESSES=2"),
        (named("h:1", "x", "0"), "of JAX_NUM_PROCESSES=x: expected 0 to"),
    ],
)
def test_variables_that_do_not_go_together_are_named(environ, line):
    with pytest.raises(InputError, match=line):
        processes.join(environ)


def test_a_lone_process_joins_nobody_and_makes_devices_of_its_cores(monkeypatch):
    made = []
    monkeypatch.setattr(processes.cores, "become_devices", lambda: made.append("devices"))
    processes.join({})
    processes.join({"SLURM_STEP_NUM_TASKS": "1"})
    assert jax.process_count() == 1
    assert made == ["devices", "devices"]


def test_rows_that_are_read_are_those_that_lie_here():
    whole = sharding.batch_sharding(sharding.make_mesh({}))
    assert pipeline.rows_of_this_process(12, whole) == slice(0, 12)

    class Half:  # what the second of two processes is told
        def addressable_devices_indices_map(self, shape):
            return {i: (slice(6 + 3 * i, 9 + 3 * i),) for i in range(2)}

    assert pipeline.rows_of_this_process(12, Half()) == slice(6, 12)


def test_a_signal_to_one_process_saves_and_ends_both(tmp_path):
    port, workdir = free_port(), tmp_path / "run"
    more = SMALL | {"steps": 500, "evaluate_every": 0, "sample_every": 0, "checkpoint_every": 0}
    pair = [started(tmp_path, workdir, i, port, **more) for i in range(2)]
    log = workdir / "metrics.jsonl"
    while len(read_json_lines(log).rows) < 5 and pair[0].poll() is None:
        time.sleep(0.05)
    pair[1].send_signal(signal.SIGTERM)
    try:
        ends = [process.communicate(timeout=300)[1] for process in pair]
    finally:
        for process in pair:
            process.kill()
    assert [process.returncode for process in pair] == [128 + signal.SIGTERM] * 2, ends
    step = read_json_lines(log).rows[-1]["step"]
    assert steps_saved(workdir) == [step]
    assert [f"step {step} is saved" in end for end in ends] == [True, False]
