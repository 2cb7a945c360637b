"""Accelerators by name: their dense bf16 peaks, and what a training budget costs on them."""

from dataclasses import dataclass

from analysis.table.schema import TableError

MFU = 0.4  # of a well-kept training run; PaLM reached 0.46 (2204.02311), Llama 3 0.38 to 0.43
HOUR = 3600.0
NVIDIA = "NVIDIA data sheet, dense (half the figure with sparsity)"
GOOGLE = "docs.cloud.google.com/tpu/docs, peak compute per chip"


@dataclass(frozen=True)
class Device:
    """An accelerator and its peak in dense bf16 FLOP/s."""

    name: str
    title: str
    peak: float
    source: str


DEVICES = {
    device.name: device
    for device in (
        #      name         title            FLOP/s    source
        Device("h100", "H100 SXM", 989.5e12, NVIDIA),
        Device("h200", "H200 SXM", 989.5e12, NVIDIA),
        Device("b200", "B200", 2250e12, NVIDIA),
        Device("a100", "A100", 312e12, NVIDIA),
        Device("l40s", "L40S", 362.05e12, NVIDIA),
        Device("v100", "V100 (fp16)", 125e12, NVIDIA),
        Device("tpu-v4", "TPU v4", 275e12, GOOGLE),
        Device("tpu-v5e", "TPU v5e", 197e12, GOOGLE),
        Device("tpu-v5p", "TPU v5p", 459e12, GOOGLE),
        Device("tpu-v6e", "TPU v6e", 918e12, GOOGLE),
    )
}  # fmt: skip


def device(name, peak=None):
    """The device called `name`; `peak` (FLOP/s) replaces the table's, and makes any name valid."""
    known = DEVICES.get(name.lower())
    if peak is not None:
        if not 0 < peak < float("inf"):
            raise TableError(f"--peak is {peak:g}, expected FLOP/s above 0, e.g. 989.5e12")
        return Device(name, known.title if known else name, peak, "--peak")
    if known is None:
        names = ", ".join(DEVICES)
        raise TableError(f"--device {name}: not in the table ({names}); give its --peak in FLOP/s")
    return known


def cost(flops, device, mfu=MFU, devices=1, price=None):
    """GPU-hours, wall-clock hours and, at `price` USD per GPU-hour, the cost of `flops` FLOPs."""
    if not 0 < mfu <= 1:
        raise TableError(f"--mfu is {mfu:g}, expected a share of the peak above 0 and at most 1")
    if devices < 1:
        raise TableError(f"--devices is {devices}, expected 1 or more")
    if price is not None and not 0 <= price < float("inf"):
        raise TableError(f"--price is {price:g}, expected USD per GPU-hour of at least 0")
    hours = flops / (device.peak * mfu) / HOUR
    return {
        "device": device.title,
        "peak": device.peak,
        "source": device.source,
        "mfu": mfu,
        "devices": devices,
        "gpu_hours": hours,
        "wall_hours": hours / devices,
        "price": price,
        "usd": None if price is None else hours * price,
    }


def span(hours):
    """Hours as people say them: seconds, minutes, hours, or hours with days."""
    if hours < 0.02:
        return f"{hours * 3600:.2g} seconds"
    if hours < 2:
        return f"{hours * 60:.3g} minutes"
    days = f" ({hours / 24:,.0f} days)" if hours >= 48 else ""
    return f"{hours:,.0f} hours{days}"
