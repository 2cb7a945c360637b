"""A table in, a fit out: one law at the top, every law the table allows below it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.engine.objective import NAMES, Objective
from analysis.fitting import budgets, laws
from analysis.fitting.entry import Options
from analysis.fitting.rows import prepare
from analysis.table import hygiene
from vdit.errors import InputError

VERSION = 2


def fit_table(
    table: pd.DataFrame,
    law: str = "frontier",
    *,
    objective: str = "huber",
    delta: float = 1e-3,
    where: str | None = None,
    hold_out: str | None = None,
    bootstrap: int = 4000,
    seed: int = 0,
    unannealed: bool = False,
    worst: float | None = None,
    drop: str | Sequence[str] = (),
    name: str = "table",
    **given: str | None,
) -> dict[str, Any]:
    """Fit `law`, or "all", to a DataFrame of runs; a JSON-ready dict (fit.json, version 2).

    `given` names columns by role (`analysis.table.columns.ROLES`); `where` and `hold_out` are
    expressions over columns; `worst` is the loss of predicting nothing; `drop` adds "unstable",
    "spiked" or "duplicate" to what is left out. InputError says in one line what is wrong.
    """
    options = _options(objective, delta, bootstrap, seed)
    needed = laws.needed(law)
    given = {"params" if role == "size" else role: column for role, column in given.items()}
    drop = _reasons(drop)
    cleaning = {"unannealed": unannealed, "worst": worst, "drop": drop}
    rows = prepare(table, needed, name, where, hold_out, given, **cleaning)
    rows, surface, flagged = laws.surface(rows, law, options, "unstable" in drop)
    if (jumped := hygiene.spiked(rows.fitted)).any():
        flagged.append(hygiene.dropped(rows.fitted[jumped], "spiked", hygiene.SPIKED, "flagged"))
    part, found = budgets.measure(rows, options)
    found |= {"chinchilla": surface} if surface else {}
    found |= laws.fit(law, rows, part, found, options)
    return {
        "version": VERSION,
        **_top(law, found, part),
        "columns": rows.columns,
        "rows": len(rows.fitted),
        "seed": seed,
        "notes": rows.notes,
        "dropped": [gone.as_dict() for gone in rows.dropped],
        "flagged": [flag.as_dict() for flag in flagged],
        "laws": found,
        **part,
    }


def _top(law, found, part):
    """The entry asked for; of all laws that which predicts the next budget best, if any does."""
    if law == "all":
        chosen = part["rollout"]["chosen"] if part else "chinchilla"
        law = next(name for name in (chosen, "frontier", *found) if name in found)
    return {key: value for key, value in found[law].items() if key not in ("draws", "curve")}


def _options(objective, delta, bootstrap, seed):
    if objective not in NAMES:
        raise InputError(f"objective is {objective!r}, expected one of {', '.join(NAMES)}")
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
