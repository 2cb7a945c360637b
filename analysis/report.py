"""Draw the page of a sweep: one self-contained HTML file that opens without a network.

python -m analysis.report results.csv --out report.html
"""

import pathlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from analysis.table import arguments
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import DamagedFileError, find_json, read_json, write_bytes, write_text

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd

    from analysis.fitting.result import Fit
    from analysis.fitting.rows import Rows
    from analysis.frontier.prediction import Prediction
    from analysis.verdict.rule import Verdict


class Report(NamedTuple):
    """The page as HTML, what it says, and its main figure as PNG."""

    page: str
    verdict: "Verdict"
    figure: bytes


def build(
    table: "pd.DataFrame",
    fit: "Fit",
    prediction: "Prediction | None" = None,
    root: pathlib.Path = pathlib.Path("."),
    path: str = "results.csv",
    longer: "pd.DataFrame | None" = None,
) -> Report:
    """The page of the table at `path` and its fit; where it lies on the curve of a `longer` one."""
    from analysis.frontier import selection
    from analysis.page import elements, levels, scores, sections, summary, tables, videos
    from analysis.page import longer as further
    from analysis.scores import curve, words
    from analysis.verdict import rule

    rows, notes = selection.select(table, fit.columns["loss"], fit.columns["params"])
    judged = rule.judge(rows, fit, prediction)
    sweep = str(rows["sweep"].iloc[0]) if "sweep" in rows.columns else ""
    body = [
        summary.head(rows, sweep),
        summary.verdict(judged),
        summary.numbers(rows, fit, judged),
        summary.marks(rows, fit, judged),
        "" if longer is None else further.note(fit, longer),
        sections.scaling(rows, fit, judged),
        videos.section(root, tables.along(fit)),
        scores.section(curve.curves(rows, fit), fit, judged, words.left_out(rows)),
        sections.isoflop(rows, fit),
        sections.best_size(fit),
        sections.methods(rows, fit),
        levels.section(rows, fit),
        tables.runs_section(rows, fit, judged, notes),
        tables.method_section(fit),
        tables.again_section(
            root, sweep, path, arguments.asked(fit.columns) + fit.row_filter.flags()
        ),
    ]
    title = f"vdit: sweep {sweep}" if sweep else "Scaling laws"
    whole = elements.page(title, "\n".join(part for part in body if part))
    return Report(whole, judged, sections.scaling_png(rows, fit, judged))


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.report`."""
    args = _arguments(argv)
    from analysis.fitting import summary

    beside = pathlib.Path(args.table).parent
    rows, fit = _fit(args, _given_or_beside(args.fit, beside / "fit.json", "a fit by analysis.fit"))
    for line in summary.warnings(fit):
        print(line, file=sys.stderr)
    predicted = _prediction(args.prediction, beside / "prediction.json")
    root = pathlib.Path(args.root) if args.root else beside
    made = build(rows.as_results(), fit, predicted, root, args.table, _longer(args.longer))
    write_text(args.out, made.page)
    if args.png:
        write_bytes(args.png, made.figure)
    if args.next:
        step = made.verdict.next_
        _write_next(args.next, rows.as_results(), step and step.proposal)
    print(made.verdict.sentence)
    print(f"written to {args.out}")


def _arguments(argv):
    parser = errors.parser("analysis.report", __doc__)
    parser.add_argument("table", help=arguments.TABLE)
    parser.add_argument("--out", default="report.html", help="page to write (report.html)")
    parser.add_argument("--root", help="the sweep's root, for videos (the table's folder)")
    parser.add_argument("--fit", help="fit to show (fit.json beside the table, else made anew)")
    parser.add_argument("--prediction", help="prediction to show (prediction.json by the table)")
    parser.add_argument("--longer", metavar="CSV", help="table of a sweep that goes further")
    parser.add_argument("--png", help="also write the main figure here")
    parser.add_argument("--next", metavar="PY", help="also write the next runs here, as a sweep")
    arguments.add(parser)
    return parser.parse_args(argv)


def _fit(args, told) -> "tuple[Rows, Fit]":
    """The rows of the table and their fit: the one `told`, where it was made of them, or anew."""
    from analysis.fitting import again
    from analysis.fitting.result import VERSION, Fit
    from analysis.fitting.rows import SWEPT
    from analysis.fitting.table import fit_table
    from analysis.table import reading

    guessed, told = [], told or {}
    table = reading.load(args.table, guessed.append)
    fit = Fit.from_json({"laws": {}, "columns": {}} | told)
    given = _columns(arguments.given(args), fit.columns, table)
    asked = _asked(fit.row_filter, args)
    options = {"name": args.table, "notes": guessed}
    is_known = told.get("version") == VERSION
    try:
        rows = again.rows(table, fit, given=given, row_filter=asked, needed=SWEPT, **options)
    except InputError:  # the fit may be of another table; what is wrong with this is said below
        if args.fit:
            raise
        is_known = False
    if not (is_known and again.are_of(rows, fit)):
        if args.fit:
            raise InputError(
                f"{args.fit}: was made from another table or of other columns or rows; run "
                "analysis.fit"
            )
        print("no fit of this table beside it: fitting", file=sys.stderr)
        fit = fit_table(table, **options, **given, **_of_all(asked, args.where))
        rows = again.rows(table, fit, needed=SWEPT, **options)
    columns = {"params": "params"} | fit.columns  # it may have been derived
    return rows, replace(fit, columns=columns)


def _asked(known, args):
    """What chooses the rows: as asked for here, else as it was of the fit."""
    better = args.higher_is_better
    better = known.higher_is_better if better is None else better
    where, drop = args.where or known.where, tuple(args.drop) or known.drop
    return replace(known, where=where, drop=drop, higher_is_better=better)


def _of_all(asked, where):
    """What is asked of a table that has no fit: no expression that chose the rows of another's."""
    return {"where": where, "drop": asked.drop, "higher_is_better": asked.higher_is_better}


def _prediction(given, beside):
    from analysis.frontier.prediction import Prediction

    told = _given_or_beside(given, beside, "a prediction")
    return told and Prediction.from_json(told)


def _longer(path):
    from analysis.table import reading

    return path and reading.load(path)


def _write_next(path, rows, proposal):
    from analysis.verdict import sweep_file

    text = proposal and sweep_file.text(rows, proposal, path)
    if not text:
        some = proposal and proposal.runs
        why = sweep_file.lacks(rows) if some else "no runs are proposed"
        print(f"{path}: not written ({why})", file=sys.stderr)
        return
    write_text(path, text)
    print(f"written to {path}")


def _given_or_beside(given, beside, what):
    if given:
        return read_json(given, what)
    try:
        return find_json(beside, what)
    except DamagedFileError as error:
        print(f"{error}; left out", file=sys.stderr)
        return None


def _columns(given, known, table):
    """{role: column} as asked for, else as the fit has it where the table has that column."""
    there = set(map(str.strip, map(str, table.columns)))
    return {r: c or (known.get(r) if known.get(r) in there else None) for r, c in given.items()}


if __name__ == "__main__":
    errors.run(main)
