"""Training against inference: what a video model costs to make and to use.

python -m analysis.economics                          the published estimate for Sora, checked
python -m analysis.economics --set steps=50           one input changed, all that follows with it
python -m analysis.economics --run runs/x/result.json a model of one's own
"""

from typing import TYPE_CHECKING, Any

from vdit import errors
from vdit.runs.files import write_json

if TYPE_CHECKING:  # slow to import, and --help needs none
    from analysis.costs.uncertainty import Estimate

SORA_TARGETS = ("break_even_low", "break_even_high", "minutes_per_hour", "h100s_at_peak")
OWN_TARGETS = ("break_even", "train_cost", "minute_cost", "devices")


def estimate(
    settings: dict[str, float] | None = None,
    target: str = "h100s_at_peak",
    count: int = 20_000,
    seed: int = 0,
) -> "Estimate":
    """The published estimate for Sora."""
    from analysis.costs import compare, sora

    rows = compare.rows(sora.SECTIONS, sora.TRUE_FLOPS, settings)
    true = sora.TRUE_FLOPS | (settings or {})
    asked = (*SORA_TARGETS, target), target, count, seed
    return _estimate(sora.ARTICLE, rows, sora.CHAIN, true, *asked)


def own(
    result: dict[str, Any],
    config: dict[str, Any] | None = None,
    device: str = "h100",
    settings: dict[str, float] | None = None,
    target: str = "devices",
    count: int = 20_000,
    seed: int = 0,
) -> "Estimate":
    """The same for one's own run (`analysis.costs.own.chain_of`) on a device by name."""
    from analysis.costs import compare
    from analysis.costs import own as room
    from analysis.planning import devices

    links, settings = room.chain_of(result, config or {}, devices.device(device)), settings or {}
    rows = compare.rows({"": links}, {}, settings)
    asked = (*OWN_TARGETS, target), target, count, seed
    return _estimate(result.get("source", "a run"), rows, links, settings, *asked)


def _estimate(source, rows, chain, settings, targets, target, count, seed):
    from analysis.costs import uncertainty

    drawn = uncertainty.draws(chain, settings, count, seed)
    return uncertainty.Estimate(
        source=source,
        rows=rows,
        settings=settings,
        target=target,
        tornado=uncertainty.tornado(chain, target, settings),
        intervals=uncertainty.intervals(drawn, targets),
        spreads={q.name: q.spread for q in chain if q.spread},
        draws=count,
        seed=seed,
    )


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.economics`."""
    args = _arguments(argv)
    from analysis.costs import chain, tables
    from analysis.costs import own as room
    from analysis.table import serial, writing

    settings = chain.parse_settings(args.set)
    options = {"count": args.draws, "seed": args.seed}
    if args.target:
        options["target"] = args.target
    if args.run:
        found = own(*room.read(args.run), args.device, settings, **options)
    else:
        found = estimate(settings, **options)
    print((tables.own if args.run else tables.published)(found))
    print(tables.uncertain(found))
    if args.out:
        write_json(args.out, serial.to_json(found))
    if args.png:
        from analysis.figures import economics, style

        writing.png(args.png, economics.picture(found, style.LIGHT))


def _arguments(argv):
    parser = errors.parser("analysis.economics", __doc__)
    parser.add_argument("--run", help="result.json of a finished run, in place of Sora")
    parser.add_argument("--device", default="h100", help="what the run's model is served on")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="change a quantity",
    )
    parser.add_argument("--target", help="the quantity whose tornado is shown")
    parser.add_argument("--draws", type=int, default=20_000, help="of the Monte Carlo")
    parser.add_argument("--seed", type=int, default=0, help="of the Monte Carlo")
    parser.add_argument("--out", help="write all of it as JSON")
    parser.add_argument("--png", help="write the picture")
    return parser.parse_args(argv)


if __name__ == "__main__":
    errors.run(main)
