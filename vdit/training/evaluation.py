"""Checkpoints to records: of a run at its end and on its way, or of run folders afterwards."""

import pathlib
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from vdit import diffusion, evaluators
from vdit.config import flops, mixture, stream
from vdit.config.model_config import CAPTIONER, ModelConfig
from vdit.data import latents
from vdit.data.cache import Records
from vdit.diffusion import objectives
from vdit.errors import InputError
from vdit.evaluators import captions, losses
from vdit.evaluators.common import EvaluationData
from vdit.generator import Generator, load
from vdit.runs import evaluations
from vdit.runs.files import DamagedFileError
from vdit.runs.folder import RESULT, attempt_of, read_config, read_result
from vdit.runs.goodput import listen
from vdit.runs.spent import Spent
from vdit.training.row import row_of
from vdit.training.untrained import of_run

Asked = Mapping[str, Mapping[str, Any]]
FIXED_SETS = {"losses": losses, "captions": captions}  # whose clips the loss is of
# Columns of a finished run that hold for its earlier checkpoints, too.
OF_THE_RUN = ("run_id", "fingerprint", "trunk", "commit", "device", "num_devices", "jax_version")


def evaluate(
    model: Generator, data: EvaluationData, asked: Asked, spent: Spent | None = None
) -> dict[str, Any]:
    """Measures a checkpoint by the evaluators asked for, {name: options}; writes what was found.
    Options left out are those of the run's config. `spent` is told what each takes.

    Returns the content of evaluations/STEP.json, whose row (its commit and device too) is that of
    the first time. Raises `InputError` for unknown names or options.
    """
    asked = evaluations.with_defaults(data.config, asked)
    chosen = {name: evaluators.find(name, options) for name, options in asked.items()}
    found, spent = {}, spent or Spent()
    for name, measure in chosen.items():
        with spent.on(name):
            records = measure(model, data, **asked[name]) if _applies(name, model) else []
        found[name] = asked[name], records
    before = evaluations.read_or_set_aside(data.workdir, data.step)
    row = before.get("row") or _row(model, data)
    for name, (options, records) in found.items():
        if any(record.name == "loss" for record in records):
            meta = data.validation.meta
            row |= {"validation": FIXED_SETS[name].validation_id(meta, **options)}
    return evaluations.write(data.workdir, data.step, row, found)


def _applies(name: str, model: Generator) -> bool:
    """A captioner makes no videos, and has no loss at a time: it is measured by its captions."""
    return name == "captions" or model.config.attention != CAPTIONER


def _row(model: Generator, data: EvaluationData) -> dict[str, Any]:
    """The checkpoint's row; of a run that has ended, or was named by older code, under its name."""
    row = row_of(data.config, data.step) | model_columns(data, model.config)
    if (data.workdir / RESULT).exists():
        return row | {k: v for k, v in read_result(data.workdir).items() if k in OF_THE_RUN}
    name, _ = attempt_of(data.workdir.name)
    if re.fullmatch("[0-9a-f]{12}", name):
        own = row["trunk"] == row["run_id"]
        row |= {"run_id": name, "fingerprint": name}
        row |= {"trunk": name} if own else {}
    return row


def model_columns(data: EvaluationData, model: ModelConfig) -> dict[str, Any]:
    """Columns of a checkpoint's row that its model and its data fix."""
    config, meta = data.config, data.validation.meta
    clips, images = mixture.seen(config, data.step)
    unique = stream.unique_clips(clips, data.training_clips, stream.epochs_of(config.data))
    shared = min(config.trunk.step, data.step)
    diffuses = config.objective in diffusion.names()
    of_images = {"images": images} if mixture.share_of(config.data) else {}
    return flops.count_params(model) | {
        "objective": objectives.create(config).name if diffuses else config.objective,
        "dataset": meta["dataset"],
        "autoencoder": meta["autoencoder"],
        "psnr": meta["psnr"],
        "depth": model.depth,
        "width": model.width,
        "tokens": flops.tokens(config, model, data.step),
        "clips": clips,
        "unique_clips": unique,
        "epochs": clips / unique,
        "flops": flops.spent(config, model, data.step),
        "flops_shared": flops.spent(config, model, shared),
        **of_images,
        **meta.get("overlap", {}),
    }


def evaluate_run(
    workdir: str | pathlib.Path,
    steps: Sequence[int] | None = None,
    evaluators: Asked | None = None,
    verify: bool = True,
    text_encoder: str | None = None,
    spent: Spent | None = None,
) -> list[dict[str, Any]]:
    """Measures checkpoints of a run folder: the newest whole one (or those of `steps`), by the
    run's own evaluators (or those given). Returns what each evaluations/STEP.json then holds.

    `text_encoder` is where that of the run lies now, if it moved. `spent` is told what each
    evaluator takes.

    Of several steps a damaged one is named on stderr and left out. Its data must be there. Raises
    `InputError` for a folder, step or evaluator that is not, and where nothing is left.
    """
    listen()
    folder = pathlib.Path(workdir)
    config = read_config(folder)
    if config.objective == "autoencoder":
        raise InputError(f"{workdir} is an autoencoder's: expected a run on latents")
    asked = evaluations.evaluators_of(config) if evaluators is None else evaluators
    records = Records(latents.prepare(config, clips=0), "validation")
    found, damaged = [], []
    for step in steps or [None]:
        try:
            model = load(folder, of_run, step, verify=verify)
        except DamagedFileError as error:
            damaged.append(error)
            continue
        model = model.with_text_encoder(text_encoder) if text_encoder else model
        data = EvaluationData(config, records, folder, model.step)
        found.append(evaluate(model, data, asked, spent))
    if damaged and not found:
        raise damaged[0]
    for error in damaged:
        print(f"{error}; left out", file=sys.stderr, flush=True)
    return found
