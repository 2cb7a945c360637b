"""Which run a worker takes next, and what a run's folder says of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeps.launcher import branch, claim
from sweeps.launcher.plan import cost

RESULT, FAILED = "result.json", "failed.json"


def run_folder(root: Path, run: Mapping[str, Any]) -> Path:
    return root / "runs" / run["run_id"]


def is_over(folder: Path) -> bool:
    """Whether the run has finished or failed: nobody is to claim it."""
    return (folder / RESULT).exists() or (folder / FAILED).exists()


def must_wait(root: Path, run: Mapping[str, Any]) -> bool:
    """Whether the run is a branch whose trunk has yet to come to its step."""
    trunk = root / "runs" / branch.trunk_of(run)[0]
    return not branch.is_ready(root, run) and not is_over(trunk)


def take_next(
    root: Path, runs: list[dict[str, Any]], compiled: set[tuple[str, int]]
) -> tuple[dict[str, Any], claim.Claim] | None:
    """Claims the next run: of those as long as the first one left, one whose shape is compiled
    here, else one whose shape no other worker has at work: two would compile it."""
    lost = set()
    while True:
        others = {r["run_id"]: shape(r) for r in runs if claim.is_live(run_folder(root, r))}
        busy, gone = set(others.values()), lost | others.keys()
        left = [r for r in runs if r["run_id"] not in gone and not is_over(run_folder(root, r))]
        left = [run for run in left if not must_wait(root, run)]
        if not left:
            return None
        run = min(left, key=lambda r: (-cost(r), shape(r) not in compiled, shape(r) in busy))
        if held := take(root, run):
            return run, held
        lost.add(run["run_id"])  # to a worker who was faster: its shape is at work now


def take(root: Path, run: Mapping[str, Any]) -> claim.Claim | None:
    """Claims a run, unless another has it or it is over."""
    folder = run_folder(root, run)
    if is_over(folder) or not (held := claim.take(folder)):
        return None
    if not is_over(folder):
        return held
    held.release()
    return None


def shape(run: Mapping[str, Any]) -> tuple[str, int]:
    """Runs of one shape share compiled programs, unless they are of different variants."""
    return run["size"], run["batch"]
