"""Follows a job to its end: a bar weighted by what there is to do, a line for each run."""

import time
from collections.abc import Mapping, Sequence

from tqdm import tqdm

from sweeps.launcher.job import Job
from sweeps.launcher.local import Pool
from sweeps.launcher.packs import Run
from sweeps.launcher.state import BAD_STATES, OPEN_STATES, OVER_STATES, State

# Between two looks; of thousands of runs REST times as long as a look took: workers want the cores.
POLL_S, REST = 0.25, 10


def watch(job: Job, pool: Pool) -> None:
    """Returns when every run is over, whoever did it; keeps the pool at work."""
    states = _states(job, job.runs)
    left = [run for run in job.runs if states[run["run_id"]].name not in OVER_STATES]
    announced = False
    there = {"total": sum(map(job.size, job.runs)), "initial": _done(job, states)}
    with tqdm(desc="sweep", unit=job.unit, unit_scale=True, **there) as bar:
        while left:
            began = time.monotonic()
            states |= _states(job, left)
            over = [run for run in left if states[run["run_id"]].name in OVER_STATES]
            left = [run for run in left if states[run["run_id"]].name not in OVER_STATES]
            pool.starts = 0 if over else pool.starts
            notes = [_line(job, run, states[run["run_id"]]) for run in over]
            notes += pool.supervise(sum(states[run["run_id"]].name in OPEN_STATES for run in left))
            if left and pool.is_idle and not announced:
                notes.append(_waiting(left, states))
                announced = True
            for note in notes:
                bar.write(note)
            _advance(bar, _done(job, states), redraw=bool(over))
            took = time.monotonic() - began
            time.sleep(max(POLL_S, REST * took) if left else 0)


def close(job: Job, seconds: float) -> int:
    """Says how it went; every failed or damaged run is named, and makes the exit status 1."""
    states = job.states(job.runs)
    finished = sum(state.name == "finished" for state in states)
    print(f"{finished} of {len(states)} runs are {job.result} ({seconds:.0f} s)")
    failed = [(r, s) for r, s in zip(job.runs, states, strict=True) if s.name in BAD_STATES]
    for run, state in failed:
        name = f"{run['run_id']} size {run['size']} budget {run['flops_budget']:.3g}"
        print(f"{state.name}: {name}: {state.note}")
    if failed:
        print(job.retry)
    return 0 if finished == len(states) else 1


def _states(job: Job, runs: Sequence[Run]) -> dict[str, State]:
    return {run["run_id"]: state for run, state in zip(runs, job.states(runs), strict=True)}


def _advance(bar: tqdm, done: float, redraw: bool) -> None:
    """Redraws for each further percent: a log file gets a hundred bars of a sweep, no more."""
    redraw |= int(100 * done / bar.total) != int(100 * bar.n / bar.total)
    bar.n = done
    if redraw:
        bar.refresh()


def _done(job: Job, states: Mapping[str, State]) -> float:
    return sum(job.done(run, states[run["run_id"]]) for run in job.runs)


def _line(job: Job, run: Run, state: State) -> str:
    name = f"{run['run_id']}  size {run['size']}  budget {run['flops_budget']:.3g}"
    if state.name in BAD_STATES:
        return f"{name}  {state.name.upper()}: {state.note}"
    return f"{name}  {job.describe(state)}"


def _waiting(left: list[Run], states: Mapping[str, State]) -> str:
    """Said once. What a machine that is gone has claimed is taken over after a while."""
    names = ", ".join(f"{run['run_id']} ({states[run['run_id']].note})" for run in left)
    return f"waiting for {len(left)} runs of other workers: {names}"
