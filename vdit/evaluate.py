"""A checkpoint to scores: validation losses, and measures of the sampled videos themselves.

python -m vdit.evaluate --workdir runs/s [--step N | --all]
"""

import argparse
import json
import pathlib
import sys

from vdit import errors


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m vdit.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("--workdir", required=True, help="folder of a run of vdit.main")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--step", type=int, help="checkpoint to read (the last by default)")
    which.add_argument("--all", action="store_true", help="every checkpoint kept")
    return parser.parse_args(argv)


def evaluate(task, weights: dict, step: int) -> dict:
    """Losses of raw and averaged weights and, on the embedded world, scores of samples."""
    return (
        {"step": step} | task.losses(weights["params"], weights["ema"]) | task.score(weights["ema"])
    )


def main() -> int:
    args = parse_args(sys.argv[1:])
    from vdit.runs import checkpoint
    from vdit.sample import open_run

    config, task = open_run(args.workdir)
    steps = checkpoint.steps_saved(args.workdir) if args.all else [args.step]
    for step in steps:
        weights = checkpoint.read_weights(args.workdir, task.init, step)
        step = step or checkpoint.steps_saved(args.workdir)[-1]
        row = evaluate(task, weights, step)
        name = "evaluation.json" if step == config.steps else f"evaluation_{step}.json"
        checkpoint.write_json(pathlib.Path(args.workdir) / name, row)
        print(json.dumps(row))
    return 0


if __name__ == "__main__":
    errors.run(main)
