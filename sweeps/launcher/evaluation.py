"""What workers do with trained runs: they evaluate checkpoints, each by what is missing."""

import json
import math
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from sweeps.launcher.job import Job
from sweeps.launcher.packs import Claimed, Pack, Run
from sweeps.launcher.plan import select
from sweeps.launcher.run_files import can_begin, read_failure
from sweeps.launcher.state import OVER_STATES, State, folders_of, state_by_claim
from vdit.runs import claim, evaluations
from vdit.runs.files import DamagedFileError
from vdit.runs.folder import RESULT, attempt_of, find, read_config, read_result, steps_saved
from vdit.runs.goodput import GOODPUT

FAILED = "evaluation_failed.json"
CLAIMED = "evaluating"


class Evaluation(Job):
    """Evaluates the last checkpoint of each finished run of a plan.

    With `every`, all kept checkpoints, of unfinished runs too, unless somebody is training them.
    Evaluators are those of the plan's configs, or `only` these, of `clips` videos if given. What a
    checkpoint has been evaluated by before, with the same options, is left alone. With `best`, of
    each budget only the size of lowest loss, with all of its seeds.
    """

    unit, result, failed = "checkpoint", "evaluated", FAILED
    retry = f"the same command tries them again; tracebacks are in the runs' {FAILED}"

    def __init__(
        self,
        root: Path,
        plan: Mapping[str, Any],
        only: Sequence[str],
        every: bool,
        clips: int | None = None,
        best: bool = False,
    ):
        options = ["--evaluate"] + ["--only", ",".join(only)] * bool(only) + ["--all"] * every
        options += ([] if clips is None else ["--clips", str(clips)]) + ["--best"] * best
        runs = select(plan)
        both = zip(runs, folders_of(root, runs), strict=True)
        ready = [(run, folder) for run, folder in both if _is_ready(folder, every)]
        runs = best_sizes(ready) if best else [run for run, _ in ready]
        super().__init__(root, runs, options)
        self.every = every
        self._evaluators = {run["run_id"]: self._asked(run, only, clips) for run in runs}
        self._sizes = {run["run_id"]: len(self._steps(run)) for run in runs}

    def evaluators(self) -> set[str]:
        """The names of all that is asked for."""
        return {name for each in self._evaluators.values() for name in each}

    def missing(self, run: Run) -> dict[int, dict[str, dict]]:
        """Of each checkpoint (a step) that is not done: the evaluators that are left, by name."""
        evaluators = self._evaluators[run["run_id"]]
        folder = self.folder(run)
        left = {s: evaluations.missing(folder, s, evaluators) for s in self._steps(run)}
        return {step: evaluators for step, evaluators in left.items() if evaluators}

    def config(self, run: Run) -> ConfigDict:
        """That in its folder: plans of older code have none."""
        return read_config(self.folder(run))

    def rests_at(self, run: Run) -> Path:
        """A finished run stays where it is while it is measured: a folder in it is claimed."""
        folder = self.folder(run)
        return folder / CLAIMED if (folder / RESULT).exists() else super().rests_at(run)

    def claimed(self) -> dict[str, Path]:
        found = {run["run_id"]: find(self.rests_at(run)) for run in self.runs}
        return {name: folder for name, folder in found.items() if attempt_of(folder.name)[1]}

    def workdir(self, claimed: Claimed) -> Path:
        folder = claimed.claim.folder
        return folder.parent if attempt_of(folder.name)[0] == CLAIMED else folder

    def is_over(self, run: Run) -> bool:
        folder = self.folder(run)
        try:
            return (folder / FAILED).exists() or not (can_begin(folder) and self.missing(run))
        except DamagedFileError:
            return True

    def states(self, runs: Sequence[Run]) -> list[State]:
        return list(map(self._state, runs))

    def _state(self, run: Run) -> State:
        folder = self.folder(run)
        try:
            missing = self.missing(run)
            read_config(folder)
            failure = read_failure(folder / FAILED, run["run_id"])
        except DamagedFileError as error:
            return State("damaged", 0, None, None, str(error))
        done = len(self._steps(run)) - len(missing)
        if not missing:
            return State("finished", done, None, None)
        if failure:
            return State("failed", done, None, None, failure)
        return state_by_claim(find(self.rests_at(run)), done)

    def begin_again(self, run: Run) -> None:
        """Has it tried again, whatever it failed of; what is damaged is set aside."""
        (self.folder(run) / FAILED).unlink(missing_ok=True)
        for step in self._steps(run):
            evaluations.read_or_set_aside(self.folder(run), step)

    def size(self, run: Run) -> float:
        return self._sizes[run["run_id"]]

    def done(self, run: Run, state: State) -> float:
        whole = self.size(run)
        return whole if state.name in OVER_STATES else min(whole, state.steps)

    def describe(self, state: State) -> str:
        return f"{state.steps} checkpoint{'s' * (state.steps != 1)} evaluated"

    def do(self, pack: Pack) -> int:
        for claimed in filter(self.may_try, pack.claimed):
            run, clock = claimed.run, time.strftime("%H:%M:%S")
            print(f"{clock} evaluates {run['run_id']} size {run['size']}", flush=True)
            names = list(self._evaluators[run["run_id"]])
            if failures := self._evaluate(claimed, names):
                lines, traces = zip(*failures, strict=True)
                self.fail(claimed, "; ".join(lines), "\n".join(traces))
            elif self.missing(run):
                self.fail(claimed, "ended without its evaluations")
        return 0

    def _asked(self, run, only, clips):
        """Evaluators and options of the plan's config, which may name more than the run did when it
        was trained; of those named on the command line the config need not know."""
        return evaluations.evaluators_of(run.get("config") or self.config(run), only, clips)

    def _evaluate(self, claimed: Claimed, names: list[str]) -> list[tuple[str, str]]:
        """By all of these at once and, if that fails, by each alone: what failed, and its trace."""
        from vdit.training.evaluation import evaluate_run

        try:
            with GOODPUT.to("measuring"):
                for steps, evaluators in self._calls(claimed.run, names):
                    evaluate_run(str(self.workdir(claimed)), steps, evaluators)
        except Exception as error:  # whatever one evaluator dies of, the others go on
            if len(names) > 1:
                return [failure for name in names for failure in self._evaluate(claimed, [name])]
            line = " ".join(f"{names[0]}: {type(error).__name__}: {error}".split())
            return [(line, traceback.format_exc())]
        return []

    def _calls(self, run: Run, names: list[str]) -> Iterable[tuple[list[int], dict[str, dict]]]:
        """Steps that miss the same of these evaluators, for a run is loaded once a call."""
        calls: dict[str, tuple[list[int], dict]] = {}
        for step, missing in self.missing(run).items():
            here = {name: options for name, options in missing.items() if name in names}
            key = json.dumps(here, sort_keys=True)
            calls.setdefault(key, ([], here))[0].append(step)
        return [(steps, evaluators) for steps, evaluators in calls.values() if evaluators]

    def _steps(self, run: Run) -> list[int]:
        folder = self.folder(run)
        saved = steps_saved(folder)
        if not saved and (folder / RESULT).exists():
            saved = [run["steps"]]  # its generator has the weights
        return saved if self.every else saved[-1:]


def _is_ready(folder: Path, every: bool) -> bool:
    """Whether the run has checkpoints to evaluate. One in training deletes those it has passed."""
    if claim.is_live(folder):
        return False
    return (folder / RESULT).exists() or (every and bool(steps_saved(folder)))


def best_sizes(runs: Iterable[tuple[Run, Path]]) -> list[Run]:
    """Of runs, each with its folder, those of the size of lowest loss of their budget."""
    ended = [(run, _loss(folder)) for run, folder in runs]
    lowest: dict[float, Run] = {}
    for run, _ in sorted(ended, key=lambda one: one[1]):
        lowest.setdefault(run["flops_budget"], run)
    return [run for run, _ in ended if run["params"] == lowest[run["flops_budget"]]["params"]]


def _loss(folder: Path) -> float:
    """That of the averaged weights (a captioner's only `loss` is); infinite for a run that has not
    ended, or that diverged."""
    row = read_result(folder) if (folder / RESULT).exists() else {}
    loss = row.get("loss_ema", row.get("loss"))
    return math.inf if loss is None or math.isnan(loss) else loss
