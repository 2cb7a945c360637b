"""What a training step costs on this machine: measured, and beside a peer where asked.

    python -m vdit.bench                                      # the demo's sizes
    python -m vdit.bench --peer torch --out bench.csv         # beside the same model, torch.compile
    python -m vdit.bench --peer DIR                           # beside another checkout of vdit
    python -m vdit.bench --sizes S B --attention full factorised --remat none dots full \\
        --latent 16,32,32,4 --batch 16 --dtype bfloat16
    python -m vdit.bench --goals --out goals.csv     # on a GPU: what is to be reached there
    python -m vdit.bench --data --videos DIR         # the input pipeline alone, and vdit.prepare

`--goals` ends within `--minutes` (10 with what a start takes) and begins with the most telling
cases, by the plan; the same command goes on with those that --out has not.

For each case: milliseconds of a step, clips/s, TFLOP/s and MFU of true FLOPs (recomputation not
counted), peak memory of a device, seconds of compilation, the share of the time in which the device
waited for data. Medians of nine rounds of about a second; with a peer the rounds take turns, and
the ratio is the median of the pairs: above 1, the peer takes longer. A case that does not fit into
memory is a row that says so.
"""

import argparse
import functools
import os
from collections.abc import Callable, Iterable

from vdit import errors
from vdit.benchmark import cases, flags, table
from vdit.config.devices import LINKED, by_kind
from vdit.errors import InputError
from vdit.runs import tables
from vdit.runs.files import write_text


def main() -> None:
    """Measures case by case; the table grows on the screen, the file is written after each."""
    args = flags.parser(__doc__).parse_args()
    if args.data:
        return _data(args)
    if args.goals:
        return _goals(args)
    from vdit.benchmark.measure import measured
    from vdit.parallel import cores
    from vdit.parallel.compute_dtype import compute_dtype

    cores.become_devices()
    args.dtype = compute_dtype(args.dtype)
    chosen = flags.asked(args)
    _shown((measured(case, args.peer) for case in chosen), table.line, args.out)


def _goals(args: argparse.Namespace) -> None:
    import jax

    from vdit.benchmark import goals
    from vdit.benchmark.measure import machine, measured

    if jax.default_backend() == "cpu":
        raise InputError("--goals: they are those of a GPU, and there is none here")
    wanted = cases.goals(by_kind(machine()["device"]) or LINKED["h200"])
    kept = tables.read_csv(args.out) if args.out and os.path.exists(args.out) else []
    goals.check_machine(kept, machine(), args.out)
    print(goals.forecast(wanted, kept, args.minutes), flush=True)
    measure = functools.partial(measured, rounds=goals.ROUNDS)
    rows = goals.measured(wanted, kept, args.minutes, measure)
    print(table.goals(wanted, _shown(rows, table.line, args.out)))


def _data(args: argparse.Namespace) -> None:
    if args.videos and not args.videos.is_dir():
        raise InputError(f"--videos {args.videos}: no such folder")
    from vdit.benchmark.data import measured

    _shown(measured(args.videos), table.data_line, args.out)


def _shown(rows: Iterable[dict], line: Callable[..., str], out: str | None) -> list[dict]:
    """The rows, each on the screen and in the table's file as soon as it is there."""
    shown = []
    for row in rows:
        shown.append(row)
        print(line(row, first=len(shown) == 1), flush=True)
        if out:
            write_text(out, tables.as_csv(shown))
    return shown


if __name__ == "__main__":
    errors.run(main)
