"""Two checkpoints of two runs, or of one, score by score, with intervals.

python -m analysis.checkpoints runs/demo/runs/A runs/demo/runs/B [--steps 1000,2000]

Scores are those that `python -m vdit.evaluate` measured of both with the same options.
"""

from typing import TYPE_CHECKING

from vdit import errors
from vdit.errors import InputError

if TYPE_CHECKING:
    from analysis.scores.checkpoints import Difference


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.checkpoints`."""
    parser = errors.parser("analysis.checkpoints", __doc__)
    parser.add_argument("first", help="folder of a run that was evaluated")
    parser.add_argument("second", help="folder of another, or of the same")
    parser.add_argument("--steps", metavar="N,M", help="checkpoints to compare (the last of each)")
    args = parser.parse_args(argv)
    from analysis.scores import checkpoints

    steps = (None, None) if args.steps is None else _steps(args.steps)
    first, second = (
        checkpoints.read(folder, step)
        for folder, step in zip((args.first, args.second), steps, strict=True)
    )
    found, left_out = checkpoints.compare(first, second)
    print(f"first: {first.name}; second: {second.name}")
    print("\n".join(lines(found)))
    for words in left_out:
        print(f"not compared: {words}")


def _steps(text):
    steps = text.split(",")
    if len(steps) != 2 or not all(step.isdecimal() for step in steps):
        raise InputError(f"--steps {text}: expected two numbers, N,M")
    return tuple(map(int, steps))


def lines(found: "list[Difference]") -> list[str]:
    """A line for each score."""
    width = max([len(d.name) for d in found] + [5])
    head = f"{'score':{width}s} {'first':>10s} {'second':>10s} {'difference':>11s}  95 % interval"
    return [
        f"{head}, shared among {len(found)}; of clips, not of training seeds",
        *(_line(difference, width) for difference in found),
    ]


def _line(d, width):
    arrow = "↓" if d.lower_is_better else "↑"
    ends = "unknown" if d.interval is None else f"[{d.interval[0]:+.4f}, {d.interval[1]:+.4f}]"
    paired = " (paired)" if d.paired else ""
    better = d.better if d.better == "not told" else f"{d.better} is better"
    return (
        f"{d.name:{width}s} {d.first:10.4f} {d.second:10.4f} {d.difference:+11.4f}  "
        f"{ends}{paired} {arrow} {better}"
    )


if __name__ == "__main__":
    errors.run(main)
