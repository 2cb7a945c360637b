"""Published scaling laws of image and video DiTs, as functions in plain units.

Every law is y = k * product of input^exponent, with inputs and output counted in the units of its
paper; here all go in and come out in FLOPs, parameters and tokens.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vdit.errors import InputError

PETA, BILLION = 1e15, 1e9


@dataclass(frozen=True)
class Published:
    """One published power law: output = k * product of (input / unit)^exponent, times its unit."""

    law: str
    output: str
    k: float
    exponents: dict  # input: exponent
    units: dict  # of inputs and output, 1 where not named
    source: str

    def __call__(self, **inputs: ArrayLike) -> np.ndarray:
        """The law's value at `inputs` (scalars or arrays), in plain units."""
        if set(inputs) != set(self.exponents):
            expected, got = ", ".join(self.exponents), ", ".join(inputs)
            raise InputError(f"{self.law}: {self.output} is a law in {expected}; got {got}")
        log_value = np.log(self.k * self.units.get(self.output, 1.0))
        for name, exponent in self.exponents.items():
            log_value = log_value + exponent * np.log(inputs[name] / self.units.get(name, 1.0))
        return np.exp(log_value)


_HUNYUAN = {"flops": PETA, "params": BILLION, "tokens": BILLION}
_YIN = {"params": BILLION, "tokens": BILLION}
_ENVELOPE = "2412.03603 section 4.4: envelope of loss curves, 92M to 6.6B"
_HYPER = "2411.17470: 0.017B to 0.26B, 2e9 to 12e9 tokens, constant learning rate"
_PARABOLA = "2410.08184: isoFLOP parabolas, 1e17 to 6e18 FLOPs"

LAWS = (
    #         law              output    k         exponents           units      source
    Published("hunyuan_image", "params", 0.000548, {"flops": 0.5634}, _HUNYUAN, _ENVELOPE),
    Published("hunyuan_image", "tokens", 0.324, {"flops": 0.4325}, _HUNYUAN, _ENVELOPE),
    Published("hunyuan_video", "params", 0.0189, {"flops": 0.3618}, _HUNYUAN, _ENVELOPE),
    Published("hunyuan_video", "tokens", 0.0108, {"flops": 0.6289}, _HUNYUAN, _ENVELOPE),
    Published("yin", "batch", 2.1797e4, {"tokens": 0.8080, "params": 0.1906}, _YIN, _HYPER),
    Published("yin", "lr", 2e-4, {"tokens": -0.0453, "params": -0.1619}, _YIN, _HYPER),
    Published("yin", "params", 1.5787, {"flops": 0.4146}, {}, _HYPER),
    Published("yin_tuned", "params", 0.8705, {"flops": 0.4294}, {}, _HYPER),
    Published("liang", "params", 0.0009, {"flops": 0.5681}, {}, _PARABOLA),
    Published("liang", "tokens", 186.8535, {"flops": 0.4319}, {}, _PARABOLA),
    Published("liang", "loss", 2.3943, {"flops": -0.0273}, {}, _PARABOLA),
    Published("liang", "fid", 2.2566e6, {"flops": -0.234}, {}, _PARABOLA + "; CLIP features"),
)


def law(name: str, output: str) -> Published:
    """The published law `name` of `output`; InputError lists what there is."""
    for entry in LAWS:
        if (entry.law, entry.output) == (name, output):
            return entry
    known = ", ".join(f"{entry.law} {entry.output}" for entry in LAWS)
    raise InputError(f"no published law {name!r} of {output!r}, expected one of: {known}")


def evaluate(name: str, output: str, **inputs: ArrayLike) -> np.ndarray:
    """`law(name, output)` at `inputs`: evaluate("yin", "lr", params=1.07e9, tokens=4e9)."""
    return law(name, output)(**inputs)
