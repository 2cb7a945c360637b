"""Run folders to one validated table, a row per evaluated checkpoint.

python -m analysis.collect --root runs/demo --out runs/demo/results.csv

With --predictions a column says which of these files was the newest of a run's budget when it
started, by its SHA-256. With --keep a sweep can be run in parts, here and there: rows of that table
whose runs have no folder below the root stay.
"""

import pathlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from analysis import outcome
from analysis.table import schema
from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import DamagedFileError, read_json, require, write_text
from vdit.runs.folder import attempt_of, find

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd


def collect(
    root: str | pathlib.Path, tell: Callable[[str], None] = lambda line: None
) -> "pd.DataFrame":
    """Return the validated table of all runs below `root`; `tell` is called with what was left."""
    import pandas as pd

    from analysis.table import checkpoints, pairs

    planned = planned_runs(root)
    rows, losses = [], {}
    for folder in find_runs(root):
        try:
            found = checkpoints.rows_of(folder, tell)
        except DamagedFileError as error:
            tell(f"{error}; the run is left out")
            continue
        reason = _left_out(folder, found, planned, root)
        if reason:
            tell(f"{folder}: {reason}")
            continue
        rows += found
        last = found[-1]
        if (folder / checkpoints.RESULT).is_file() and (arrays := pairs.losses_of(folder, tell)):
            losses[last.get("run_id"), last.get("steps")] = arrays
    if not rows:
        where = f"of the plan in {root}/sweep.json" if planned else "(no result.json below it)"
        raise InputError(f"{root}: no finished run {where}")
    table = _ordered(pd.DataFrame(rows))
    return pairs.add_paired_errors(schema.validate(table, name=str(root)), losses)


def find_runs(root: str | pathlib.Path) -> list[pathlib.Path]:
    """Folders of runs below `root`: those with a result.json, then those with a config.json."""
    root = pathlib.Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder, expected a sweep's root")
    finished = sorted(path.parent for path in root.rglob("result.json"))
    begun = {path.parent for path in root.rglob("config.json")}
    return [*finished, *sorted(begun - set(finished))]


def planned_runs(root: str | pathlib.Path) -> set[str]:
    """Return the run_ids of the sweep whose root this is; none where there is no sweep.json."""
    path = pathlib.Path(root) / "sweep.json"
    if not path.is_file():
        return set()
    try:
        return {
            run["run_id"] for run in read_json(path, "the plan of a sweep", _check_plan)["runs"]
        }
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}; sweeps.launch writes it anew") from error


def _check_plan(plan):
    require(plan, {"runs": list})
    for run in plan["runs"]:
        require(run, {"run_id": str})


def _left_out(folder, rows, planned, root):
    """Why the rows of a run are no rows of the table, or ""."""
    from analysis.table import checkpoints

    if not rows:
        return "left out, it has no result.json (unfinished or failed)"
    if rows[-1].get("objective") in checkpoints.SKIPPED:
        return f"skipped, its objective is {rows[-1]['objective']}"
    run_id, name = rows[-1].get("run_id"), attempt_of(folder.name)[0]
    if name in planned and run_id != name:
        return f"damaged, left out: what it has is of run {run_id}"
    if planned and run_id not in planned:
        return f"left out, it is not in the plan of {root}/sweep.json"
    if name in planned and find(folder.with_name(name)) != folder:
        return "left out, the run has another folder"
    return ""


def _ordered(table):
    known = [name for name in schema.BY_NAME if name in table.columns]
    table = table[known + [name for name in table.columns if name not in schema.BY_NAME]]
    keys = [name for name in ("flops_budget", "params", "seed") if name in table.columns]
    return table.sort_values(keys, ignore_index=True)


def main(argv: list[str] | None = None) -> None:
    """Command line of `analysis.collect`."""
    parser = errors.parser("analysis.collect", __doc__)
    parser.add_argument("--root", required=True, help="folder of a sweep, searched at any depth")
    parser.add_argument("--out", required=True, help="the table to write (CSV)")
    parser.add_argument("--predictions", nargs="+", help="files of analysis.predict")
    parser.add_argument("--keep", metavar="TABLE", help="an earlier table, whose other rows stay")
    args = parser.parse_args(argv)
    table = collect(args.root, tell=_tell)
    if args.keep:
        table = _with_kept(table, args.keep, args.root)
    if args.predictions:
        table["prediction"] = outcome.in_force(table, args.predictions)
    write_text(args.out, table.to_csv(index=False))
    runs, budgets = table["run_id"].nunique(), table["flops_budget"].nunique()
    more = len(table) - runs
    checkpoints = f", and {more} earlier checkpoints of them" if more else ""
    print(f"{args.out}: {runs} runs at {budgets} compute budgets{checkpoints}")


def _with_kept(table, path, root):
    from analysis.table import kept, reading

    earlier = reading.read_table(path)
    return _ordered(kept.keep(table, earlier, path, planned_runs(root), _tell))


def _tell(line):
    print(line, file=sys.stderr)


if __name__ == "__main__":
    errors.run(main)
