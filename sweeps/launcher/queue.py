"""Which run a worker takes next."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from sweeps.launcher.job import Job
from sweeps.launcher.packs import Claimed, Run
from sweeps.launcher.plan import cost
from vdit.runs import attempt, claim


class Queue:
    """The runs of a job that are not known to be over.

    After a look that found nothing to claim, `others` are the runs that are left and who has them
    (run_id to the folder of the attempt), `trunks` those that the rest wait for.
    """

    def __init__(self, job: Job):
        self.job, self._left, self._over = job, list(job.runs), set()
        self._shapes = {run["run_id"]: shape(run) for run in job.runs}
        self.others: dict[str, Path] = {}
        self.trunks: set[str] = set()

    def claim_next(self, compiled: set[tuple[str, int]]) -> Claimed | None:
        """Claims the next run: of those as long as the first one left, one whose shape is compiled
        here, else one whose shape no other worker has at work: two would compile it.

        Folders are looked at in that order, until one can be claimed.
        """
        lost: set[str] = set()
        self._left = [run for run in self._left if run["run_id"] not in self._over]
        while True:
            self.trunks, self.others = set(), self._claimed()
            run = next(self._open(compiled, lost | self.others.keys()), None)
            if run is None:
                return None
            if held := claim_run(self.job, run):
                return Claimed(run, held)
            lost.add(run["run_id"])  # to a worker who was faster: its shape is at work now

    def _claimed(self) -> dict[str, Path]:
        found = self.job.claimed().items()
        return {n: at for n, at in found if n in self._shapes and claim.is_live(at)}

    def _open(self, compiled: set[tuple[str, int]], gone: set[str]) -> Iterator[Run]:
        """Runs that can be claimed, in order."""
        busy = {self._shapes[name] for name in self.others}
        ordered = (
            run
            for _, alike in itertools.groupby(self._left, key=cost)
            for run in sorted(alike, key=lambda r: (shape(r) not in compiled, shape(r) in busy))
        )
        for run in ordered:
            if run["run_id"] in gone:
                continue
            if self.job.is_over(run):
                self._over.add(run["run_id"])
            elif trunk := self.job.waits_for(run):
                self.trunks.add(trunk)
            else:
                yield run


def claim_run(job: Job, run: Run) -> attempt.Claim | None:
    """Claims a run, unless another has it or it is over."""
    if job.is_over(run) or not (held := attempt.acquire(job.rests_at(run))):
        return None
    if not job.is_over(run):
        return held
    held.release()
    return None


def shape(run: Run) -> tuple[str, int]:
    """Runs of one shape share compiled programs, unless they are of different variants."""
    return run["size"], run["batch"]
