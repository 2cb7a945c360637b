"""What to train with a compute, or for a loss: size, tokens, steps, and what it costs.

    python -m analysis.plan fit.json --flops 1e21 [--table results.csv]
    python -m analysis.plan fit.json --loss 0.5 --device h100 --mfu 0.4 --price 2.5
    python -m analysis.plan fit.json --flops 1e21 --clips_served 1e8 --table results.csv

The fit is one of analysis.fit; the table, the runs it was made from, adds learning rate, batch and
steps. The cost is that of the device's dense bf16 peak at the share of it that is used (MFU).
"""

import sys
from typing import TYPE_CHECKING, Any

from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import write_json

if TYPE_CHECKING:  # slow to import, and --help needs none
    from analysis.fitting.result import Fit
    from analysis.planning.make import Plan


def plan(
    fit: "Fit", flops: float | None = None, loss: float | None = None, **options: Any
) -> "Plan":
    """The plan for `flops` or a target `loss`, as `analysis.planning.make.plan` makes it."""
    from analysis.planning import make

    return make.plan(fit, flops, loss, **options)


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.plan`."""
    args = _arguments(argv)
    from analysis.fitting.result import Fit
    from analysis.planning import inference, words
    from analysis.table import serial, writing

    if args.flops is not None and not 0 < args.flops < float("inf"):
        raise InputError(f"--flops is {args.flops:g}, expected a number above 0")
    fit = Fit.read(args.fit)
    for flag in fit.warnings:
        if flag.kind == "units":
            print(f"warning: {flag.sentence}", file=sys.stderr)
    device = {key: getattr(args, key) for key in ("peak", "mfu", "devices", "price")}
    rows = _rows(args.table, fit)
    demand = inference.demand(args.inference_tokens, args.clips_served, args.passes, rows)
    planned = plan(
        fit,
        args.flops,
        args.loss,
        law=args.law,
        rows=rows,
        name=args.device,
        inference_tokens=demand,
        **device,
    )
    print("\n".join(words.lines(planned)))
    if args.out:
        write_json(args.out, serial.to_json(planned))
        print(f"written to {args.out}")
    if args.png:
        from analysis.figures import planning, style

        writing.png(args.png, planning.plan(fit, planned, style.LIGHT))


def _arguments(argv):
    parser = errors.parser("analysis.plan", __doc__)
    parser.add_argument("fit", help="fit.json of analysis.fit")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--flops", type=float, help="training compute, e.g. 1e13")
    target.add_argument("--loss", type=float, help="target loss: the least compute that reaches it")
    parser.add_argument("--table", help="the table fitted: for steps, learning rate and batch")
    parser.add_argument("--law", help="plan with this law, e.g. chinchilla (the fit's choice)")
    parser.add_argument("--device", default="h100", help="h100, a100, b200, tpu-v5p, ... (h100)")
    parser.add_argument("--peak", type=float, help="dense bf16 FLOP/s of any other device")
    parser.add_argument("--mfu", type=float, default=0.4, help="share of the peak used (0.4)")
    parser.add_argument("--devices", type=int, default=1, help="how many of them (1)")
    parser.add_argument("--price", type=float, help="USD per GPU-hour (none: no cost is given)")
    demand = parser.add_mutually_exclusive_group()
    demand.add_argument("--clips_served", type=float, help="clips generated over the model's life")
    demand.add_argument("--inference_tokens", type=float, help="tokens of all their forward passes")
    parser.add_argument("--passes", type=float, default=100, help="forward passes a clip (100)")
    parser.add_argument("--out", help="also write the plan here, as JSON")
    parser.add_argument("--png", help="also draw the plan here")
    return parser.parse_args(argv)


def _rows(path, fit):
    """The rows of the table that the fit was made of, or None."""
    if path is None:
        return None
    from analysis.fitting import again
    from analysis.table import reading

    rows = again.rows(reading.load(path), fit, path)
    if not again.are_of(rows, fit):
        raise InputError(f"{path}: does not hold the runs of the fit; was it made from it?")
    return rows.as_results()


if __name__ == "__main__":
    errors.run(main)
