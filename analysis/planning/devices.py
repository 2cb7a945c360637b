"""What a training budget costs on a device: hours, and USD at a price."""

from dataclasses import dataclass, replace

from vdit.config.devices import DEVICES, Device
from vdit.errors import InputError

MFU = 0.4  # of a well-kept training run; PaLM reached 0.46 (2204.02311), Llama 3 0.38 to 0.43
HOUR = 3600.0


def device(name: str, peak: float | None = None) -> Device:
    """The device called `name`; `peak` (FLOP/s) replaces the table's, and makes any name valid."""
    known = DEVICES.get(name.lower())
    if peak is not None:
        if not 0 < peak < float("inf"):
            raise InputError(f"--peak is {peak:g}, expected FLOP/s above 0, e.g. 989.5e12")
        return replace(known or Device(name, name, None, peak, ""), peak=peak, source="--peak")
    if known is None:
        names = ", ".join(DEVICES)
        raise InputError(f"--device {name}: not in the table ({names}); give its --peak in FLOP/s")
    return known


@dataclass(frozen=True)
class Cost:
    """What a compute takes on `devices` of one kind; `price` and what it comes to in USD."""

    device: str
    peak: float  # FLOP/s
    source: str
    mfu: float
    devices: int
    gpu_hours: float
    wall_hours: float
    price: float | None  # of a GPU-hour
    usd: float | None


def cost(
    flops: float, device: Device, mfu: float = MFU, devices: int = 1, price: float | None = None
) -> Cost:
    """GPU-hours, wall-clock hours and, at `price` USD per GPU-hour, the cost of `flops` FLOPs."""
    if not 0 < mfu <= 1:
        raise InputError(f"--mfu is {mfu:g}, expected a share of the peak above 0 and at most 1")
    if devices < 1:
        raise InputError(f"--devices is {devices}, expected 1 or more")
    if price is not None and not 0 <= price < float("inf"):
        raise InputError(f"--price is {price:g}, expected USD per GPU-hour of at least 0")
    hours = flops / (device.peak * mfu) / HOUR
    usd = None if price is None else hours * price
    machine = device.title, device.peak, device.source, mfu, devices
    return Cost(*machine, hours, hours / devices, price, usd)


def span(hours: float) -> str:
    """Hours as people say them: seconds, minutes, hours, or hours with days."""
    if hours < 0.02:
        return f"{hours * 3600:.2g} seconds"
    if hours < 2:
        return f"{hours * 60:.3g} minutes"
    days = f" ({hours / 24:,.0f} days)" if hours >= 48 else ""
    return f"{hours:,.0f} hours{days}"
