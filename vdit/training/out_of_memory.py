"""Out of memory, said in one line: how much is missing, and which changes would make it fit.

XLA names the bytes that it could not have. What other settings take is by the formulas of
`vdit.planning`, where they know the model; what they leave out (workspace, buffers that a compiler
keeps) is taken to grow and shrink with the activations.
"""

import contextlib
import dataclasses
import os
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
from ml_collections import ConfigDict

from vdit.config.activations import REMATS
from vdit.config.devices import GIB
from vdit.config.model_config import family_of
from vdit.errors import InputError
from vdit.parallel import cores
from vdit.planning import cost_model, search
from vdit.planning.job import Job, divisors
from vdit.training.tasks import Task

ASKED = re.compile(r"allocat\w+ ([\d.]+)\s*(bytes|[KMGT]iB|B)\b", re.IGNORECASE)
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": GIB, "TiB": 2**40, "bytes": 1}
CGROUP = Path("/sys/fs/cgroup/memory.max")


def explained(
    task: Task, config: ConfigDict, mesh: jax.sharding.Mesh
) -> contextlib.AbstractContextManager:
    """Within, XLA's "out of memory" in a training step is an `InputError` that says what to do."""

    def line(asked):
        job = _job(getattr(task, "model", None), config, dict(mesh.shape))
        return message(asked, *there(), job, config)

    return _exhausted(line)


def measuring(config: ConfigDict) -> contextlib.AbstractContextManager:
    """The same while a trained run is measured, in batches that no setting makes smaller."""

    def line(asked):
        used, limit = there()
        return (
            f"out of memory in measuring {_model(config)}: needs {_gib(used + (asked or 0))}, "
            f"{_gib(limit)} are there; its last checkpoint is whole: the same command measures it "
            "where there is more memory"
        )

    return _exhausted(line)


@contextlib.contextmanager
def _exhausted(line: Callable[[float | None], str]) -> Iterator[None]:
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise InputError(line(asked_bytes(str(error)))) from error


def asked_bytes(text: str) -> float | None:
    """The largest allocation that XLA's message names; None where it names none."""
    found = [float(n) * UNITS[unit] for n, unit in ASKED.findall(text)]
    return max(found, default=None)


def there() -> tuple[float, float]:
    """(bytes in use, bytes there are) of the first local device; of this process on a CPU."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_in_use"], stats["bytes_limit"]
    page, statm = resource.getpagesize(), Path("/proc/self/statm")
    size, resident = map(int, statm.read_text().split()[:2]) if statm.exists() else (0, 0)
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        return size * page, limit
    physical = os.sysconf("SC_PHYS_PAGES") * page
    group = CGROUP.read_text().strip() if CGROUP.exists() else "max"
    return resident * page, min(physical, int(group)) if group.isdecimal() else physical


def message(
    asked: float | None, used: float, limit: float, job: Job | None, config: ConfigDict
) -> str:
    """The line itself; `asked` bytes could not be had beside those in use."""
    parts = _parts(job) if job else {}
    needed = max(used + (asked or 0), sum(parts.values()))
    split = f" (by formula: {', '.join(f'{k} {_gib(v)}' for k, v in parts.items())})"
    missing = f"{_gib(needed - limit)} missing" if needed > limit else "not enough in one piece"
    return (
        f"out of memory in a step of {_model(config)}, batch {config.batch}"
        + (f", accumulate {config.accumulate}" if config.accumulate > 1 else "")
        + f": needs {_gib(needed)} a device{split if parts else ''}, {_gib(limit)} are there: "
        + f"{missing}; {_advice(job, config, needed, limit)}"
    )


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB" if size >= 0.1 * GIB else f"{size / 2**20:.1f} MiB"


def _model(config) -> str:
    if "model" not in config:
        return "this model"
    made = config.model
    return f"size {made.size}" if made.size else f"width {made.width}, depth {made.depth}"


def _job(model, config, mesh: dict[str, int]) -> Job | None:
    """The step as `vdit.planning` sees it; None for models that it has no formulas for."""
    if model is None or not family_of(model).is_planned_on(mesh):
        return None
    clips, rows = config.batch // config.accumulate, mesh.get("data", 1) * mesh.get("fsdp", 1)
    return Job(model, clips // cores.parts(clips // rows, model.tokens), mesh, device=None)


def _parts(job: Job) -> dict[str, float]:
    found = cost_model.memory(job)
    state, gradients = found.pop("weights_ema_moments"), found.pop("gradients")
    return {"state": state, "gradients": gradients, "activations": sum(found.values())}


def _advice(job: Job | None, config, needed: float, limit: float) -> str:
    """The single changes that are enough, the cheapest of each kind; else two of them together."""
    if job is None:
        return f"try --config.accumulate={2 * config.accumulate} or a smaller --config.batch"
    own = _parts(job)
    # At least 1, for `needed` is no less than the formulas say.
    more = (needed - own["state"] - own["gradients"]) / own["activations"]

    def fits(way: tuple[str, Job]) -> bool:
        flags, other = way
        parts = _parts(other)
        sums = parts["gradients"] * ("accumulate" in flags)
        return parts["state"] + parts["gradients"] + sums + more * parts["activations"] <= limit

    kinds = [list(kind(job, config)) for kind in (_accumulated, _recomputed, _split_more)]
    found = [next(filter(fits, ways), None) for ways in kinds]
    if any(found):
        return "try " + " or ".join(flags for flags, _ in filter(None, found))
    both = ((f"{a} {b}", j) for a, i in kinds[1][::-1] for b, j in _accumulated(i, config))
    split = ((f"{a} {b}", j) for a, i in kinds[2] for b, j in _accumulated(i, config))
    if way := next((way for way in (*both, *split) if fits(way)), None):
        return f"try {way[0]}"
    return "nothing fits here: expected more devices (--config.mesh.fsdp) or a smaller model"


def _accumulated(job: Job, config) -> Iterator[tuple[str, Job]]:
    """Fewer clips at a time; each device keeps one at least."""
    for n in divisors(int(job.clips))[1:]:
        batch = job.batch // n
        yield f"--config.accumulate={config.batch // batch}", dataclasses.replace(job, batch=batch)


def _recomputed(job: Job, config) -> Iterator[tuple[str, Job]]:
    for other in search.with_remats(job, REMATS[REMATS.index(job.model.remat) + 1 :]):
        yield f"--config.model.remat={other.model.remat}", other


def _split_more(job: Job, config) -> Iterator[tuple[str, Job]]:
    for other in search.split_more(job):
        mesh = other.mesh
        yield f"--config.mesh.data={mesh['data']} --config.mesh.fsdp={mesh['fsdp']}", other
