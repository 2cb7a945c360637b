"""What workers do with the runs of a plan: one queue, whether they train or evaluate."""

import abc
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from sweeps.launcher.packs import Claimed, ClaimRun, Pack, Run
from sweeps.launcher.state import State, run_folder
from vdit.runs.files import write_json
from vdit.runs.folder import find_claimed

# A run whose workers were killed this often is what kills them (memory, most often).
MAXIMUM_DEATHS = 2


class Job(abc.ABC):
    """Something to do once with each of `runs`, which are in the order to begin them.

    A launcher makes one, and so does each of its workers, by `options` of the command line. Only
    `do` imports JAX.
    """

    unit: str  # of `size`
    result: str  # what runs are in the end, in a word
    failed: str  # name of the file of a run that failed
    retry: str  # how failed runs are tried again

    def __init__(self, root: Path, runs: Sequence[Run], options: Sequence[str] = ()):
        self.root, self.runs, self.options = root, list(runs), list(options)

    @abc.abstractmethod
    def config(self, run: Run) -> ConfigDict:
        """The resolved config that a run has."""

    @abc.abstractmethod
    def is_over(self, run: Run) -> bool:
        """Whether nothing is left to do, or it failed: nobody is to claim the run."""

    @abc.abstractmethod
    def states(self, runs: Sequence[Run]) -> list[State]:
        """How far it has come with each of these runs, from one look at the root."""

    @abc.abstractmethod
    def size(self, run: Run) -> float:
        """How much there is to do with a run."""

    @abc.abstractmethod
    def done(self, run: Run, state: State) -> float:
        """How much of `size` is behind us."""

    @abc.abstractmethod
    def describe(self, state: State) -> str:
        """What came of a run that it is done with."""

    @abc.abstractmethod
    def do(self, pack: Pack) -> int:
        """Does it with claimed runs, and writes failures down; returns the steps of idle slots."""

    def is_done(self) -> bool:
        """Whether no run is left to anybody."""
        return all(map(self.is_over, self.runs))

    def waits_for(self, run: Run) -> str:
        """The run_id that this one cannot begin before; "" if none."""
        return ""

    def gather(self, first: Claimed, claim_run: ClaimRun) -> Pack:
        """Which runs are done together with one that was claimed."""
        return Pack([first], [])

    def folder(self, run: Run) -> Path:
        """Where the run lies, at rest or claimed."""
        return run_folder(self.root, run)

    def rests_at(self, run: Run) -> Path:
        """What is claimed to do it: a folder, where it is at rest."""
        return self.root / "runs" / run["run_id"]

    def claimed(self) -> dict[str, Path]:
        """run_id to the folder of the attempt, of all runs that somebody has claimed."""
        return find_claimed(self.root / "runs")

    def workdir(self, claimed: Claimed) -> Path:
        """The folder of a claimed run, under a name that only the holder of the claim has."""
        return claimed.claim.folder

    def may_try(self, claimed: Claimed) -> bool:
        """Whether to begin; else why not has been written down."""
        if claimed.claim.deaths <= MAXIMUM_DEATHS:
            return True
        self.fail(claimed, f"{claimed.claim.deaths} workers were killed in this run (memory?)")
        return False

    def fail(self, claimed: Claimed, line: str, trace: str = "") -> None:
        """Writes down what a run failed of."""
        name = claimed.run["run_id"]
        print(f"{name} failed: {line}\n{trace}", file=sys.stderr, flush=True)
        failure = {"run_id": name, "exception": line, "traceback": trace, "time": time.time()}
        write_json(self.workdir(claimed) / self.failed, failure)
