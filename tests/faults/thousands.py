"""What 20,000 runs cost in CPU seconds: `status`, `--dry_run`, a worker's choice of its next run.

    python -m tests.faults.thousands --root DIR --before TREE --out thousands.csv

DIR is made new: a sweep whose runs are copies of one that is trained here, each under its own name,
with as many lines of metrics as the demo's runs have on average. Of a hundred runs 87 have
finished, three have failed, five are half done, five have not begun; every tenth was resumed.
TREE is a checkout of the commit to compare with. The trees take turns. A choice is the median of
ten, in a worker that holds those that it has chosen before.
"""

import argparse
import csv
import functools
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tqdm import tqdm

from sweeps.launcher.plan import make_plan, write_plan
from tests import tiny
from tests.paths import ROOT
from vdit.runs.evaluations import evaluators_of
from vdit.runs.folder import COMMITTED

SWEEP = """EXPERIMENT = "experiments/demo.py"
SIZES = ("w20d2", "w24d2", "w32d2", "w48d2", "w64d2", "w80d2", "w96d4", "w128d4")


def sweep(base):
    for seed in range({seeds}):
        for size in SIZES:
            for times in (1, 2, 4, 8, 16):
                length = {{"steps": 2000 * times, "flops_budget": 3e10 * times}}
                yield {{"model.size": size, "seed": seed}} | length
"""
# A worker's choices, in either tree: the seconds of one are printed.
CHOOSE = """
import pathlib, statistics, sys, time
from sweeps.launcher import queue
from sweeps.launcher.plan import read_plan, select
from sweeps.launcher.training import Training


def spent(choose):
    began = time.perf_counter(), time.process_time()
    held.append(choose())
    return time.process_time() - began[1], time.perf_counter() - began[0]


root, held = pathlib.Path(sys.argv[1]), []
job = Training(root, select(read_plan(root)))
if hasattr(queue, "Queue"):
    runs = queue.Queue(job)
    choose = lambda: runs.claim_next(set())
else:
    choose = lambda: queue.claim_next(job, set())
choices = [spent(choose) for _ in range(10)]
for claimed in held:
    claimed.claim.release()
print(*map(statistics.median, zip(*choices)))
"""
OF_A_SEED, LINES, WORKERS = 40, 120, 8
KINDS = ("training", "compiling", "measuring", "waiting", "saving", "other")
COLUMNS = ("command", "runs", "tree", "cpu_s", "wall_s", "times_less_cpu")

Run = dict[str, Any]
Spent = Callable[[pathlib.Path], tuple[float, float]]  # CPU and wall seconds with a tree's code


class Trained(NamedTuple):
    """The folder of a run that was trained here, and what is written anew in each copy."""

    folder: pathlib.Path
    result: dict[str, Any]
    evaluation: dict[str, Any]
    line: dict[str, Any]  # of metrics.jsonl


