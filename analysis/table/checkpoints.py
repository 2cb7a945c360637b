"""A run's folder as rows of the results table: one for each checkpoint that was evaluated.

RUN/result.json is the row of a finished run's last step; RUN/evaluations/STEP.json has the records
that evaluators made of a checkpoint (the last time, if more than once), and the row that it is as
far as training fixes it. Older runs have RUN/evaluation.json in their place: columns of the last
step.
"""

import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vdit.errors import InputError
from vdit.runs.files import read_json

Row = dict[str, Any]
Tell = Callable[[str], None]
RESULT, EVALUATIONS, SCORES = "result.json", "evaluations", "evaluation.json"
KEPT = ("se", "n", "lower_is_better")  # of a record, beside its value
BOUNDS = ("real", "coded")


def rows_of(folder: pathlib.Path, tell: Tell) -> list[Row]:
    """The run's rows by step, the last of a finished run last; `tell` hears what is left out."""
    measured = {step: _evaluation(path) for step, path in _evaluations(folder)}
    last = _finished(folder, measured, tell) if (folder / RESULT).is_file() else None
    steps = sorted(step for step in measured if last is None or step != last.get("steps"))
    rows = [measured[step][0] | columns(measured[step][1]) | {"steps": step} for step in steps]
    for row in rows:
        if row.get("loss") is None:
            tell(f"{folder}: step {row['steps']} left out, it has no loss")
    kept = [row for row in rows if row.get("loss") is not None]
    return [_flat(row) for row in (*kept, *([last] if last else []))]


def columns(records: Iterable[Mapping[str, Any]]) -> Row:
    """Records as columns: NAME, NAME_se, NAME_n, NAME_lower_is_better; blanks are left out."""
    found: Row = {}
    for record in records:
        name = record["name"]
        found[name] = record["value"]
        kept = {key: record[key] for key in KEPT if record.get(key) is not None}
        found |= {_column(name, key): value for key, value in kept.items()}
    return found


def _column(name, key):
    """NAME_KEY; the number of clips of an upper bound stands as it always did, as NAME_n_real."""
    score, _, bound = name.rpartition("_")
    return f"{score}_n_{bound}" if key == "n" and bound in BOUNDS else f"{name}_{key}"


def _finished(folder, measured, tell):
    """result.json, with what was measured of the same step, then or since."""
    row = read_json(folder / RESULT, "the result of a run")
    known, records = measured.get(row.get("steps"), ({}, []))
    found = _older_scores(folder, row, tell) | row | columns(records)
    return found | {key: known[key] for key in ("validation",) if key in known}


def _older_scores(folder, row, tell):
    if not (folder / SCORES).is_file():
        return {}
    scores = read_json(folder / SCORES, "the scores of a run")
    step = scores.pop("step", None)
    if step == row.get("steps"):
        return scores
    tell(f"{folder}: scores left out, they are of step {step}, not {row.get('steps')}")
    return {}


def _evaluations(folder):
    """(step, path) of each evaluated checkpoint."""
    paths = (folder / EVALUATIONS).glob("*.json")
    return [(int(path.stem), path) for path in paths if path.stem.isdecimal()]


def _evaluation(path):
    """(row, records) of the file of a checkpoint; InputError where it is none."""
    found = read_json(path, "what was measured of a checkpoint")
    try:
        records = [r for made in found["evaluators"].values() for r in made["records"]]
        return dict(found["row"]), [{"name": r["name"], "value": r["value"]} | r for r in records]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: expected a checkpoint's row and its evaluators' records ({error!r})"
        ) from error


def _flat(row):
    return {name: value for name, value in row.items() if not isinstance(value, dict | list)}
