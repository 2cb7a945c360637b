"""Training against inference: what a video model costs to make and to use.

python -m analysis.economics                          the published estimate for Sora, checked
python -m analysis.economics --set steps=50           one input changed, all that follows with it
python -m analysis.economics --run runs/x/result.json a model of one's own
"""

import argparse
import textwrap
from typing import Any

from vdit import errors
from vdit.runs.files import write_bytes, write_json

SORA_TARGETS = ("break_even_low", "break_even_high", "minutes_per_hour", "h100s_at_peak")
OWN_TARGETS = ("break_even", "train_cost", "minute_cost", "devices")


def estimate(
    settings: dict[str, float] | None = None,
    target: str = "h100s_at_peak",
    count: int = 20_000,
    seed: int = 0,
) -> dict[str, Any]:
    """The published estimate for Sora, as a dict: rows, tornado of `target`, intervals."""
    from analysis.costs import compare, sora

    rows = compare.rows(sora.SECTIONS, sora.TRUE_FLOPS, settings)
    true = sora.TRUE_FLOPS | (settings or {})
    uncertain = _uncertain(sora.CHAIN, true, (*SORA_TARGETS, target), target, count, seed)
    return {"source": sora.ARTICLE, "rows": rows} | uncertain


def own(
    result: dict[str, Any],
    config: dict[str, Any] | None = None,
    device: str = "h100",
    settings: dict[str, float] | None = None,
    target: str = "devices",
    count: int = 20_000,
    seed: int = 0,
) -> dict[str, Any]:
    """The same for one's own run (`analysis.costs.own.chain_of`) on a device by name."""
    from analysis.costs import chain
    from analysis.costs import own as room
    from analysis.planning import devices

    links = room.chain_of(result, config or {}, devices.device(device))
    values = chain.evaluate(links, settings)
    rows = [
        {"name": q.name, "words": q.words, "unit": q.unit, "formula": q.formula}
        | {"source": "--set" if q.name in (settings or {}) else q.source, "value": values[q.name]}
        for q in links
    ]
    uncertain = _uncertain(links, settings or {}, (*OWN_TARGETS, target), target, count, seed)
    return {"source": result.get("source", "a run"), "rows": rows} | uncertain


def _uncertain(chain, settings, targets, target, count, seed):
    from analysis.costs import uncertainty

    keys = ("name", "low", "high", "target_low", "target_high")
    bars = uncertainty.tornado(chain, target, settings)
    drawn = uncertainty.draws(chain, settings, count, seed)
    return {
        "settings": settings,
        "target": target,
        "tornado": [dict(zip(keys, bar, strict=True)) for bar in bars],
        "intervals": uncertainty.intervals(drawn, targets),
        "spreads": {q.name: vars(q.spread) for q in chain if q.spread},
        "draws": count,
        "seed": seed,
    }


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.economics`."""
    args = _arguments(argv)
    from analysis.costs import chain, tables
    from analysis.costs import own as room

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
        write_json(args.out, found)
    if args.png:
        from analysis.figures import economics, style

        write_bytes(args.png, style.png(economics.picture(found, style.LIGHT), style.LIGHT))


def _arguments(argv):
    first, *rest = __doc__.splitlines()
    parser = argparse.ArgumentParser(
        prog="analysis.economics",
        description=first,
        epilog=textwrap.dedent("\n".join(rest)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
