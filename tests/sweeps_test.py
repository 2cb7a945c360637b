"""The launcher with real processes: it shares, is killed, fails, goes on. See `stand_in`."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from vdit.runs import claim, signals
from vdit.runs.folder import attempt_of

REPO = pathlib.Path(__file__).resolve().parents[1]
STAND_IN = REPO / "tests" / "stand_in"
HANGS_S = 600  # no limit of ours: by then a process waits for ever
SWEEP = STAND_IN / "sweeps" / "stand_in.py"


def start(*arguments, module="sweeps.launch"):
    environment = os.environ | {"PYTHONPATH": f"{STAND_IN}:{REPO}", "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=REPO,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def launch(root, *options, act="", module="sweeps.launch"):
    sweep = ["--sweep", f"{SWEEP}:{act}"] if module == "sweeps.launch" else []
    process = start(*sweep, "--root", root, *options, module=module)
    out, err = process.communicate(timeout=HANGS_S)
    return process.returncode, out, err


def trained(root, word="end"):
    """How often each run has begun or ended."""
    if not (root / "trained.txt").exists():
        return collections.Counter()
    lines = [line.split() for line in (root / "trained.txt").read_text().splitlines()]
    return collections.Counter(line[1] for line in lines if line[0] == word)


def claimed(root):
    """Folders of runs that somebody has claimed."""
    return sorted(root.glob("runs/*.*"))


def wait_until(condition):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < HANGS_S, "it hangs"
        time.sleep(0.05)


def once_each(root):
    runs = [run["run_id"] for run in json.loads((root / "sweep.json").read_text())["runs"]]
    return collections.Counter(runs)


def test_dry_run_tells_all_and_writes_nothing(tmp_path):
    status, out, _ = launch(tmp_path / "root", "--dry_run", "--workers", 2)
    lines = out.splitlines()
    assert status == 0
    assert not (tmp_path / "root").exists()
    assert lines[0].split()[:4] == ["run", "size", "N", "tokens"]
    longest = " ".join(lines[1].split()[1:])
    assert longest == "tiny 1024 150000 4 4.00e+06 4.00e+06 3125 4 0 4.00e-04 waiting"
    assert len(lines) == 9
    assert "6 runs, 1.4e+07 FLOPs, 6 to do" in lines[-2]
    assert "assuming 1e+10 FLOP/s" in lines[-2]
    assert lines[-1] == "mode: side by side"


def test_a_sweep_runs_once_and_is_skipped_after(tmp_path):
    status, out, err = launch(tmp_path)
    assert status == 0, err
    assert "6 of 6 runs are finished" in out
    assert trained(tmp_path) == once_each(tmp_path)
    assert out.count("loss 0.5000  3.0 s") == 6
    assert not claimed(tmp_path)
    note = (tmp_path / "trained.txt").read_text()
    cores = os.sched_getaffinity(0)
    assert f"prepared {len(cores)}" in note
    assert {line.split("[")[1] for line in note.splitlines() if "begin" in line} == {
        f"{core}]" for core in cores
    }
    status, out, _ = launch(tmp_path)
    assert (status, trained(tmp_path)) == (0, once_each(tmp_path))
    status, out, _ = launch(tmp_path, "--dry_run")
    assert "0 to do: about 0 s" in out
    assert "as 6 runs had" in out


def test_hold_out_leaves_the_largest_budget_for_a_later_launch(tmp_path):
    status, out, _ = launch(tmp_path, "--hold_out")
    assert status == 0
    assert "4 of 4 runs are finished" in out
    plan = json.loads((tmp_path / "sweep.json").read_text())["runs"]
    held = {run["run_id"] for run in plan if run["flops_budget"] == 4e6}
    assert len(held) == 2
    assert not held & set(trained(tmp_path, "begin"))
    _, out, _ = launch(tmp_path)
    assert "6 of 6 runs are finished" in out
    assert trained(tmp_path) == once_each(tmp_path)


def test_two_launchers_share_and_never_double(tmp_path):
    both = [start("--sweep", SWEEP, "--root", tmp_path) for _ in range(2)]
    ends = [process.communicate(timeout=HANGS_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert trained(tmp_path, "begin") == trained(tmp_path) == once_each(tmp_path)
    for out, _ in ends:
        assert "6 of 6 runs are finished" in out
        assert out.count("loss 0.5000") == 6


def test_a_launcher_waits_for_the_runs_of_another(tmp_path):
    options = ["--sweep", SWEEP, "--root", tmp_path, "--set", "seconds=6"]
    first = start(*options, "--workers", 6)
    wait_until(lambda: len(trained(tmp_path, "begin")) == 6)
    second = start(*options)
    out, _ = second.communicate(timeout=HANGS_S)
    first.communicate()
    assert "waiting for" in out
    assert "6 of 6 runs are finished" in out
    assert trained(tmp_path, "begin") == once_each(tmp_path)


def test_a_killed_launcher_and_its_killed_worker_are_taken_over(tmp_path):
    options = ["--sweep", SWEEP, "--root", tmp_path, "--set", "seconds=0.6"]
    first = start(*options, "--workers", 1)
    wait_until(lambda: trained(tmp_path, "begin"))
    first.kill()
    first.communicate()
    (folder,) = claimed(tmp_path)
    os.kill(claim.owner(folder)["pid"], signal.SIGKILL)
    _, out, _ = launch(tmp_path, module="sweeps.status")
    assert "1 stale, 5 waiting; 0% of the FLOPs are done" in out
    process = start(*options)
    out, err = process.communicate(timeout=HANGS_S)
    assert process.returncode == 0, err
    assert "6 of 6 runs are finished" in out
    assert trained(tmp_path) == once_each(tmp_path)
    assert trained(tmp_path, "begin") == once_each(tmp_path) + collections.Counter(
        [attempt_of(folder.name)[0]]
    )


def test_an_orphan_ends_its_run_and_stops(tmp_path):
    first = start("--sweep", SWEEP, "--root", tmp_path, "--workers", 1, "--set", "seconds=1")
    wait_until(lambda: trained(tmp_path, "begin"))
    first.kill()
    first.communicate()
    wait_until(lambda: trained(tmp_path))
    time.sleep(0.5)
    assert sum(trained(tmp_path, "begin").values()) == 1
    assert not claimed(tmp_path)


def test_workers_that_are_killed_are_replaced(tmp_path):
    status, out, err = launch(tmp_path, "--set", "act=die once")
    assert status == 0, err
    assert "ended by signal 9; its run is taken over" in out
    assert trained(tmp_path) == once_each(tmp_path)


def test_a_run_that_kills_its_workers_fails_in_the_end(tmp_path):
    status, out, _ = launch(tmp_path, "--hold_out", "--set", "act=die")
    assert status == 1
    assert out.count("3 workers were killed in this run") >= 4
    assert set(trained(tmp_path, "begin").values()) == {3}


def test_failed_runs_are_named_and_retried_only_on_request(tmp_path):
    status, out, _ = launch(tmp_path, act="fail")
    assert status == 1
    failed = [line for line in out.splitlines() if line.startswith("failed:")]
    assert len(failed) == 6
    assert "size tiny budget 4e+06: FloatingPointError: loss is nan at step 3" in failed[0]
    (trace, *_) = (json.loads(p.read_text()) for p in tmp_path.glob("runs/*/failed.json"))
    assert "in train\n" in trace["traceback"]
    assert not claimed(tmp_path)
    assert launch(tmp_path, act="fail")[0] == 1
    assert set(trained(tmp_path, "begin").values()) == {1}
    assert launch(tmp_path, "--retry_failed", act="fail")[0] == 1
    assert set(trained(tmp_path, "begin").values()) == {2}
    _, out, _ = launch(tmp_path, module="sweeps.status")
    assert "6 runs: 6 failed" in out
    assert "loss is nan at step 3" in out


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_a_signal_ends_the_workers_which_give_their_runs_back(tmp_path, number):
    process = start("--sweep", SWEEP, "--root", tmp_path, "--set", "seconds=20")
    wait_until(lambda: len(list(tmp_path.glob("runs/*/metrics.jsonl"))) >= 1)
    owners = [claim.owner(folder) for folder in claimed(tmp_path)]
    pids = [owner["pid"] for owner in owners if owner]  # another may not have signed its claim yet
    assert pids
    _, out, _ = launch(tmp_path, module="sweeps.status")
    assert "running" in out
    process.send_signal(number)
    out, err = process.communicate(timeout=HANGS_S)
    assert process.returncode == 128 + number
    assert "save what they train; a second signal kills them" in out
    assert err.splitlines()[-1] == f"stopped by {number.name}"
    assert "Traceback" not in err
    assert not claimed(tmp_path)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_second_signal_kills_workers_that_do_not_end(tmp_path):
    process = start("--sweep", f"{SWEEP}:deaf", "--root", tmp_path, "--set", "seconds=20")
    wait_until(lambda: sum(trained(tmp_path, "begin").values()) == len(claimed(tmp_path)) > 0)
    process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=HANGS_S)
    assert claimed(tmp_path)
    assert not any(map(claim.is_live, claimed(tmp_path)))


def test_commands_tell_of_their_options_and_import_no_numpy():
    """Nor what needs it, as JAX does: a sweep starts many processes, and it was a third of that."""
    modules = "sweeps.launch sweeps.status sweeps.launcher.worker sweeps.launcher.evaluate"
    code = f"import sys, {', '.join(modules.split())}; print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO)
    assert found.stdout == "False\n", found.stderr
    for module in modules.split():
        assert "--root" in start("--help", module=module).communicate()[0]
