"""From a sweep file to a list of runs: each resolved, checked and named before any is started."""

import importlib.util
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

from sweeps.launcher.branch import branched, own_share
from sweeps.launcher.grid import parse_settings, with_overrides
from sweeps.launcher.packs import program
from sweeps.launcher.plan_check import check
from vdit.config import flops, mixture, stream, versions
from vdit.config.fingerprint import digest, fingerprint, identity
from vdit.errors import InputError
from vdit.runs.files import DamagedFileError, read_json, write_json
from vdit.training.resolve import resolve_in_place, training_clips

PLAN = "sweep.json"


def make_plan(sweep: str, root: Path, settings: list[str]) -> dict[str, Any]:
    """The plan of `sweeps/demo.py[:arg]`: its `sweep(base)` applied to its EXPERIMENT.

    `settings` ("key=value") change the base config before the sweep derives anything from it. The
    argument after the colon goes to the experiment's `get_config`. Every run has its resolved
    config in the plan: a worker reads that, and neither sweep nor experiment. Raises `InputError`
    for any cell that cannot be run, before any is.
    """
    path, argument = _split_argument(sweep)
    module = _load_sweep(path)
    experiment = _experiment_path(path, module.EXPERIMENT)
    shipped, chosen = load_module(experiment).get_config(argument), parse_settings(settings)
    fixed = {"sweep.name": path.stem} | chosen

    def row(cell: dict[str, Any]) -> dict[str, Any]:
        return _row(resolve_in_place(with_overrides(base, cell)), fixed | cell)

    base = _unresolved(shipped, root, fixed)
    cells = module.sweep(base.copy_and_resolve_references())  # it may change what it is given
    if base.sweep.branch:
        cells = branched(cells, base, lambda cell: row(cell)["run_id"])
    rows: dict[str, dict[str, Any]] = {}
    for made in map(row, cells):
        rows.setdefault(made["run_id"], made)
    if not rows:
        raise InputError(f"{path}: sweep(base) yields no runs")
    for key, value in chosen.items():
        if all(made["overrides"][key] != value for made in rows.values()):
            raise InputError(f"--set {key}={value} has no effect: the sweep sets {key} itself")
    name = f"{experiment}:{argument}"
    return {"sweep": path.stem, "experiment": name, "runs": list(rows.values())}


def config_of(run: Mapping[str, Any]) -> ConfigDict:
    """The resolved config of a run of a plan, as it was when the sweep was launched."""
    if "config" not in run:
        raise InputError(f"{PLAN} is of older code: its runs have no config; launch it again")
    if fingerprint(run["config"]) != run["run_id"]:
        raise InputError(f"{PLAN}: the config of run {run['run_id']} is another's; launch it again")
    return ConfigDict(versions.upgraded(run["config"], PLAN))


def read_plan(root: Path) -> dict[str, Any]:
    """The plan that a launcher has written to ROOT/sweep.json; `InputError` where there is none,
    `DamagedFileError` where it is none of ours, or has a name that leads out of the root."""
    if not (root / PLAN).exists():
        raise InputError(f"--root {root}: no {PLAN} there; sweeps.launch writes one")
    try:
        return read_json(root / PLAN, "the plan of a sweep", check)
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}; sweeps.launch writes it anew") from error


def write_plan(root: Path, plan: Mapping[str, Any]) -> None:
    """Writes ROOT/sweep.json. A root holds one sweep: that of another name is not overwritten."""
    try:
        if (root / PLAN).exists() and (name := read_plan(root)["sweep"]) != plan["sweep"]:
            raise InputError(
                f"--root {root} holds the sweep {name!r}; give {plan['sweep']!r} its own"
            )
    except DamagedFileError as error:
        print(error, file=sys.stderr)
    write_json(root / PLAN, plan)


