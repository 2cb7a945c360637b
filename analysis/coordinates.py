"""Do a model's layers keep the scale of their outputs as the width grows? Reads a coordinate check.

python -m analysis.coordinates coordinates.csv --png coordinates.png

The table is written by `python -m vdit.mup_check`.
"""

import argparse

from vdit import errors
from vdit.runs.files import write_bytes


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.coordinates`."""
    what = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="analysis.coordinates", description=what)
    parser.add_argument("table", help="table of vdit.mup_check (CSV)")
    parser.add_argument("--png", metavar="PNG", help="picture to write")
    args = parser.parse_args(argv)
    from analysis.figures import style, widths
    from analysis.fitting import coordinates
    from analysis.table import reading

    table = reading.load(args.table)
    found = coordinates.slopes(table, args.table)
    print("\n".join(lines(found, coordinates.FLAT)))
    if args.png:
        drawn = widths.coordinates(table, found, style.LIGHT, style.WIDE)
        write_bytes(args.png, style.png(drawn, style.LIGHT))
        print(f"written to {args.png}")


def lines(found: dict[str, dict[str, float]], flat: float) -> list[str]:
    """What each parameterisation's layers do with the width, in words."""
    text = []
    for kind, by_layer in found.items():
        held = sum(abs(slope) < flat for slope in by_layer.values())
        low, high = (pick(by_layer, key=by_layer.get) for pick in (min, max))
        text.append(
            f"{kind:4s} {held} of {len(by_layer)} layers flat (slope under {flat:g}); "
            f"slopes {by_layer[low]:+.2f} ({low}) to {by_layer[high]:+.2f} ({high})"
        )
    return text


if __name__ == "__main__":
    errors.run(main)
