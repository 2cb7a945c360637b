"""From a sweep file to a list of runs: each resolved, checked and named before any is started."""

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from sweeps.launcher.branch import branched, own
from sweeps.launcher.grid import parse_settings, with_overrides
from sweeps.launcher.packs import program
from vdit.config.fingerprint import fingerprint
from vdit.errors import InputError

PLAN = "sweep.json"


def make_plan(sweep: str, root: Path, settings: list[str]) -> dict[str, Any]:
    """The plan of `sweeps/demo.py[:arg]`: its `sweep(base)` applied to its EXPERIMENT.

    `settings` ("key=value") change the base config before the sweep derives anything from it. The
    argument after the colon goes to the experiment's `get_config`. Raises `InputError` for any
    cell that cannot be run, before any is.
    """
    path, argument = split_argument(sweep)
    module = load_module(path)
    for name in ("EXPERIMENT", "sweep"):
        if not hasattr(module, name):
            raise InputError(
                f"{path}: a sweep file has EXPERIMENT and sweep(base); {name} is missing"
            )
    experiment = _experiment_path(path, module.EXPERIMENT)
    chosen = parse_settings(settings)
    fixed = {"sweep.name": path.stem} | chosen
    plan = {"sweep": path.stem, "experiment": f"{experiment}:{argument}", "runs": []}
    base = _unresolved(plan, root, fixed)
    rows: dict[str, dict[str, Any]] = {}
    cells = module.sweep(base)
    if base.sweep.branch:
        cells = branched(cells, base, lambda cell: _row(plan, root, fixed | cell)["run_id"])
    for overrides in cells:
        row = _row(plan, root, fixed | overrides)
        rows.setdefault(row["run_id"], row)
    if not rows:
        raise InputError(f"{path}: sweep(base) yields no runs")
    for key, value in chosen.items():
        if all(row["overrides"][key] != value for row in rows.values()):
            raise InputError(f"--set {key}={value} has no effect: the sweep sets {key} itself")
    return plan | {"runs": list(rows.values())}


def build_config(plan: Mapping[str, Any], root: Path, overrides: Mapping[str, Any]) -> Any:
    """The resolved config of a run; latents, and the autoencoder if unset, lie under `root`."""
    from vdit.main import resolve

    return resolve(_unresolved(plan, root, overrides))


def _unresolved(plan: Mapping[str, Any], root: Path, overrides: Mapping[str, Any]) -> Any:
    path, argument = split_argument(plan["experiment"])
    config = with_overrides(load_module(path).get_config(argument), overrides)
    if "cache" not in overrides:
        config.cache = str(root / "latents")
    if not config.autoencoder.dir:
        config.autoencoder.dir = str(root / "autoencoder")
    return config


def read_plan(root: Path) -> dict[str, Any]:
    """The plan that a launcher has written to ROOT/sweep.json."""
    try:
        return json.loads((root / PLAN).read_text())
    except FileNotFoundError:
        raise InputError(f"--root {root}: no {PLAN} there; sweeps.launch writes one") from None


def write_plan(root: Path, plan: Mapping[str, Any]) -> None:
    """Writes ROOT/sweep.json. A root holds one sweep: that of another name is not overwritten."""
    root.mkdir(parents=True, exist_ok=True)
    if (root / PLAN).exists() and (name := read_plan(root)["sweep"]) != plan["sweep"]:
        raise InputError(f"--root {root} holds the sweep {name!r}; give {plan['sweep']!r} its own")
    write_json(root / PLAN, plan)


def write_json(path: Path, value: Any) -> None:
    """Writes JSON so that a reader sees the old file or the whole new one."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(beside, path)


def select(plan: Mapping[str, Any], hold_out: bool) -> list[dict[str, Any]]:
    """Runs in the order to start them: largest budget first, and in a budget the smallest size.

    The longest first leaves the shortest to the end, where a worker without work waits for the
    other. A small model runs at fewer FLOP/s, so of one budget it takes the longest.
    `hold_out` leaves out the largest budget; of a trunk that it shares with others, nothing.
    """
    largest = max((run["flops_budget"] for run in plan["runs"]), default=0)
    if hold_out and not largest:
        raise InputError(f"--hold_out: sweep {plan['sweep']!r} has no flops_budget to hold out")
    runs = [run for run in plan["runs"] if not (hold_out and run["flops_budget"] == largest)]
    return sorted(runs, key=lambda run: (-cost(run), run["params"], run["seed"]))


def cost(run: Mapping[str, Any]) -> float:
    """FLOPs to order by: the budget where there is one, so that a budget's runs stay together.

    Of a branch its own share, to two digits: its steps are whole numbers, and so is the share not
    the same for all sizes.
    """
    whole = run["flops_budget"] or run["flops"]
    return whole if own(run) == 1 else float(f"{whole * own(run):.2g}")


def split_argument(text: str) -> tuple[Path, str]:
    """("a/b.py", "x=1") from "a/b.py:x=1"."""
    path, suffix, argument = text.partition(".py")
    if not suffix or (argument and not argument.startswith(":")):
        raise InputError(f"{text}: expected FILE.py or FILE.py:ARGUMENT")
    return Path(path + suffix), argument[1:]


def load_module(path: Path) -> ModuleType:
    """The module of a sweep or experiment file, loaded from its path."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _experiment_path(sweep: Path, experiment: str) -> Path:
    """EXPERIMENT is written from the repository's root, where `sweeps/` and the caller stand."""
    beside = sweep.resolve().parent.parent / experiment
    return beside if beside.is_file() else Path(experiment).resolve()


def _row(plan: Mapping[str, Any], root: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    from vdit.config import flops

    config = build_config(plan, root, overrides)
    clips = config.steps * config.batch
    return {
        "run_id": fingerprint(config),
        "size": config.model.size,
        "width": config.model.width,
        "params": flops.params(config)["params"],
        "seed": config.seed,
        "steps": config.steps,
        "batch": config.batch,
        "flops": clips * flops.training_flops_per_clip(config),
        "flops_budget": config.flops_budget,
        "tokens": clips * flops.tokens_per_clip(config),
        "clips": clips,
        "epochs": clips / config.data.train_clips if config.data.train_clips else None,
        "program": program(config),
        "overrides": dict(overrides),
    }
