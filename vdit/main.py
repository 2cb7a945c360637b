"""One training run.

  python -m vdit.main --config experiments/base.py:size=S --workdir runs/s [--config.steps=1000]

Trains, or goes on from the last checkpoint of the same config; measures; writes result.json last.
"""

import json
import pathlib
import subprocess
import sys
import time

from vdit import errors
from vdit.errors import InputError


def run(config, workdir: str, mode: str = "one") -> dict:
    """Trains and measures one run in `workdir`; returns its row of the results table.

    A finished run is returned as it is. Calls in one process share compiled programs. `mode` says
    whether it is the machine's `one` run, or one of several processes `side_by_side`; it is
    recorded. Raises `InputError` for a config that makes no run or does not fit into memory,
    `vdit.training.loop.DivergedError` if it diverges.
    """
    from vdit.parallel import processes
    from vdit.runs.checkpoint import check_same_run
    from vdit.runs.goodput import GOODPUT, listen
    from vdit.training.loop import train
    from vdit.training.slots import record_mode
    from vdit.training.tasks import make_task

    config, workdir = resolve(config), pathlib.Path(workdir)
    processes.check_same_config(config)
    if (workdir / "result.json").exists():
        check_same_run(workdir, config.to_dict())
        return json.loads((workdir / "result.json").read_text())
    listen()
    started = time.time()
    task = make_task(config)
    if processes.is_first():
        record_mode(workdir, mode)
    with GOODPUT.to("training"):
        state, timing = train(task, config, workdir)
    state = processes.local(state._replace(optimizer=None))
    if processes.is_first():
        columns = timing | {"mode": mode, "pack": 1}
        columns |= {"started": started, "whole_s": time.time() - started}
        with GOODPUT.to("measuring"):
            measure(task, config, state, columns, workdir)
    processes.wait("measured")
    return json.loads((workdir / "result.json").read_text())


def measure(task, config, state, columns: dict, workdir: pathlib.Path) -> None:
    """Writes evaluation.json, then result.json: a run that has one is finished.

    `columns` are those of its training; `whole_s`, its seconds so far, grows by those spent here.
    """
    from vdit.runs.checkpoint import write_json
    from vdit.training import out_of_memory

    began = time.time()
    with out_of_memory.measuring(config):
        row = identity(config) | task.measure(state, workdir) | columns
        scores = task.score(state.ema)
    write_json(workdir / "evaluation.json", {"step": config.steps} | scores)
    row["finished"] = time.time()
    row["whole_s"] += row["finished"] - began
    write_json(workdir / "result.json", row)


def resolve(config):
    """A copy with all that is derived filled in; cheap, and the same whenever data are the same."""
    from ml_collections import ConfigDict

    from vdit.config.sizes import model_config_of, size_of
    from vdit.data.sources import open_source

    config = ConfigDict(config.to_dict())
    if config.objective != "autoencoder":
        if config.model.size:
            config.model.width, config.model.depth, config.model.heads = size_of(config.model.size)
        model_config_of(config)
        config.autoencoder.fingerprint = _coder_fingerprint(config.autoencoder)
    if config.get("init"):
        from vdit.training import init_from

        config.init_fingerprint = init_from.fingerprint(config.init)
    config.data.fingerprint = open_source(config.data, "train").fingerprint
    return config


def _coder_fingerprint(autoencoder) -> str:
    """The hash of an autoencoder's weights; a plan may be made before one of ours is trained."""
    from vdit.config.sizes import PUBLISHED

    result = pathlib.Path(autoencoder.dir) / "result.json"
    if autoencoder.name == "identity":
        return "identity"
    if autoencoder.name in PUBLISHED:
        from vdit.autoencoders import published

        return published.fingerprint(autoencoder.name, autoencoder.dir)
    return json.loads(result.read_text())["weights"] if result.exists() else "not trained yet"


def prepare_latents(config) -> str:
    """The folder of the latent cache that the run reads; made first where it does not exist."""
    from vdit.data import latents

    return str(latents.prepare(resolve(config)))


def identity(config) -> dict:
    """Columns that say which run this is."""
    import jax

    from vdit.config.fingerprint import fingerprint
    from vdit.config.sizes import variant_of
    from vdit.training.optimizer import learning_rates

    name = fingerprint(config)
    rates = learning_rates(config.optimizer, config.steps)
    return {
        "run_id": name,
        "fingerprint": name,
        "trunk": config.get("trunk", {}).get("run", "") or name,
        "sweep": config.sweep.name,
        "experiment": config.experiment,
        "objective": config.objective,
        "commit": _commit(),
        "seed": config.seed,
        "size": config.model.size if "model" in config else "",
        "variant": variant_of(config.model) if "model" in config else "",
        "steps": config.steps,
        "batch": config.batch,
        "lr": config.optimizer.lr,
        "parameterization": config.optimizer.get("parameterization", "sp"),
        "lr_final": float(rates[-1]),
        "schedule": config.optimizer.schedule,
        "annealed": bool(rates[-1] < rates.max()),
        "flops_budget": config.flops_budget,
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "jax_version": jax.__version__,
    }


def _commit() -> str:
    """The commit of the code, with + where the tree differs from it; empty outside git."""
    here = pathlib.Path(__file__).parent
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def parse_flags(argv: list[str]):
    """(config, workdir) from the command line; a wrong flag or key is an `InputError`."""
    from absl import flags
    from ml_collections import config_flags

    values = flags.FlagValues()
    config_flags.DEFINE_config_file(
        "config",
        None,
        "Config file and its argument, e.g. experiments/base.py:size=S; single "
        "keys by --config.KEY=VALUE.",
        flag_values=values,
    )
    flags.DEFINE_string("workdir", None, "Folder of the run.", flag_values=values)
    flags.DEFINE_boolean("help", False, "This text.", short_name="h", flag_values=values)
    try:
        rest = values(argv)
        config = (
            values["config"].value.copy_and_resolve_references()
            if values["config"].present
            else None
        )
    except (KeyError, AttributeError) as error:
        key = str(error.args[0]).strip("'\"")
        raise InputError(f"unknown config key {key}; experiments/base.py lists them") from error
    except (flags.Error, TypeError, ValueError, OSError) as error:
        # What a config file raises arrives inside a printed traceback: its last line is the point.
        raise InputError(str(error).rsplit("InputError: ")[-1]) from error
    if values.help:
        print(__doc__ + "\n" + values.main_module_help())
        sys.exit(0)
    for name in ("config", "workdir"):
        if values[name].value is None:
            raise InputError(f"--{name} is missing; see --help")
    if rest[1:]:
        raise InputError(f"{rest[1]!r}: expected --config and --workdir only; see --help")
    return config, values["workdir"].value


def main() -> int:
    config, workdir = parse_flags(sys.argv)
    from vdit.parallel import processes

    processes.join()
    row = run(config, workdir)
    if not processes.is_first():
        return 0
    print(json.dumps({k: row[k] for k in ("run_id", "loss", "loss_ema", "psnr") if k in row}))
    return 0


if __name__ == "__main__":
    errors.run(main)
