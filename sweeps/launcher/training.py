"""What workers do with a sweep first: they train its runs, alone or as packs."""

import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from sweeps.launcher import branch, packs
from sweeps.launcher.job import Job
from sweeps.launcher.packs import Claimed, ClaimRun, Pack, Run
from sweeps.launcher.plan import config_of
from sweeps.launcher.run_files import FAILED, read_failure
from sweeps.launcher.state import OVER_STATES, State, is_over, states_of
from vdit.runs.files import DamagedFileError
from vdit.runs.folder import RESULT, find


class Training(Job):
    """Trains runs; those of one program as packs of up to `slots`, if there are two or more."""

    unit, result, failed = "FLOP", "finished", FAILED
    retry = f"try them again with --retry_failed; tracebacks are in the runs' {FAILED}"

    def __init__(
        self,
        root: Path,
        runs: Sequence[Run],
        options: Sequence[str] = (),
        mode: str = "one",
        slots: int = 1,
    ):
        super().__init__(root, runs, options)
        self.mode, self.slots = mode, slots

    def is_over(self, run: Run) -> bool:
        return is_over(self.folder(run))

    def states(self, runs: Sequence[Run]) -> list[State]:
        return states_of(self.root, runs)

    def size(self, run: Run) -> float:
        """FLOPs, but for those that a trunk does for it."""
        return run["flops"] * branch.own_share(run)

    def done(self, run: Run, state: State) -> float:
        """By steps; a failed run counts whole."""
        branched_at = branch.trunk_of(run)[1]
        part = max(0, state.steps - branched_at) / (run["steps"] - branched_at)
        return self.size(run) * (1.0 if state.name in OVER_STATES else min(1.0, part))

    def describe(self, state: State) -> str:
        return f"loss {state.loss:.4f}  {state.seconds:.1f} s"

    def config(self, run: Run) -> ConfigDict:
        return config_of(run)

    def waits_for(self, run: Run) -> str:
        """The trunk that has yet to come to the step where the run leaves it."""
        name, _ = branch.trunk_of(run)
        ready = branch.is_ready(self.root, run) or is_over(find(self.root / "runs" / name))
        return "" if ready else name

    def gather(self, first: Claimed, claim_run: ClaimRun) -> Pack:
        return packs.gather(self.root, self.runs, first, self.slots, claim_run)

    def do(self, pack: Pack) -> int:
        claimed = [(each, self.config(each.run)) for each in pack.claimed if self.may_try(each)]
        many = f"{len(claimed)} runs packed, the first " if pack.slots else ""
        for (run, _), _ in claimed[:1]:
            clock = time.strftime("%H:%M:%S")
            print(f"{clock} {many}{run['run_id']} size {run['size']}", flush=True)
        if pack.slots and claimed:
            try:
                return self._train_packed(claimed, pack.slots)
            except Exception:  # of one run or of the pack (memory): alone, each shows or ends well
                print(f"a pack failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        for each, config in claimed:
            if not is_over(self.workdir(each)):
                self._train_alone(each, config)
        return 0

    def may_try(self, claimed: Claimed) -> bool:
        if not super().may_try(claimed):
            return False
        if branch.is_ready(self.root, claimed.run):
            return True
        self.fail(claimed, self._why_no_trunk(claimed.run))
        return False

    def _train_packed(
        self, claimed: list[tuple[Claimed, ConfigDict]], slots: list[tuple[str, int]]
    ) -> int:
        from vdit.training import packing

        pairs = [(config, str(self.workdir(each))) for each, config in claimed]
        outcome = packing.run(pairs, slots)
        for (each, _), end in zip(claimed, outcome.ends, strict=True):
            if isinstance(end, Exception):
                self.fail(each, f"{type(end).__name__}: {end}")
        return outcome.idle_steps

    def _train_alone(self, claimed: Claimed, config: ConfigDict) -> None:
        from vdit.training.run import run as train

        folder = self.workdir(claimed)
        try:
            train(config, str(folder), "one" if self.mode == "packed" else self.mode)
        except Exception as error:  # whatever one run dies of, the sweep's other runs go on
            line = " ".join(f"{type(error).__name__}: {error}".split())
            self.fail(claimed, line, traceback.format_exc())
        else:
            if not (folder / RESULT).exists():
                self.fail(claimed, f"ended without {RESULT}")

    def _why_no_trunk(self, run: Run) -> str:
        name, step = branch.trunk_of(run)
        try:
            why = read_failure(find(self.root / "runs" / name) / FAILED, name) or "it has ended"
        except DamagedFileError as error:
            why = str(error)
        return f"no checkpoint of step {step} in its trunk {name}: {why}"
