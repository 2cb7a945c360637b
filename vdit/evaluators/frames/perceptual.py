"""How different two frames look to a network, as LPIPS measures it (1801.03924).

d(a, b) = sum over layers l of the mean over pixels of sum_c w_lc (a_lc - b_lc)^2, where a_l and b_l
are a layer's outputs with the channels of every pixel normalised to length one.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vdit.errors import InputError
from vdit.evaluators.networks import efficientnet, squeezenet
from vdit.evaluators.networks.batches import in_batches

EPSILON = 1e-10  # added to a pixel's length


@dataclasses.dataclass(frozen=True)
class Perceptual:
    """A distance of frames, 0 for equal ones to rounding.

    Those of two names or identities are never compared.
    """

    name: str
    identity: str  # 8 hex digits of its weights
    least: int  # px of a frame's sides
    network: Any
    stages: Callable[[Any, jax.Array], list[jax.Array]]  # of RGB frames in 0..255
    heads: Sequence[jax.Array | float]  # weights of a stage's channels

    def __call__(self, made: np.ndarray, real: np.ndarray) -> np.ndarray:
        """(...) float64 of uint8 frames (..., H, W, 3); `InputError` for frames too small."""
        if min(made.shape[-3:-1]) < self.least:
            side = f"{self.least} px a side or more"
            raise InputError(f"frames of {made.shape[-3:-1]}: {self.name} expects {side}")
        pairs = (x.reshape(-1, *x.shape[-3:]) for x in (made, real))
        apply = functools.partial(_distance, self.stages, self.network, self.heads)
        found = in_batches(apply, made.shape[-3] * made.shape[-2], *pairs)
        return found.astype(np.float64).reshape(made.shape[:-3])


def find(*, folder: str | Path | None = None) -> Perceptual:
    """Of SqueezeNet with LPIPS' heads where a folder has them (`networks.squeezenet`); else of
    EfficientNet-Lite0's five resolutions, every channel weighing one."""
    if folder is not None:
        network, identity = squeezenet.load(folder)
        least, stages = squeezenet.LEAST, squeezenet.stages
        return Perceptual("lpips_keras_squeezenet", identity, least, network, stages, network.heads)
    network, identity = efficientnet.load()
    return Perceptual("unweighted_efficientnet", identity, 1, network, _efficientnet, (1.0,) * 5)


def _efficientnet(network: efficientnet.Network, frames_BHWC: jax.Array) -> list[jax.Array]:
    return efficientnet.stages(network, (frames_BHWC - 127) / 128)


@functools.partial(jax.jit, static_argnums=0)
def _distance(
    stages: Callable, network: Any, heads: Sequence, made_BHWC: jax.Array, real_BHWC: jax.Array
) -> jax.Array:
    total, both = 0.0, jnp.concatenate([made_BHWC, real_BHWC]).astype(jnp.float32)
    for head, x_BHWC in zip(heads, stages(network, both), strict=True):
        length = jnp.linalg.norm(x_BHWC, axis=-1, keepdims=True)
        a_BHWC, b_BHWC = jnp.split(x_BHWC / (length + EPSILON), 2)
        total += (head * (a_BHWC - b_BHWC) ** 2).sum(-1).mean((1, 2))
    return total