def select(plan: Mapping[str, Any], up_to: float = math.inf) -> list[dict[str, Any]]:
    """Runs in the order to start them: largest budget first, and in a budget the smallest size.

    The longest first leaves the shortest to the end, where a worker without work waits for the
    other. A small model runs at fewer FLOP/s, so of one budget it takes the longest.
    Budgets above `up_to` FLOPs are left out; of a trunk that they share with others, nothing.
    """
    runs = [run for run in plan["runs"] if run["flops_budget"] <= up_to]
    return sorted(runs, key=lambda run: (-cost(run), run["params"], run["seed"]))


def up_to(plan: Mapping[str, Any], hold_out: bool, limit: float) -> float:
    """The largest budget in FLOPs to train: `limit`, or with `hold_out` the largest but one.

    `InputError` where the sweep has no budgets to choose from, or none up to the limit.
    """
    budgets = sorted({run["flops_budget"] for run in plan["runs"]})
    if (hold_out or limit < math.inf) and not budgets[-1]:
        raise InputError(f"sweep {plan['sweep']!r} has no flops_budget to hold out or to stop at")
    if hold_out:
        return budgets[-2] if len(budgets) > 1 else 0.0
    if limit < budgets[0]:
        raise InputError(f"--up_to {limit:g}: the least budget is {budgets[0]:g} FLOPs")
    return limit


def cost(run: Mapping[str, Any]) -> float:
    """FLOPs to order by: the budget where there is one, so that a budget's runs stay together.

    Of a branch its own share, to two digits: its steps are whole numbers, and so is the share not
    the same for all sizes.
    """
    whole, share = run["flops_budget"] or run["flops"], own_share(run)
    return whole if share == 1 else float(f"{whole * share:.2g}")


def load_module(path: Path) -> ModuleType:
    """The module of a sweep or experiment file, loaded from its path."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _split_argument(text: str) -> tuple[Path, str]:
    """("a/b.py", "x=1") from "a/b.py:x=1"."""
    path, suffix, argument = text.partition(".py")
    if not suffix or (argument and not argument.startswith(":")):
        raise InputError(f"{text}: expected FILE.py or FILE.py:ARGUMENT")
    return Path(path + suffix), argument[1:]


def _load_sweep(path: Path) -> ModuleType:
    module = load_module(path)
    for name in ("EXPERIMENT", "sweep"):
        if not hasattr(module, name):
            raise InputError(
                f"{path}: a sweep file has EXPERIMENT and sweep(base); {name} is missing"
            )
    return module


def _experiment_path(sweep: Path, experiment: str) -> Path:
    """EXPERIMENT is written from the repository's root, where `sweeps/` and the caller stand."""
    beside = sweep.resolve().parent.parent / experiment
    return beside if beside.is_file() else Path(experiment).resolve()


def _unresolved(shipped: ConfigDict, root: Path, overrides: Mapping[str, Any]) -> ConfigDict:
    """The experiment's config with overrides; latents, and an autoencoder if unset, in `root`."""
    config = with_overrides(shipped, overrides)
    if "cache" not in overrides:
        config.cache = str(root / "latents")
    if not config.autoencoder.dir:
        config.autoencoder.dir = str(root / "autoencoder")
    return config


def _row(config: ConfigDict, overrides: Mapping[str, Any]) -> dict[str, Any]:
    trained, whole = config.steps * config.batch, config.to_dict()
    clips, _ = mixture.seen(config, config.steps)
    parts, counts = identity(whole), flops.counts(config)
    there = training_clips(config.data)
    return {
        "run_id": digest(parts),
        "size": config.model.size,
        "width": config.model.width,
        "params": counts.params,
        "seed": config.seed,
        "steps": config.steps,
        "batch": config.batch,
        "flops": trained * counts.flops,
        "flops_budget": config.flops_budget,
        "tokens": round(trained * counts.tokens),
        "clips": clips,
        "epochs": clips / stream.unique_clips(clips, there, stream.epochs_of(config.data)),
        "program": program(parts),
        "overrides": dict(overrides),
        "config": whole,
    }
