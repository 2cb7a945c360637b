"""A run's folder as rows of the results table: one for each checkpoint that was evaluated.

RUN/result.json is the row of a finished run's last step; RUN/evaluations/STEP.json has the records
that evaluators made of a checkpoint (the last time, if more than once), and the row that it is as
far as training fixes it. Older runs have RUN/evaluation.json in their place: columns of the last
step.
"""

import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from analysis.table import schema
from vdit.runs.files import NUMBER, DamagedFileError, read_json, require
from vdit.runs.folder import find_config

Row = dict[str, Any]
Tell = Callable[[str], None]
RESULT, EVALUATIONS, SCORES = "result.json", "evaluations", "evaluation.json"
KEPT = ("se", "n", "df", "lower_is_better")  # of a record, beside its value
BOUNDS = ("real", "coded")
SKIPPED = ("autoencoder",)  # objectives of runs that are no rows
REQUIRED = [column for column in schema.COLUMNS if column.required]


def rows_of(folder: pathlib.Path, tell: Tell) -> list[Row]:
    """The run's rows by step, the last of a finished run last; `tell` hears what is left out.

    Raises `DamagedFileError` for a result that is none.
    """
    found = ((step, _whole(_evaluation, path, tell)) for step, path in _evaluations(folder))
    measured = {step: evaluation for step, evaluation in found if evaluation}
    last = _finished(folder, measured, tell) if (folder / RESULT).is_file() else None
    steps = sorted(step for step in measured if last is None or step != last.get("steps"))
    rows = [measured[step][0] | columns(measured[step][1]) | {"steps": step} for step in steps]
    for row in rows:
        if row.get("loss") is None:
            tell(f"{folder}: step {row['steps']} left out, it has no loss")
    kept = [row for row in rows if row.get("loss") is not None] + ([last] if last else [])
    if any("compute_dtype" not in row for row in kept):
        kept = [{"compute_dtype": _asked_dtype(folder)} | row for row in kept]
    return [{k: v for k, v in row.items() if not isinstance(v, dict | list)} for row in kept]


def _asked_dtype(folder):
    """What a run of older code computed in: what its config asks for; None where that is lost."""
    try:
        return (find_config(folder) or {}).get("model", {}).get("dtype")
    except DamagedFileError:
        return None


def columns(records: Iterable[Mapping[str, Any]]) -> Row:
    """NAME, NAME_se, NAME_n, NAME_df, NAME_lower_is_better of records; blanks are left out."""
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
    row = read_json(folder / RESULT, "the result of a run", _check_result)
    known, records = measured.get(row.get("steps"), ({}, []))
    found = _older_scores(folder, row, tell) | row | columns(records)
    return found | {key: known[key] for key in ("validation",) if key in known}


def _older_scores(folder, row, tell):
    if not (folder / SCORES).is_file():
        return {}
    scores = _whole(_scores, folder / SCORES, tell) or {}
    step = scores.pop("step", None)
    if step == row.get("steps") or not scores:
        return scores
    tell(f"{folder}: scores left out, they are of step {step}, not {row.get('steps')}")
    return {}


def _evaluations(folder):
    """(step, path) of each evaluated checkpoint."""
    paths = (folder / EVALUATIONS).glob("*.json")
    return [(int(path.stem), path) for path in paths if path.stem.isdecimal()]


def _whole(read, path, tell):
    """What is read from a file; None, and told, where it is damaged."""
    try:
        return read(path)
    except DamagedFileError as error:
        tell(f"{error}; left out")
        return None


def _scores(path):
    return read_json(path, "the scores of a run", lambda found: require(found, {"step": int}))


def evaluation(path: pathlib.Path) -> dict[str, Any]:
    """{step, row, evaluators {name: {options, records}}} of the file of a checkpoint.

    Raises `DamagedFileError`.
    """
    return read_json(path, "what was measured of a checkpoint", _check_evaluation)


def _evaluation(path):
    """(row, records) of the file of a checkpoint."""
    found = evaluation(path)
    records = [record for made in found["evaluators"].values() for record in made["records"]]
    return dict(found["row"]), records


def _check_evaluation(found):
    require(found, {"row": dict, "evaluators": dict})
    for made in found["evaluators"].values():
        require(made, {"records": list, "options": dict})
        for record in made["records"]:
            require(record, {"name": str, "value": (*NUMBER, type(None))})
            require({"se": None} | record, {"se": (*NUMBER, type(None))})


def _check_result(found):
    """A result has what the table requires, but for an autoencoder's, which is no row of it."""
    if found.get("objective") not in SKIPPED:
        kinds = {column.name: str if column.holds == "text" else NUMBER for column in REQUIRED}
        require(found, kinds)
