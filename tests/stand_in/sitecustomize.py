"""Python imports this at start where the folder is on PYTHONPATH: a trainer that takes no time.

It stands in for what trains and counts, so that tests of the launcher kill, race and fail dozens
of runs in seconds. What a run is to do stands in its config (`act`).
"""

import json
import os
import pathlib
import signal
import sys
import time
import types
import typing


def resolve(config):
    config.model.width = {"tiny": 32, "small": 64}.get(config.model.size, 16)
    return config


def prepare_latents(config):
    pathlib.Path(config.cache).mkdir(parents=True, exist_ok=True)
    _note(pathlib.Path(config.cache).parent, f"prepared {len(os.sched_getaffinity(0))}")


def run(config, workdir, mode):
    folder = pathlib.Path(workdir)
    root = folder.parent.parent
    _note(root, f"begin {folder.name} {os.getpid()} {sorted(os.sched_getaffinity(0))}")
    if config.act == "fail":
        raise FloatingPointError("loss is nan at step 3")
    _restore_trunk(root, config)
    first = not (folder / "metrics.jsonl").exists()
    if config.act == "die" or (config.act == "die once" and first):
        (folder / "metrics.jsonl").write_text('{"step": 1}\n')
        os.kill(os.getpid(), signal.SIGKILL)
    for step in range(config.trunk.step, config.steps):
        time.sleep(config.seconds / config.steps)
        if step + 1 in config.checkpoint_at:
            (folder / "checkpoints" / str(step + 1)).mkdir(parents=True, exist_ok=True)
            if config.act == "fail trunk":
                raise FloatingPointError(f"loss is nan at step {step + 2}")
        if step % 50 == 0:
            with open(folder / "metrics.jsonl", "a") as file:
                file.write(json.dumps({"step": step, "loss": 1.0}) + "\n")
    result = {"run_id": folder.name, "size": config.model.size, "batch": config.batch}
    result |= {
        "steps": config.steps,
        "step_s": 0.5,
        "flops": 1e6,
        "started": 1.0,
        "finished": 4.0,
        "loss": 0.5,
    }
    (folder / "result.json").write_text(json.dumps(result))
    _note(root, f"end {folder.name} {os.getpid()}")


def _restore_trunk(root, config):
    if config.trunk.run:
        saved = root / "runs" / config.trunk.run / "checkpoints" / str(config.trunk.step)
        assert saved.is_dir(), f"began before its trunk was at step {config.trunk.step}"


class Outcome(typing.NamedTuple):
    ends: list
    idle_steps: int


def run_pack(runs, slots):
    """As `vdit.training.packing.run`: one after another, and a note on who was there."""
    ends = []
    root = pathlib.Path(runs[0][1]).parent.parent
    _note(root, f"pack {' '.join(pathlib.Path(folder).name for _, folder in runs)}")
    for config, folder in runs:
        if config.act == "too much":
            raise MemoryError("too much for one device")
        if config.act == "diverge" and config.model.size == "small":
            ends.append(FloatingPointError("loss is nan at step 3"))
            continue
        run(config, folder, "packed")
        ends.append({})
    return Outcome(ends, 7)


def stepper(config, slots):
    """As `vdit.benchmark.step_benchmark.stepper`: steps of a second as planted, by mode."""
    name = "packed" if slots > 1 else "one" if len(os.sched_getaffinity(0)) > 1 else "side_by_side"
    speed = json.loads(os.environ["STAND_IN_SPEEDS"])[name]
    if speed is None:
        raise MemoryError("too much for one device")
    return lambda seconds: (speed * seconds, seconds)


def _note(root, line):
    with open(root / "trained.txt", "a") as file:
        file.write(line + "\n")


main = types.ModuleType("vdit.main")
main.resolve, main.prepare_latents, main.run = resolve, prepare_latents, run
flops = types.ModuleType("vdit.config.flops")
flops.training_flops_per_clip = lambda config: 10.0 * config.model.width
flops.tokens_per_clip = lambda config: 12
flops.params = lambda config: {"params": config.model.width**2}
packing = types.ModuleType("vdit.training.packing")
packing.run = run_pack
rehearsal = types.ModuleType("vdit.benchmark.step_benchmark")
rehearsal.stepper = stepper
stubs = (main, flops, packing, rehearsal)
sys.modules |= {stub.__name__: stub for stub in stubs}
