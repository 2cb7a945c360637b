"""Exponents of fits beside each other: is it the architecture's, or the data's?

python -m analysis.fit results.csv --law power --where "variant == 'unet'" --out unet.json
python -m analysis.exponents full.json unet.json doom.json --png exponents.png

Fits of the same law over the same span of compute, of tables that share no run; the first is what
others differ from. Losses of other data or other latents are on another scale, exponents are not.
"""

import pathlib
import sys
from typing import TYPE_CHECKING

from vdit import errors

if TYPE_CHECKING:  # slow to import, and --help needs none
    from analysis.fitting.result import Fit


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.exponents`."""
    parser = errors.parser("analysis.exponents", __doc__)
    parser.add_argument("fits", nargs="+", metavar="fit.json", help="fits of analysis.fit")
    parser.add_argument("--out", help="also write the table here (CSV)")
    parser.add_argument("--png", help="draw best losses and sizes here")
    args = parser.parse_args(argv)
    from analysis.fitting import differences
    from analysis.table import writing

    fits = _read(args.fits)
    found = differences.of_fits(fits)
    for words in differences.unlike(found):
        print(f"warning: {words}", file=sys.stderr)
    print("\n".join(differences.lines(found)))
    if args.out:
        writing.csv(args.out, found)
    if args.png:
        from analysis.figures import exponents, style

        writing.png(args.png, exponents.draw(fits, style.LIGHT))


def _read(paths: list[str]) -> dict[str, "Fit"]:
    """{name: the fit}: each by the name of its file, where two share it by their paths."""
    from analysis.fitting.result import Fit

    names = [pathlib.Path(path).stem for path in paths]
    if len(set(names)) < len(names):
        names = paths
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise errors.InputError(f"{twice}: given twice, expected fits of tables that share no run")
    return {name: Fit.read(path) for name, path in zip(names, paths, strict=True)}


if __name__ == "__main__":
    errors.run(main)
