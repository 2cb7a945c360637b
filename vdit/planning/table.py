"""The table of predictions: three sizes from one node to 512 of them. No JAX here."""

from vdit.config.activations import REMATS
from vdit.config.devices import device_of
from vdit.config.flops import count_params
from vdit.config.model_config import ModelConfig
from vdit.config.sizes import size_of
from vdit.planning import search
from vdit.planning.job import Job, named

SIZES = ("XL", "7B", "20B")
DEVICES = (8, 64, 512, 4096)
CLIPS = 4  # a device, everywhere: 4 x 4096 tokens, so that a row shows weak scaling
LATENT, PATCH, TEXT = (16, 32, 32, 4), (1, 2, 2), 77


def rows(device: str = "h100") -> list[dict]:
    """One row a size and number of devices, on the best mesh; every number is a prediction."""
    return [_row(size, devices, device) for size in SIZES for devices in DEVICES]


def _row(size: str, devices: int, device: str) -> dict:
    model = ModelConfig(LATENT, PATCH, *size_of(size), text_length=TEXT, dtype="bfloat16")
    job = Job(model, CLIPS * devices, {}, device_of(device))
    job = search.best(search.choices(job, devices, REMATS))
    found = search.predict(job)
    return {
        "kind": "prediction",
        "size": size,
        "params_total": count_params(model)["params_total"],
        "device": device,
        "devices": devices,
        "batch": job.batch,
        "mesh": named(job.mesh),
        "remat": job.model.remat,
        "fits": "yes" if found["fits"] else "no",
        **{k: f"{found[k]:.4g}" for k in ("step_s", "clips_per_s")},
        **{k: f"{found[k]:.3f}" for k in ("mfu", "weak_scaling")},
        "memory_gib": f"{sum(found['memory_gib'].values()):.1f}",
        "headroom_gib": f"{found['headroom_gib']:.1f}",
    }
