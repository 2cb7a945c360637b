"""Follows the runs of a plan to their ends: a bar weighted by FLOPs, a line for each run."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sweeps.launcher.branch import own, trunk_of
from sweeps.launcher.local import Pool
from sweeps.launcher.status import State, state_of

POLL_S = 0.25
OPEN_STATES = ("waiting", "stale")
OVER_STATES = ("finished", "failed")


def watch(root: Path, runs: list[dict[str, Any]], pool: Pool) -> None:
    """Returns when every run has finished or failed, whoever ran it; keeps the pool at work."""
    states = {run["run_id"]: state_of(root, run) for run in runs}
    left = [run for run in runs if states[run["run_id"]].name not in OVER_STATES]
    told = False
    with _bar(runs, states) as bar:
        while left:
            states |= {run["run_id"]: state_of(root, run) for run in left}
            over = [run for run in left if states[run["run_id"]].name in OVER_STATES]
            left = [run for run in left if run not in over]
            pool.starts = 0 if over else pool.starts
            notes = [_line(run, states[run["run_id"]]) for run in over]
            notes += pool.tend(sum(states[run["run_id"]].name in OPEN_STATES for run in left))
            if left and pool.is_idle and not told:
                notes.append(_waiting(root, left, states))
                told = True
            for note in notes:
                bar.write(note)
            _advance(bar, _done(runs, states), redraw=bool(over))
            time.sleep(POLL_S if left else 0)


def _bar(runs: list[dict[str, Any]], states: Mapping[str, State]) -> tqdm:
    total, done = sum(run["flops"] * own(run) for run in runs), _done(runs, states)
    return tqdm(desc="sweep", total=total, initial=done, unit="FLOP", unit_scale=True)


def _advance(bar: tqdm, done: float, redraw: bool) -> None:
    """Redraws for each further percent: a log file gets a hundred bars of a sweep, no more."""
    redraw |= int(100 * done / bar.total) != int(100 * bar.n / bar.total)
    bar.n = done
    if redraw:
        bar.refresh()


def _done(runs: list[dict[str, Any]], states: Mapping[str, State]) -> float:
    """FLOPs behind us: of a run that goes on its share of the steps; a failed run counts whole."""
    done = 0.0
    for run in runs:
        state = states[run["run_id"]]
        begun = trunk_of(run)[1]
        part = max(0, state.steps - begun) / (run["steps"] - begun)
        done += run["flops"] * own(run) * (1.0 if state.name in OVER_STATES else min(1.0, part))
    return done


def _line(run: Mapping[str, Any], state: State) -> str:
    name = f"{run['run_id']}  size {run['size']}  budget {run['flops_budget']:.3g}"
    if state.name == "failed":
        return f"{name}  FAILED: {state.note}"
    return f"{name}  loss {state.loss:.4f}  {state.seconds:.1f} s"


def _waiting(root: Path, left: list[dict[str, Any]], states: Mapping[str, State]) -> str:
    """Said once. A claim of another machine is never taken over, so it says how to free one."""
    names = ", ".join(f"{run['run_id']} ({states[run['run_id']].note})" for run in left)
    return (
        f"waiting for {len(left)} runs of other workers: {names}. If one of their machines is "
        f"gone, delete {root}/runs/RUN/claim"
    )
