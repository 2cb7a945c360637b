"""A table in, a fit out: one law at the top, every law the table allows below it."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analysis.engine import RESAMPLES
from analysis.engine.objective import NAMES, Objective
from analysis.fitting import budgets, guards, laws
from analysis.fitting.entry import Options
from analysis.fitting.result import Fit
from analysis.fitting.rows import prepare
from analysis.table import hygiene
from vdit.errors import InputError


def fit_table(
    table: pd.DataFrame,
    law: str = "frontier",
    *,
    objective: str | None = None,
    delta: float | None = None,
    where: str | None = None,
    hold_out: str | None = None,
    bootstrap: int = RESAMPLES,
    seed: int = 0,
    unannealed: bool = False,
    worst: float | None = None,
    drop: str | Sequence[str] = (),
    higher_is_better: bool | None = None,
    notes: Sequence[str] = (),
    name: str = "table",
    **given: str | None,
) -> Fit:
    """Fit `law`, or "all", to a DataFrame of runs.

    `given` names columns by role (`analysis.table.names.ROLES`); `objective` is "huber" unless one
    is asked for, `delta` is of it alone (1e-3); `where` and `hold_out` are expressions over
    columns; `worst` is the loss of predicting nothing; `drop` adds reasons of `hygiene.OPTIONAL` to
    what leaves rows out; `higher_is_better` is of the metric where one is named, else of the loss;
    `notes` say what was guessed when the table was read. InputError says in one line what is wrong.
    """
    options = _options(objective or "huber", delta, bootstrap, seed)
    needed = laws.needed(law)
    given = {"params" if role == "size" else role: column for role, column in given.items()}
    drop = _reasons(drop)
    cleaning = {"unannealed": unannealed, "worst": worst, "drop": drop}
    rows = prepare(table, needed, name, where, hold_out, given, higher_is_better, notes, **cleaning)
    found = _fit(law, rows, options, "unstable" in drop)
    return replace(found, notes=(*found.notes, *_ignored(objective, delta, rows, found.laws)))


def _fit(law, rows, options, drop_unstable):
    """Every law of the rows, and all that is to be said of them but what was not used."""
    laws.vary(law, rows)
    rows, surface, flagged = laws.surface(rows, law, options, drop_unstable)
    flagged += hygiene.flagged(rows.fitted)
    part, found, of_budgets = budgets.measure(rows, options)
    found |= {"chinchilla": surface} if surface else {}
    found |= laws.fit(law, rows, part, found, options)
    law = _chosen(law, found, part)
    own = found[law].warnings or ()
    return Fit(
        law=law,
        laws=found,
        columns=rows.columns,
        row_filter=rows.row_filter,
        rows=len(rows.fitted),
        seed=options.seed,
        notes=(*rows.notes, rows.weighing()),
        dropped=tuple(rows.dropped),
        flagged=tuple(flagged),
        warnings=(*rows.warnings, *guards.of_laws(rows.fitted, found, part), *own, *of_budgets),
        **vars(part),
    )


def _ignored(objective, delta, rows, found):
    """Notes on what laws did not go by: an objective, errors of losses, a metric's direction."""
    own = {name: law.objective.name for name, law in found.items() if law.objective}
    others = [f"{name} is fitted by {words}" for name, words in own.items() if words not in NAMES]
    asked = [f"--objective {objective}"] * bool(objective) + ["--loss_se"] * rows.weighted
    asked += ["--delta"] * (delta is not None)
    if others and asked:
        yield f"{' and '.join(asked)} not used by all laws: {'; '.join(others)}"
    known = found["metric"].derived.get("direction") if "metric" in found else None
    if known and rows.direction is None:
        better = "lower" if known == "up" else "higher"
        ask = "--higher_is_better or --no-higher_is_better says it"
        metric = rows.columns["metric"]
        yield f"{metric} goes {known} with the loss: taken to be better when {better} ({ask})"


def _chosen(law, found, part):
    """The law asked for; of all laws that which predicts the next budget best, if any does."""
    if law != "all":
        return law
    chosen = part.rollout.chosen if part.rollout else "chinchilla"
    return next(name for name in (chosen, "frontier", *found) if name in found)


def _options(objective, delta, bootstrap, seed):
    if objective not in NAMES:
        raise InputError(f"objective is {objective!r}, expected one of {', '.join(NAMES)}")
    if delta is None:
        delta = Objective().delta
    elif objective != "huber":
        raise InputError(
            f"delta is of Huber's loss, the objective is {objective}: name one of them"
        )
    if not delta > 0:
        raise InputError(f"delta is {delta:g}, expected a number above 0")
    if bootstrap < 0:
        raise InputError(f"bootstrap is {bootstrap}, expected 0 (none) or more resamples")
    return Options(Objective(objective, delta), bootstrap, seed)


def _reasons(drop):
    drop = (drop,) if isinstance(drop, str) else tuple(drop)
    for reason in drop:
        if reason not in hygiene.OPTIONAL:
            known = " or ".join(hygiene.OPTIONAL)
            raise InputError(f"drop is {reason!r}, expected {known}")
    return drop
