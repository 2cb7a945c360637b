"""Accelerators by name: peak, memory and links, from the makers' data sheets. No JAX here."""

import dataclasses

from vdit.errors import InputError

GIB = 2**30
NODE = 8  # GPUs that NVLink joins: HGX and DGX boards of all three


@dataclasses.dataclass(frozen=True)
class Device:
    """A GPU. Rates of links are for one direction: half of what data sheets print for NVLink."""

    name: str
    kinds: tuple[str, ...]  # what `jax.Device.device_kind` calls it
    peak: float  # FLOP/s, dense bfloat16; float32 products run at half of it, in TF32
    memory: float  # bytes of HBM
    bandwidth: float  # of HBM, bytes/s
    nvlink: float  # to the other GPUs of its node, bytes/s
    network: float  # InfiniBand for each GPU, bytes/s
    source: str

    def flops(self, dtype: str) -> float:
        """FLOP/s at best for products of `dtype`."""
        return self.peak if dtype == "bfloat16" else self.peak / 2


H100 = "NVIDIA H100 data sheet; DGX H100: one ConnectX-7 of 400 Gb/s a GPU"
H200 = "NVIDIA H200 data sheet; DGX H200: one ConnectX-7 of 400 Gb/s a GPU"
A100 = "NVIDIA A100 80GB SXM data sheet; DGX A100: one ConnectX-6 of 200 Gb/s a GPU"
DEVICES = {
    d.name: d
    for d in (
        #      name    kinds                        FLOP/s    bytes  HBM      NVLink IB     source
        Device("h100", ("NVIDIA H100 80GB HBM3",), 989.5e12, 80e9, 3.35e12, 450e9, 50e9, H100),
        Device("h200", ("NVIDIA H200",), 989.5e12, 141e9, 4.8e12, 450e9, 50e9, H200),
        Device("a100", ("NVIDIA A100-SXM4-80GB",), 312e12, 80e9, 2.039e12, 300e9, 25e9, A100),
    )
}


def device_of(name: str) -> Device:
    """The device by name; `InputError` lists the names there are."""
    if name not in DEVICES:
        raise InputError(f"--device {name}: expected one of {', '.join(DEVICES)}")
    return DEVICES[name]