def main() -> None:
    """Makes the root, times the commands on it, writes the table after each pair."""
    arguments = _parser().parse_args()
    arguments.root.mkdir(parents=True)
    sweep, root = arguments.root / "sweep.py", arguments.root / "root"
    sweep.write_text(SWEEP.format(seeds=arguments.runs // OF_A_SEED))
    plan = make_plan(str(sweep), root, [])
    write_plan(root, plan)
    trained = train(arguments.root)
    for number, run in enumerate(tqdm(plan["runs"], "folders")):
        copy(trained, root / "runs" / run["run_id"], run, number % 100)
    write_ledger(root / "ledger", [run["run_id"] for run in plan["runs"]])
    dry = ["-m", "sweeps.launch", "--root", str(root), "--sweep", str(sweep), "--dry_run"]
    ways: dict[str, Spent] = {
        "status": functools.partial(command, ["-m", "sweeps.status", "--root", str(root)]),
        "dry run": functools.partial(command, dry),
        "a worker's choice": functools.partial(choice, root),
    }
    rows: list[dict[str, Any]] = []
    for name in [*ways] * arguments.pairs:
        about = {"command": name, "runs": len(plan["runs"])}
        rows += [about | row for row in pair(ways[name], arguments.before)]
        write(arguments.out, rows)


def train(place: pathlib.Path) -> Trained:
    """A run, trained and measured."""
    folder = place / "trained"
    result = tiny.trained(tiny.config(place, steps=4), folder)
    evaluation = json.loads((folder / "evaluations" / "4.json").read_text())
    line = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
    return Trained(folder, result, evaluation, line)


def copy(trained: Trained, folder: pathlib.Path, run: Run, percent: int) -> None:
    """A folder of another run, as far as the one of this number among a hundred is."""
    if percent >= 95:
        return
    own = shutil.ignore_patterns("*.json", "metrics.jsonl", "4")
    shutil.copytree(trained.folder, folder, copy_function=os.link, ignore=own)
    checkpoint = folder / "checkpoints" / str(run["steps"])
    checkpoint.mkdir()
    (checkpoint / COMMITTED).touch()
    _json(folder / "config.json", run["config"])
    _json(folder / "mode.json", {"mode": "side_by_side", "pack": []})
    _metrics(trained, folder, run["steps"] if percent < 90 else run["steps"] // 2, percent)
    if percent < 87:
        own = {key: run[key] for key in ("run_id", "size", "batch", "steps", "flops")}
        _json(folder / "result.json", trained.result | own)
        _json(folder / "evaluations" / f"{run['steps']}.json", _evaluation(trained, run))
    elif percent < 90:
        _json(folder / "failed.json", {"run_id": run["run_id"], "exception": "loss is nan"})


def _json(path: pathlib.Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1))


def _evaluation(trained: Trained, run: Run) -> dict[str, Any]:
    """What was measured of the run, with the options that its own config asks for."""
    asked, measured = evaluators_of(run["config"]), trained.evaluation["evaluators"]
    made = {name: measured[name] | {"options": asked[name]} for name in asked if name in measured}
    return trained.evaluation | {"step": run["steps"], "evaluators": made}


def _metrics(trained: Trained, folder: pathlib.Path, until: int, percent: int) -> None:
    rows = [trained.line | {"step": (i + 1) * until // LINES} for i in range(LINES)]
    if percent % 10 == 0:
        rows.insert(60, {"step": rows[55]["step"], "resumed": True, "time": rows[55]["time"]})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_ledger(folder: pathlib.Path, names: list[str]) -> None:
    """What workers log of their time, a file each: ten seconds a run."""
    folder.mkdir()
    for worker in range(WORKERS):
        rows, when = [{"event": "start", "runs": []}], 0.0
        for name in names[worker::WORKERS]:
            rows += [
                {"event": event, "runs": [name], "idle_steps": 0} for event in ("begin", "end")
            ]
        for row in rows:
            row |= {"time": when, "seconds": dict.fromkeys(KINDS, when / len(KINDS))}
            when += 5.0
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"host_{worker}.jsonl").write_text(text)


def pair(spent: Spent, before: pathlib.Path) -> Iterator[dict[str, Any]]:
    """A row of each tree."""
    first = spent(before)
    for tree, (cpu_s, wall_s) in (("before", first), ("after", spent(ROOT))):
        ratio = {"times_less_cpu": round(first[0] / cpu_s, 2)}
        yield {"tree": tree, "cpu_s": round(cpu_s, 3), "wall_s": round(wall_s, 3)} | ratio


def command(arguments: list[str], tree: pathlib.Path) -> tuple[float, float]:
    """CPU and wall seconds of a command of a tree."""
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    python(arguments, tree)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return cpu_s, time.perf_counter() - began


def choice(root: pathlib.Path, tree: pathlib.Path) -> tuple[float, float]:
    """The same of a worker's choice of a run."""
    cpu_s, wall_s = map(float, python(["-c", CHOOSE, str(root)], tree).split())
    return cpu_s, wall_s


def python(arguments: list[str], tree: pathlib.Path) -> str:
    """What Python prints that runs this with the code of a tree."""
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": str(tree)}
    line = [sys.executable, *arguments]
    kept = {"stdout": subprocess.PIPE, "text": True, "check": True}
    return subprocess.run(line, cwd=tree, env=environment, **kept).stdout


def write(path: pathlib.Path, rows: list[dict[str, Any]]) -> None:
    """The table so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.thousands", description=__doc__)
    add = parser.add_argument
    add("--root", type=pathlib.Path, required=True, help="a new folder, about 1 GB for 20,000 runs")
    add("--before", type=pathlib.Path, required=True, help="a checkout of the code to compare with")
    add("--out", type=pathlib.Path, required=True, help="the table, CSV")
    add("--runs", type=int, default=20_000, help="default: 20,000")
    add("--pairs", type=int, default=3, help="of each command (default: 3)")
    return parser


if __name__ == "__main__":
    main()
