"""Functions in the places of those that train, count and evaluate, but that take no time.

With them tests of the launcher kill, race and fail dozens of runs in seconds. What a run is to do
stands in its config (`act`), what an evaluator is to do in its options. Who did what and how often
is written to ROOT/trained.txt. No JAX here.
"""

import json
import os
import pathlib
import signal
import time
import typing
import zlib

from vdit.runs import evaluations
from vdit.runs.files import write_json
from vdit.runs.folder import COMMITTED, CONFIG, attempt_of, find, read_config, steps_saved


def resolve(config):
    return resolve_in_place(config.copy_and_resolve_references())


def resolve_in_place(config):
    config.model.width = {"tiny": 32, "small": 64}.get(config.model.size, 16)
    return config


def training_clips(data):
    return 3125


def prepare(config, clips=None):
    pathlib.Path(config.cache).mkdir(parents=True, exist_ok=True)
    _note(pathlib.Path(config.cache).parent, f"prepared {len(os.sched_getaffinity(0))}")


def train(config, workdir, mode="one"):
    folder = pathlib.Path(workdir)
    root = folder.parent.parent
    name, _ = attempt_of(folder.name)
    _note(root, f"begin {name} {os.getpid()} {sorted(os.sched_getaffinity(0))}")
    if config.act == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if config.act == "fail":
        raise FloatingPointError("loss is nan at step 3")
    _restore_trunk(root, config)
    first = not (folder / "metrics.jsonl").exists()
    if config.act == "die" or (config.act == "die once" and first):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.jsonl").write_text('{"step": 1}\n')
        os.kill(os.getpid(), signal.SIGKILL)
    write_json(folder / CONFIG, config.to_dict())
    for step in range(config.trunk.step, config.steps):
        time.sleep(config.seconds / config.steps)
        if step + 1 in (*config.checkpoint_at, config.steps):
            write_json(folder / "checkpoints" / str(step + 1) / COMMITTED, {})
            if config.act == "fail trunk" and step + 1 in config.checkpoint_at:
                raise FloatingPointError(f"loss is nan at step {step + 2}")
        if step % 50 == 0:
            with open(folder / "metrics.jsonl", "a") as file:
                file.write(json.dumps({"step": step, "loss": 1.0}) + "\n")
    result = {"run_id": name, "size": config.model.size, "batch": config.batch}
    result |= {"steps": config.steps, "step_s": 0.5, "flops": 1e6, "loss": 0.5}
    write_json(folder / "result.json", result | {"started": 1.0, "finished": 4.0})
    _note(root, f"end {name} {os.getpid()}")
    return result


def _restore_trunk(root, config):
    if config.trunk.run:
        saved = find(root / "runs" / config.trunk.run) / "checkpoints" / str(config.trunk.step)
        assert saved.is_dir(), f"began before its trunk was at step {config.trunk.step}"


class Outcome(typing.NamedTuple):
    ends: list
    idle_steps: int


def train_pack(runs, pack=None):
    """One after another, and a note on who was there."""
    ends = []
    root = pathlib.Path(runs[0][1]).parent.parent
    _note(root, f"pack {' '.join(attempt_of(pathlib.Path(folder).name)[0] for _, folder in runs)}")
    for config, folder in runs:
        if config.act == "too much":
            raise MemoryError("too much for one device")
        if config.act == "diverge" and config.model.size == "small":
            ends.append(FloatingPointError("loss is nan at step 3"))
            continue
        ends.append(train(config, folder, "packed"))
    return Outcome(ends, 7)


def become_devices():
    """JAX, which nothing here uses, takes longer to import than all that a worker does."""


def evaluate_run(workdir, steps=None, evaluators=None, verify=True, text_encoder=None, spent=None):
    """Each checkpoint by each evaluator, whose options may say `fail`, `die` or `seconds`."""
    folder = pathlib.Path(workdir)
    root, written, run = folder.parent.parent, [], attempt_of(folder.name)[0]
    if evaluators is None:
        evaluators = evaluations.evaluators_of(read_config(folder))
    for step in steps or steps_saved(folder)[-1:]:
        for name, options in evaluators.items():
            _note(root, f"evaluate {run}@{step}:{name} {os.getpid()}")
            time.sleep(options.get("seconds", 0))
            if options.get("fail"):
                raise ValueError("no clip\nto be seen")
            if options.get("die"):
                os.kill(os.getpid(), signal.SIGKILL)
        scores = {name: [_score(run, step, name)] for name in evaluators}
        found = {name: (options, scores[name]) for name, options in evaluators.items()}
        written.append(evaluations.write(folder, step, {"run_id": run}, found))
        for name in evaluators:
            _note(root, f"evaluated {run}@{step}:{name} {os.getpid()}")
    return written


def _score(run, step, name):
    """A number of this checkpoint and evaluator alone, whoever measures it."""
    return evaluations.Record("score", float(zlib.crc32(f"{run}@{step}:{name}".encode())))


class Counts(typing.NamedTuple):
    params: int
    flops: float
    tokens: int


def training_flops_per_clip(config):
    return 10.0 * config.model.width


def counts(config):
    return Counts(config.model.width**2, training_flops_per_clip(config), 12)


def _note(root, line):
    with open(root / "trained.txt", "a") as file:
        file.write(line + "\n")


# Module, name there: what stands there instead.
STAND_INS = {
    "vdit.training.resolve": {
        "resolve": resolve,
        "resolve_in_place": resolve_in_place,
        "training_clips": training_clips,
    },
    "vdit.training.run": {"run": train},
    "vdit.training.packing": {"run": train_pack},
    "vdit.data.latents": {"prepare": prepare},
    "vdit.config.flops": {
        "training_flops_per_clip": training_flops_per_clip,
        "counts": counts,
    },
    "vdit.parallel.cores": {"become_devices": become_devices},
    "vdit.training.evaluation": {"evaluate_run": evaluate_run},
}
