"""What `vdit.plan` says of a job: the prediction, the best mesh, and what it all rests on."""

from vdit.planning import assumptions, search
from vdit.planning.job import Job, named


def report(job: Job, remats: tuple[str, ...]) -> dict:
    """What is predicted of the job, and the best mesh of as many devices under any of `remats`."""
    best = search.best(search.choices(job, job.devices, remats))
    keys = ("step_s", "mfu", "fits", "headroom_gib")
    return {
        "kind": "formula",
        **_naming(job),
        **search.predict(job),
        "best": _naming(best) | {k: search.predict(best)[k] for k in keys},
        "assumptions": assumptions.PRINTED,
        "source": job.device.source,
    }


def _naming(job: Job) -> dict:
    return {
        "device": job.device.name,
        "devices": job.devices,
        "mesh": named(job.mesh),
        "batch": job.batch,
        "remat": job.model.remat,
    }
