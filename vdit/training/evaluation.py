"""Checkpoints to records: of a run at its end and on its way, or of run folders afterwards."""

import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from vdit import evaluators
from vdit.config import stream
from vdit.config.flops import count_params, training_flops
from vdit.config.model_config import ModelConfig
from vdit.data import latents
from vdit.data.cache import Records
from vdit.diffusion import objectives
from vdit.errors import InputError
from vdit.evaluators import losses
from vdit.evaluators.common import EvaluationData
from vdit.generator import Generator
from vdit.runs import evaluations
from vdit.runs.folder import RESULT, read_config, read_result, steps_saved
from vdit.runs.goodput import listen
from vdit.training.row import row_of
from vdit.training.tasks import DIFFUSION
from vdit.training.untrained import load

Asked = Mapping[str, Mapping[str, Any]]
# Columns of a finished run that hold for its earlier checkpoints, too.
OF_THE_RUN = ("run_id", "fingerprint", "trunk", "commit", "device", "num_devices", "jax_version")


def evaluate(model: Generator, data: EvaluationData, asked: Asked) -> dict[str, Any]:
    """Measures a checkpoint by the evaluators asked for, {name: options}; writes what was found.
    Options left out are those of the run's config.

    Returns the content of evaluations/STEP.json, whose row (its commit and device too) is that of
    the first time. Raises `InputError` for unknown names or options.
    """
    asked = evaluations.with_defaults(data.config, asked)
    chosen = {name: evaluators.find(name, options) for name, options in asked.items()}
    found = {
        name: (asked[name], measure(model, data, **asked[name])) for name, measure in chosen.items()
    }
    before = evaluations.read(data.workdir, data.step)
    row = before.get("row") or _row(model, data)
    if "losses" in asked:
        key = data.validation.meta["key"]
        row |= {"validation": losses.validation_id(key, **asked["losses"])}
    return evaluations.write(data.workdir, data.step, row, found)


def _row(model: Generator, data: EvaluationData) -> dict[str, Any]:
    """The checkpoint's row; of a run that has ended, or was named by older code, under its name."""
    row = row_of(data.config, data.step) | model_columns(data, model.config)
    if (data.workdir / RESULT).exists():
        return row | {k: v for k, v in read_result(data.workdir).items() if k in OF_THE_RUN}
    if re.fullmatch("[0-9a-f]{12}", data.workdir.name):
        own = row["trunk"] == row["run_id"]
        row |= {"run_id": data.workdir.name, "fingerprint": data.workdir.name}
        row |= {"trunk": data.workdir.name} if own else {}
    return row


def model_columns(data: EvaluationData, model: ModelConfig) -> dict[str, Any]:
    """Columns of a checkpoint's row that its model and its data fix."""
    config, meta = data.config, data.validation.meta
    clips, flops = data.step * config.batch, training_flops(model)
    unique = stream.unique_clips(clips, meta["train"], stream.epochs_of(config.data))
    shared = min(config.get("trunk", {}).get("step", 0), data.step)
    return count_params(model) | {
        "objective": objectives.create(config).name,
        "dataset": meta["dataset"],
        "autoencoder": meta["autoencoder"],
        "psnr": meta["psnr"],
        "depth": model.depth,
        "width": model.width,
        "tokens": clips * model.tokens,
        "clips": clips,
        "unique_clips": unique,
        "epochs": clips / unique,
        "flops": clips * flops,
        "flops_shared": shared * config.batch * flops,
    }


def evaluate_run(
    workdir: str | pathlib.Path,
    steps: Sequence[int] | None = None,
    evaluators: Asked | None = None,
) -> list[dict[str, Any]]:
    """Measures checkpoints of a run folder: the last (or those of `steps`), by the run's own
    evaluators (or those given). Returns what each evaluations/STEP.json then holds.

    Its data must be there. Raises `InputError` for a folder, step or evaluator that is not.
    """
    listen()
    folder = pathlib.Path(workdir)
    config = read_config(folder)
    if config.objective not in DIFFUSION:
        raise InputError(f"{workdir} is an autoencoder's: expected a run that makes videos")
    asked = evaluations.evaluators_of(config) if evaluators is None else evaluators
    records = Records(latents.prepare(config, clips=0), "validation")
    found = []
    for step in steps or steps_saved(folder)[-1:] or [None]:
        model = load(folder, step)
        data = EvaluationData(config, records, folder, model.step)
        found.append(evaluate(model, data, asked))
    return found
