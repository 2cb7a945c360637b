"""One trunk, many budgets: runs that differ in their budget alone share all but their decays.

    python -m sweeps.launch --sweep sweeps/demo.py --root runs/branched --set sweep.branch=True

With warm-up-stable-decay (2405.18392) the rate of a run is constant until its last fifth: so one
run, the trunk, passes all budgets at that rate, and short decays branch from its checkpoints. A
branch ends as a run from step 0 would have (`vdit.training.trunk`), and costs its decay.
`--hold_out` leaves out the branches of the largest budget. Their trunk is trained to the point
where they would leave it: no fit takes its loss, for its rate never came down. A worker with
nothing but branches of other workers' trunks left waits for their checkpoints, on Slurm too. When
this may be used: analysis/results/branches.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vdit.errors import InputError
from vdit.runs.folder import CHECKPOINTS, COMMITTED, find

BUDGET = ("steps", "flops_budget", "optimizer.lr")
Cell = dict[str, Any]
Run = Mapping[str, Any]


def branched(cells: Iterable[Cell], base: Any, name_of: Callable[[Cell], str]) -> Iterator[Cell]:
    """The runs that do the work of `cells` (overrides of `base`), a trunk before its branches.

    Cells that differ in steps, budget and learning rate alone become one trunk and a branch each.
    They and their likes of other seeds get one schedule: `wsd`, the lowest of their rates (in most
    sweeps the longest run's; at the geometric mean the longest branches ended worse, see
    analysis/results/branches), and as many steps of warm-up as the shortest of them has. A cell
    that stands alone is a whole run, of that schedule too. `name_of` gives the run_id of a cell.
    Raises `InputError` for a sweep of learning rates, and where nothing can be shared.
    """
    families = [_with_one_schedule(cells, base) for cells in _grouped(cells, (*BUDGET, "seed"))]
    groups = [g for cells in families for g in _grouped(cells, (*BUDGET, "optimizer.warmup"))]
    if all(len(group) == 1 for group in groups):
        raise InputError("sweep.branch: no two runs of this sweep differ in their budget alone")
    for group in groups:
        yield from _trunk_and_branches(group, base, name_of) if len(group) > 1 else group


def _grouped(cells: Iterable[Cell], without: tuple[str, ...]) -> list[list[Cell]]:
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        same = {key: value for key, value in cell.items() if key not in without}
        groups.setdefault(json.dumps(same, sort_keys=True), []).append(cell)
    return list(groups.values())


def _with_one_schedule(cells: list[Cell], base: Any) -> list[Cell]:
    """The cells with one peak rate, and one warm-up in steps."""
    warmup = cells[0].get("optimizer.warmup", base.optimizer.warmup)
    shortest = min(_steps(cell, base) for cell in cells)
    rate = _one_rate(cells, base)
    made = []
    for cell in cells:
        steps = _steps(cell, base)
        more = {"steps": steps, "optimizer.schedule": "wsd", "optimizer.lr": rate}
        if steps > shortest:
            more["optimizer.warmup"] = max(1, round(warmup * shortest)) / steps
        made.append(cell | more)
    return made


def _one_rate(cells: list[Cell], base: Any) -> float:
    rates: dict[int, float] = {}
    for cell in cells:
        steps, rate = _steps(cell, base), cell.get("optimizer.lr", base.optimizer.lr)
        if rates.setdefault(steps, rate) != rate:
            raise InputError(
                f"sweep.branch: runs of {steps} steps have learning rates {rates[steps]:.3g} and "
                f"{rate:.3g}, but a trunk has one: a sweep of rates cannot branch"
            )
    return min(rates.values())


def _trunk_and_branches(
    group: list[Cell], base: Any, name_of: Callable[[Cell], str]
) -> Iterator[Cell]:
    decay = group[0].get("optimizer.decay", base.optimizer.decay)
    starts = [cell["steps"] - max(1, round(decay * cell["steps"])) for cell in group]
    longest, end = max(group, key=lambda cell: cell["steps"]), max(starts)
    warmup = longest.get("optimizer.warmup", base.optimizer.warmup) * longest["steps"]
    trunk = longest | {
        "steps": end,
        "flops_budget": 0.0,
        "optimizer.warmup": max(1, round(warmup)) / end,
        "optimizer.decay": 0.0,
        "checkpoint_at": tuple(sorted(set(starts))),
        "evaluation.clips": 0,  # its videos are never looked at either
    }
    yield trunk
    name = name_of(trunk)
    for cell, start in zip(group, starts, strict=True):
        yield cell | {"trunk.run": name, "trunk.step": start}


def _steps(cell: Cell, base: Any) -> int:
    return cell.get("steps", base.steps)


def trunk_of(run: Run) -> tuple[str, int]:
    """(run_id, step) where a run of a plan begins; ("", 0) of one that is no branch."""
    return run["overrides"].get("trunk.run", ""), run["overrides"].get("trunk.step", 0)


def own_share(run: Run) -> float:
    """The share of a run's steps, and FLOPs, that no trunk does for it."""
    return 1 - trunk_of(run)[1] / run["steps"]


def is_ready(root: Path, run: Run) -> bool:
    """Whether the run can begin: its trunk, if any, has left a checkpoint."""
    name, step = trunk_of(run)
    return not name or (find(root / "runs" / name) / CHECKPOINTS / str(step) / COMMITTED).exists()


def starts(runs: Iterable[Run]) -> list[str | None]:
    """Where each branch begins (TRUNK@STEP), and which run is a trunk; [] for whole runs only."""
    runs = list(runs)
    if not any(trunk_of(run)[0] for run in runs):
        return []
    return [_start(run) for run in runs]


def _start(run: Run) -> str | None:
    name, step = trunk_of(run)
    if name:
        return f"{name}@{step}"
    return "trunk" if run["overrides"].get("checkpoint_at") else None
