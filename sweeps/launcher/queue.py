"""Which run a worker takes next."""

from sweeps.launcher import claim
from sweeps.launcher.job import Job
from sweeps.launcher.packs import Claimed, Run
from sweeps.launcher.plan import cost


def claim_next(job: Job, compiled: set[tuple[str, int]]) -> Claimed | None:
    """Claims the next run: of those as long as the first one left, one whose shape is compiled
    here, else one whose shape no other worker has at work: two would compile it."""
    lost = set()
    while True:
        others = {r["run_id"]: shape(r) for r in job.runs if claim.is_live(job.folder(r))}
        busy, gone = set(others.values()), lost | others.keys()
        left = [run for run in job.runs if run["run_id"] not in gone and not job.is_over(run)]
        left = [run for run in left if not job.waits_for(run)]
        if not left:
            return None
        run = min(left, key=lambda r: (-cost(r), shape(r) not in compiled, shape(r) in busy))
        if held := claim_run(job, run):
            return Claimed(run, held)
        lost.add(run["run_id"])  # to a worker who was faster: its shape is at work now


def claim_run(job: Job, run: Run) -> claim.Claim | None:
    """Claims a run, unless another has it or it is over."""
    if job.is_over(run) or not (held := claim.acquire(job.folder(run))):
        return None
    if not job.is_over(run):
        return held
    held.release()
    return None


def shape(run: Run) -> tuple[str, int]:
    """Runs of one shape share compiled programs, unless they are of different variants."""
    return run["size"], run["batch"]
