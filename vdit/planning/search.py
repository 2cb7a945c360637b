"""What is said of a job, the best mesh for it, and what would make it fit. No JAX here."""

import dataclasses
from collections.abc import Iterator

from vdit.config.activations import REMATS
from vdit.config.devices import GIB, MESH_AXES
from vdit.config.flops import training_flops
from vdit.errors import InputError
from vdit.planning import cost_model
from vdit.planning.collectives import collectives
from vdit.planning.job import Job, checked, divisors, named


def predict(job: Job) -> dict:
    """Time, MFU, memory of one job. MFU leaves out recomputation (PaLM, 2204.02311).

    `weak_scaling` is the time of the same share of the batch without neighbours, by the step's.
    """
    parts, memory = cost_model.step_seconds(job), cost_model.memory(job)
    left = cost_model.headroom(job)
    step, flops = sum(parts.values()), training_flops(job.model) * job.batch
    return {
        "step_s": step,
        "clips_per_s": job.batch / step,
        "mfu": flops / (step * job.devices * job.device.flops(job.model.dtype)),
        "weak_scaling": _alone(job) / step,
        "fits": left >= 0,
        "headroom_gib": left / GIB,
        "memory_gib": {k: v / GIB for k, v in memory.items()},
        "seconds": parts,
        "collectives": [c._asdict() for c in collectives(job)],
    }


def _alone(job: Job) -> float:
    """Seconds of a device's share of the batch, were nothing exchanged and nothing done twice."""
    one = cost_model.work(dataclasses.replace(job, mesh=dict.fromkeys(MESH_AXES, 1)))
    return (one["products"] + one["memory_traffic"]) / job.devices + cost_model.work(job)["update"]


def meshes(devices: int) -> Iterator[dict[str, int]]:
    """All ways to write the number of devices as data x fsdp x tensor x context."""
    for inner in divisors(devices):
        for tensor in divisors(inner):
            outer = devices // inner
            for fsdp in divisors(outer):
                sizes = outer // fsdp, fsdp, tensor, inner // tensor
                yield dict(zip(MESH_AXES, sizes, strict=True))


def best(jobs: list[Job]) -> Job:
    """The fastest that fits; where none does, the one that misses least."""

    def rank(job: Job) -> tuple[float, float]:
        return max(0.0, -cost_model.headroom(job)), sum(cost_model.step_seconds(job).values())

    return min(jobs, key=rank)


def with_remats(job: Job, remats: tuple[str, ...]) -> list[Job]:
    """The job under each policy of recomputation."""
    models = [dataclasses.replace(job.model, remat=remat) for remat in remats]
    return [dataclasses.replace(job, model=model) for model in models]


def split_more(job: Job) -> list[Job]:
    """The job with its state over more of the devices that its batch is split over already."""
    data, fsdp = job.mesh["data"], job.mesh["fsdp"]
    meshes = [{"data": data // n, "fsdp": fsdp * n} for n in divisors(data)[1:]]
    return [dataclasses.replace(job, mesh=job.mesh | mesh) for mesh in meshes]


def choices(job: Job, devices: int, remats: tuple[str, ...]) -> list[Job]:
    """The job on every mesh of so many devices that it divides over; `InputError` if on none."""
    found = []
    for mesh in meshes(devices):
        try:
            found += with_remats(checked(dataclasses.replace(job, mesh=mesh)), remats)
        except InputError as error:
            why = error
    if not found:
        raise InputError(f"no mesh of {devices} devices divides this job; the last tried: {why}")
    return found


def out_of_memory(job: Job) -> str:
    """One line: how much is missing on each device and which single changes would make it fit."""
    needed = sum(cost_model.memory(job).values()) / GIB
    missing = -cost_model.headroom(job) / GIB
    return (
        f"out of memory by prediction: {named(job.mesh)} with remat {job.model.remat} needs "
        f"{needed:.1f} GiB on each {job.device.name}, {missing:.1f} GiB are missing; {_advice(job)}"
    )


def _advice(job: Job) -> str:
    """The single changes that are enough; else one of several at once."""
    rows = job.mesh["data"] * job.mesh["fsdp"]
    fewer = (dataclasses.replace(job, batch=n * rows) for n in range(int(job.clips) - 1, 0, -1))
    kinds = (
        ((f"--remat {j.model.remat}", j) for j in with_remats(job, REMATS)),
        ((f"--mesh {named(j.mesh)}", j) for j in split_more(job)),
        ((f"--batch {j.batch}", j) for j in fewer),
    )
    fit = (next((way for way, j in kind if cost_model.headroom(j) >= 0), "") for kind in kinds)
    ways = [way for way in fit if way]
    return "try " + " or ".join(ways) if ways else _all_at_once(job)


def _all_at_once(job: Job) -> str:
    batch = job.batch
    while batch:
        try:
            found = best(choices(dataclasses.replace(job, batch=batch), job.devices, REMATS))
        except InputError:  # no mesh of so many devices divides so small a batch
            break
        if cost_model.headroom(found) >= 0:
            fewer = f" --batch {batch}" if batch < job.batch else ""
            return f"try --mesh {named(found.mesh)} --remat {found.model.remat}{fewer}"
        batch //= 2
    return "no mesh of so many devices holds it: try more devices"
