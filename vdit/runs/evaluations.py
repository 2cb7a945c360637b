"""What was measured of a run's checkpoints: evaluations/STEP.json in its folder. No JAX here.

A file has the row of the results table that the checkpoint is, as far as training fixes it, and for
each evaluator its options and its records.
"""

import json
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vdit.config import versions
from vdit.runs.files import DamagedFileError, find_json, require, set_aside, write_json

FOLDER = "evaluations"


class Record(NamedTuple):
    """One number that was measured.

    `se` is its standard error and `n` how many independent things it is a mean of (captions,
    videos, items of the fixed validation set); None where unknown. `lower_is_better` is None where
    neither is. `compared_with` names the records that it is read against: an upper bound, a
    baseline. `df` are the degrees of freedom of `se`, n - 1 where None.
    """

    name: str
    value: float
    se: float | None = None
    n: int | None = None
    lower_is_better: bool | None = None
    compared_with: tuple[str, ...] = ()
    df: float | None = None


def evaluators_of(
    config: Mapping[str, Any], only: Sequence[str] = (), clips: int | None = None
) -> dict[str, dict[str, Any]]:
    """Name to options of what a config asks to be measured, or of `only` these; with `clips`, that
    many videos of each where an evaluator samples any."""
    asked = config.get("evaluators", versions.EVALUATORS)
    chosen = {name: asked.get(name, {}) for name in only} if only else asked
    found = with_defaults(config, chosen)
    if clips is None:
        return found
    sampled = {name: options | {"clips": clips} for name, options in found.items()}
    return found | {name: options for name, options in sampled.items() if name != "losses"}


def with_defaults(
    config: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The same evaluators with all options that they are handed: `config.validation` (triples and
    seed) is that of `losses`, `config.evaluation` (clips and seed) that of the others."""
    return {
        name: {**config.get("validation" if name == "losses" else "evaluation", {}), **options}
        for name, options in asked.items()
    }


def read(folder: str | pathlib.Path, step: int) -> dict[str, Any]:
    """The evaluation of a checkpoint; {} where there is none. Raises `DamagedFileError`."""
    return find_json(_path(folder, step), "what was measured of a checkpoint", _check) or {}


def read_or_set_aside(folder: str | pathlib.Path, step: int) -> dict[str, Any]:
    """The same for who measures it: one that is damaged is set aside, and said, for it is measured
    anew."""
    try:
        return read(folder, step)
    except DamagedFileError as error:
        set_aside(_path(folder, step))
        print(f"{error}; set aside as {step}.json.damaged", file=sys.stderr, flush=True)
        return {}


def missing(
    folder: str | pathlib.Path, step: int, evaluators: Mapping[str, Mapping]
) -> dict[str, dict]:
    """Those of the evaluators that have yet to measure the checkpoint, with these options."""
    done = read(folder, step).get("evaluators", {})
    return {
        name: dict(options)
        for name, options in evaluators.items()
        if not _same(done.get(name, {}).get("options"), dict(options))
    }


def _same(written: Any, options: dict[str, Any]) -> bool:
    """Whether a file has these options; it has lists for tuples."""
    return written == options or written == json.loads(json.dumps(options))


def write(
    folder: str | pathlib.Path,
    step: int,
    row: Mapping[str, Any],
    found: Mapping[str, tuple[Mapping[str, Any], Sequence[Record]]],
) -> dict[str, Any]:
    """Adds evaluators' (options, records) to a checkpoint's file; returns what it then holds."""
    evaluators = read_or_set_aside(folder, step).get("evaluators", {})
    for name, (options, records) in found.items():
        evaluators[name] = {"options": dict(options), "records": [r._asdict() for r in records]}
    whole = {"step": step, "row": dict(row), "evaluators": evaluators}
    write_json(_path(folder, step), whole)
    return read(folder, step)


def values(folder: str | pathlib.Path, step: int) -> dict[str, float]:
    """{name: value} of all that was measured of a checkpoint."""
    made = read(folder, step).get("evaluators", {}).values()
    records = (record for one in made for record in one["records"])
    return {record["name"]: record["value"] for record in records if record["value"] is not None}


def columns(records: Sequence[Record]) -> dict[str, float | int]:
    """Records as columns of the results table: NAME, NAME_se, NAME_n, NAME_df."""
    found: dict[str, float | int] = {}
    for record in records:
        found[record.name] = record.value
        known = {"se": record.se, "n": record.n, "df": record.df}
        found |= {f"{record.name}_{k}": v for k, v in known.items() if v is not None}
    return found


def _check(found: dict[str, Any]) -> None:
    """`ValueError` unless it is what `write` writes."""
    require(found, {"step": int, "row": dict, "evaluators": dict})
    for made in found["evaluators"].values():
        require(made, {"options": dict, "records": list})


def _path(folder: str | pathlib.Path, step: int) -> str:
    return f"{folder}/{FOLDER}/{step}.json"
