"""A step benchmark in a process like a worker's: seconds of compiling, then steps in so many."""

import argparse
import json
import sys
from pathlib import Path

from sweeps.launcher import worker
from sweeps.launcher.plan import config_of, read_plan
from vdit import errors
from vdit.runs.goodput import GOODPUT


def main() -> None:
    """Prints compile seconds; for each line of input, seconds, the steps and how long they took."""
    parser = argparse.ArgumentParser(
        prog="python -m sweeps.launcher.step_benchmark", description=__doc__
    )
    parser.add_argument("--root", type=Path, required=True, help="folder with sweep.json")
    parser.add_argument("--run", required=True, help="run_id of the run to benchmark")
    parser.add_argument("--slots", type=int, default=1, help="runs of a pack")
    parser.add_argument("--cores", type=json.loads, default=[], help="CPU cores, e.g. [0,1]")
    arguments = parser.parse_args()
    worker.prepare_process(arguments.root, arguments.cores)
    from vdit.benchmark.step_benchmark import stepper

    plan = read_plan(arguments.root)
    (run,) = [run for run in plan["runs"] if run["run_id"] == arguments.run]
    go = stepper(config_of(run), arguments.slots)
    print(GOODPUT.totals()["compiling"], flush=True)
    for line in sys.stdin:
        print(json.dumps(go(float(line))), flush=True)


if __name__ == "__main__":
    errors.run(main)
