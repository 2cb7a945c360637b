"""Which runs train together as one pack, and who claims them."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vdit.config.fingerprint import digest
from vdit.runs.attempt import Claim
from vdit.runs.files import DamagedFileError
from vdit.runs.folder import find_all
from vdit.runs.mode import recorded_mode

# What runs of one pack may differ in; the rest makes the program, or the data behind it.
MAY_DIFFER = ("seed", "steps", "flops_budget", "optimizer.ema_halflife")
MAY_DIFFER += tuple(f"optimizer.{key}" for key in ("lr", "schedule", "warmup", "decay", "final"))
# A run whose workers were killed as often is tried alone: its pack may be what killed them.
DEATHS_TOGETHER = 1

Run = dict[str, Any]
ClaimRun = Callable[[Run], Claim | None]


class Claimed(NamedTuple):
    """A run, and this worker's claim of it."""

    run: Run
    claim: Claim


class Pack(NamedTuple):
    """Claimed runs, and the slots (run_id, steps) they train in; a run alone has no slots."""

    claimed: list[Claimed]
    slots: list[tuple[str, int]]


def program(parts: Mapping[str, Any]) -> str:
    """A name for what a run of this identity compiles: runs of one name fit into one pack.

    Runs that leave a trunk, or are one, have checkpoints of other runs to mind: they train alone.
    """
    alone = parts.get("trunk.run") or parts.get("checkpoint_at")
    return digest({k: v for k, v in parts.items() if alone or k not in MAY_DIFFER})


def gather(root: Path, runs: list[Run], first: Claimed, slots: int, claim_run: ClaimRun) -> Pack:
    """The pack of a run just claimed: the one it began in, else it and up to `slots` runs alike.

    A run that began alone goes on alone: bits agree within a mode.
    """
    run = first.run
    mode = recorded_mode(first.claim.folder)
    recorded = [tuple(slot) for slot in mode.get("pack", ())]
    if first.claim.deaths > DEATHS_TOGETHER or (not recorded and (mode or slots < 2)):
        return Pack([first], [])
    others = [other for other in runs if other["run_id"] != run["run_id"]]
    if recorded:
        names = [name for name, _ in recorded]
        others = [other for other in others if other["run_id"] in names]
        return Pack([first, *_claim_all(others, len(others), claim_run)], recorded)
    claimed = [first, *_claim_all(_alike(root, run, others), slots - 1, claim_run)]
    together = [(each.run["run_id"], each.run["steps"]) for each in claimed]
    return Pack(claimed, together if len(claimed) > 1 else [])


def _alike(root: Path, run: Run, others: list[Run]) -> Iterator[Run]:
    """Runs of one program that have not begun, those of the most like length first."""
    alike = [other for other in others if other["program"] == run["program"]]
    folders = find_all(root / "runs")
    for other in sorted(alike, key=lambda other: abs(other["steps"] - run["steps"])):
        name = other["run_id"]
        if name not in folders or not _has_started(folders[name]):
            yield other


def _has_started(folder: Path) -> bool:
    try:
        return bool(recorded_mode(folder))
    except DamagedFileError:  # it is not to be claimed
        return True


def _claim_all(runs: Iterable[Run], count: int, claim_run: ClaimRun) -> list[Claimed]:
    claims = ((run, claim_run(run)) for run in runs)
    held = (Claimed(run, claim) for run, claim in claims if claim)
    return list(itertools.islice(held, count))
