"""The table of the plan: three sizes from one node to 512 of them. No JAX here.

Every row says what it is: a `formula`, or the same step `compiled` for devices that are not there.
"""

from vdit.config.activations import REMATS
from vdit.config.devices import GIB, device_of
from vdit.config.flops import count_params
from vdit.config.model_config import ModelConfig
from vdit.config.sizes import size_of
from vdit.planning import cost_model, search
from vdit.planning.job import Job

SIZES = ("XL", "7B", "20B")
DEVICES = (8, 64, 512, 4096)
COMPILED = ("XL", 8)  # what two CPU cores compile in minutes
TIMES = ("fits", "headroom_gib", "step_s", "clips_per_s", "mfu", "weak_scaling")
CLIPS = 4  # a device, everywhere: 4 x 4096 tokens, so that a row shows weak scaling
LATENT, PATCH, TEXT = (16, 32, 32, 4), (1, 2, 2), 77


def rows(device: str = "h100") -> list[dict]:
    """One row a size and number of devices, on the best mesh: formulas."""
    return [formula(size, job(size, n, device)) for size in SIZES for n in DEVICES]


def job(size: str, devices: int, device: str) -> Job:
    """On the mesh and under the recomputation that are the fastest to fit."""
    model = ModelConfig(LATENT, PATCH, *size_of(size), text_length=TEXT, dtype="bfloat16")
    asked = Job(model, CLIPS * devices, {}, device_of(device))
    return search.best(search.choices(asked, devices, REMATS))


def formula(size: str, job: Job) -> dict:
    """What the formulas say of a job."""
    found = search.predict(job)
    return _named("formula", size, job) | {
        "memory_gib": f"{sum(found['memory_gib'].values()):.1f}",
        "traffic_gib": f"{sum(cost_model.traffic(job).values()) / GIB:.1f}",
        "fits": "yes" if found["fits"] else "no",
        "headroom_gib": f"{found['headroom_gib']:.1f}",
        **{k: f"{found[k]:.4g}" for k in ("step_s", "clips_per_s")},
        **{k: f"{found[k]:.3f}" for k in ("mfu", "weak_scaling")},
    }


def compiled(size: str, job: Job, said: dict) -> dict:
    """What its program says, as `compared.on_gpus` reads it; it tells no time."""
    both = {"memory_gib": said["peak_gib"], "traffic_gib": said["traffic_gib"]}
    nothing = dict.fromkeys(TIMES, "-")
    found = {k: f"{each['compiled']:.1f}" for k, each in both.items()}
    return _named("compiled", size, job) | found | nothing


def _named(kind: str, size: str, job: Job) -> dict:
    found = {"kind": kind, "size": size, "params_total": count_params(job.model)["params_total"]}
    return found | job.named()
