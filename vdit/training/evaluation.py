"""Checkpoints to records: of a run at its end and on its way, or of run folders afterwards."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import vdit
from vdit import evaluators
from vdit.config.flops import count_params, training_flops
from vdit.config.model_config import ModelConfig
from vdit.data import latents
from vdit.diffusion import objectives
from vdit.errors import InputError
from vdit.evaluators import losses
from vdit.evaluators.common import EvaluationData
from vdit.generator import Generator
from vdit.runs import evaluations
from vdit.runs.folder import read_config, steps_saved
from vdit.runs.goodput import listen
from vdit.training.row import row_of
from vdit.training.tasks import DIFFUSION

Asked = Mapping[str, Mapping[str, Any]]


def evaluate(model: Generator, data: EvaluationData, asked: Asked) -> dict[str, Any]:
    """Measures a checkpoint by the evaluators asked for, {name: options}; writes what was found.

    Returns the content of evaluations/STEP.json, whose row (its commit and device too) is that of
    the first time. Raises `InputError` for unknown names or options.
    """
    chosen = {name: evaluators.find(name, options) for name, options in asked.items()}
    found = {
        name: (asked[name], measure(model, data, **asked[name])) for name, measure in chosen.items()
    }
    before = evaluations.read(data.workdir, data.step)
    row = before.get("row") or row_of(data.config, data.step) | model_columns(data, model.config)
    options = asked.get("losses", before.get("evaluators", {}).get("losses", {}).get("options", {}))
    meta = data.validation.meta
    row |= {"validation": losses.validation_id(data.config, meta["key"], **options)}
    return evaluations.write(data.workdir, data.step, row, found)


def model_columns(data: EvaluationData, model: ModelConfig) -> dict[str, Any]:
    """Columns of a checkpoint's row that its model and its data fix."""
    config, meta = data.config, data.validation.meta
    clips, flops = data.step * config.batch, training_flops(model)
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
        "unique_clips": meta["train"],
        "epochs": clips / meta["train"],
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
    records = latents.Records(latents.prepare(config), "validation")
    found = []
    for step in steps or steps_saved(folder)[-1:] or [None]:
        model = vdit.load(folder, step)
        data = EvaluationData(config, records, folder, model.step)
        found.append(evaluate(model, data, asked))
    return found
