"""Whether what stands in a sweep.json is a plan that can be gone by, within its root."""

import re
from collections.abc import Mapping
from typing import Any

from vdit.runs.files import NUMBER, require

# A run's name is that of its folder, and RUN.N one of an attempt at it.
NAME = re.compile(r"[A-Za-z0-9_-]+")
RUN = {
    "run_id": str,
    "size": str,
    "params": NUMBER,
    "seed": int,
    "steps": int,
    "batch": int,
    "flops": NUMBER,
    "flops_budget": NUMBER,
    "program": str,
    "overrides": dict,
}


def check(plan: Mapping[str, Any]) -> None:
    """Raises `ValueError` for what is no plan, or has a run whose name would lead elsewhere."""
    require(plan, {"sweep": str, "runs": list})
    for run in plan["runs"]:
        require(run, RUN)
        if not NAME.fullmatch(run["run_id"]):
            raise ValueError(f"run_id is {run['run_id']!r:.40}: no name of a folder in the root")
        if run["steps"] < 1:
            raise ValueError(f"steps of run {run['run_id']} is {run['steps']}")
        overrides, config = run["overrides"], run.get("config") or {}
        require(config, {})
        _check_trunk(overrides.get("trunk.run", ""), overrides.get("trunk.step", 0))
        if trunk := config.get("trunk"):
            require(trunk, {"run": str, "step": int})
            _check_trunk(trunk["run"], trunk["step"])


def _check_trunk(name: Any, step: Any) -> None:
    """Of a branch: the run that it begins in, and the step; "" and 0 of others."""
    require({"trunk.run": name, "trunk.step": step}, {"trunk.run": str, "trunk.step": int})
    if name and not NAME.fullmatch(name):
        raise ValueError(f"trunk.run is {name!r:.40}: no name of a folder in the root")
