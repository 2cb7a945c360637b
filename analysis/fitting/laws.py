"""Which laws a fit holds, and each fitted to the runs it speaks of."""

from dataclasses import replace

import numpy as np

from analysis import laws as every
from analysis.fitting import entry, prediction
from analysis.fitting.entry import Entry
from analysis.fitting.result import OfBudgets
from analysis.fitting.rows import Rows
from analysis.frontier import envelope as hull
from analysis.laws.chinchilla import LAW as CHINCHILLA
from analysis.laws.method import Method
from analysis.table import columns, hygiene
from analysis.table.dropped import Flagged
from vdit.errors import InputError

# What must vary among runs for there to be a best size.
VARY = {"isoflop": ("params", "tokens"), "envelope": ("params", "tokens")}
BESIDE = 300  # resamples at most for a law that was not asked for


def needed(law: str) -> tuple[str, ...]:
    """The roles that `law` can't do without; InputError if there is no such law."""
    return (*(() if law == "all" else every.find(law).inputs), "loss")


def vary(law: str, rows: Rows) -> None:
    """InputError unless size and tokens vary where `law` speaks of them; "all" says it of each."""
    if law == "all":
        return
    known = every.find(law)
    inputs = VARY.get(law, ()) if isinstance(known, Method) else known.inputs
    if inputs != ("flops",):  # one budget alone has its best loss
        rows.spread(law, inputs)


def surface(
    rows: Rows, law: str, options: entry.Options, drop: bool
) -> tuple[Rows, Entry | None, list[Flagged]]:
    """Fit Chinchilla's law, by which unstable runs are known: (rows, its entry or None, flagged).

    Rows flagged are left out if `drop`; then the law is fitted again. None beside a law of runs
    that are mistuned on purpose.
    """
    if not (drop or law == "all" or getattr(every.find(law), "tuned", True)):
        return rows, None, []
    if not set(CHINCHILLA.inputs) <= set(rows.fitted.columns):
        return rows, None, []
    options = options if law in ("chinchilla", "all") else options.with_at_most(BESIDE)
    try:
        fitted = _of_rows(CHINCHILLA, rows, options)
    except InputError as error:
        if law == "chinchilla":
            raise
        return rows, _missing("chinchilla", rows, error), []
    bad = hygiene.unstable(prediction.residual(fitted))
    words = f"more than {hygiene.UNSTABLE:g} robust deviations above the fitted law"
    flagged = [Flagged.of(rows.fitted[bad], "unstable", words)] if bad.any() else []
    if drop and bad.any():
        rows, flagged = rows.without(bad, "unstable", words), []
        fitted = _of_rows(CHINCHILLA, rows, options)
    return rows, _complete(fitted, rows), flagged


def fit(
    law: str, rows: Rows, part: OfBudgets, found: dict[str, Entry], options: entry.Options
) -> dict[str, Entry]:
    """{name: entry} of `law`, or of all that the table allows, but for those `found` already."""
    wanted = [law] if law != "all" else [name for name in every.names() if _allowed(name, rows)]
    fitted = {}
    for name in (name for name in wanted if name not in found):
        try:
            fitted[name] = _one(name, rows, part, options)
        except InputError as error:
            if law != "all":
                raise
            fitted[name] = _missing(name, rows, error)
    return fitted


def _allowed(name, rows):
    law = every.find(name)
    there = set(needed(name)) <= set(rows.fitted.columns)
    return there and (not isinstance(law, Method) or law.applies(rows))


def _one(name, rows, part, options):
    vary(name, rows)
    law = every.find(name)
    if isinstance(law, Method):
        return law.fit(rows, part, options)
    if law.inputs == ("flops",):
        return _of_frontier(law, rows, part, options)
    return _complete(_of_rows(law, rows, options), rows)


def _of_rows(law, rows, options):
    rows.spread(law.name, law.inputs)
    return entry.of_runs(law, rows.inputs(law), rows.loss(), options, rows.weight(), rows.cluster())


def _of_frontier(law, rows, part, options):
    """A law of compute speaks of the best run at each compute, so it is fitted to those alone."""
    if part.budgets:
        flops, loss = np.array([(b.flops, b.loss) for b in part.budgets]).T
        words = f"fitted to the best loss of {len(loss)} budgets"
        fitted = entry.of_runs(law, {"flops": flops}, loss, options)
    else:
        best, words = _best_of_compute(rows)
        fitted = _of_rows(law, best, options)
    return replace(_complete(fitted, rows), fitted_to=words)


def _best_of_compute(rows):
    """(rows on the lower envelope, words) where runs differ in size; all rows where they don't."""
    sizes = rows.fitted["params"].nunique() if "params" in rows.fitted.columns else 1
    if sizes == 1:
        return rows, f"fitted to all {len(rows.fitted)} rows: they do not differ in size"
    on = np.zeros(len(rows.fitted), bool)
    log_c = np.log(columns.numbers(rows.fitted, "flops"))
    on[hull.lower_hull(log_c, np.log(rows.loss()))] = True
    words = f"no compute budgets: fitted to the {on.sum()} rows on the lower envelope in compute"
    return replace(rows, fitted=rows.fitted[on]), words


def _complete(fitted, rows):
    """The entry with what the law says of runs held out and of larger compute."""
    held = prediction.held_out(fitted, rows)
    return replace(fitted.entry, held_out=held, ahead=prediction.ahead(fitted, rows))


def _missing(name, rows, error):
    words = str(error).removeprefix(f"{rows.name}: ").removeprefix(f"{name}: ")
    return entry.missing(name, len(rows.fitted), words)
