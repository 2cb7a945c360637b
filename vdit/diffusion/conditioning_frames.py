"""Conditioning frames: the model sees them clean, at noise level zero, and leaves them as they are.

One mask for every task: which frames condition the model decides whether it animates an image,
extends a clip or fills its middle. A video model's noise is drawn for the other frames alone.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vdit.diffusion.noise_level import NoiseLevel

KINDS = 4  # of masks in training


def condition_on(
    model: Callable[..., jax.Array], clean: jax.Array, mask_BT: jax.Array, zero: NoiseLevel
) -> Callable[..., jax.Array]:
    """model(x, t_B, caption) that sees `clean` (B, T, H, W, C) in the masked frames, at level zero.

    `zero` is where the model's objective puts clean data: the scale of its input, its timestep.
    A batch twice as long (guidance) sees the same frames twice.
    """

    def conditioned(x, t_B, caption):
        copies = len(x) // len(mask_BT)
        mask = jnp.tile(mask_BT, (copies, 1))
        frames = jnp.tile(clean, (copies, 1, 1, 1, 1)) * zero.alpha
        t_BT = jnp.where(mask, zero.t, t_B[:, None])
        return model(restore(x, frames, mask), t_BT, caption)

    return conditioned


def restore(x: jax.Array, clean: jax.Array, mask_BT: jax.Array) -> jax.Array:
    """x with the conditioning frames put back."""
    return jnp.where(mask_BT[..., None, None, None], clean, x)


def loss_weights(mask_BT: jax.Array) -> jax.Array:
    """(B, T, 1, 1, 1) of mean one over T: zero for conditioning frames, alike for the others."""
    generated = ~mask_BT
    share = generated * mask_BT.shape[1] / jnp.maximum(generated.sum(1, keepdims=True), 1)
    return share[..., None, None, None]


def random_masks(u_BK: jax.Array, frames: int, share: float) -> jax.Array:
    """(B, T) masks from uniform numbers (B, 3 + T): none for 1 - `share` of the clips, else a kind.

    The first frames, the last, both ends, or any of them; at least one frame is left to generate.
    Raises `ValueError` for fewer numbers.
    """
    if u_BK.shape[1] != 3 + frames:
        raise ValueError(f"{u_BK.shape[1]} numbers a clip: expected 3 + {frames}")
    on, kind, length = u_BK[:, 0] < share, (u_BK[:, 1] * KINDS).astype(int), u_BK[:, 2, None]
    frame, u_BT = jnp.arange(frames), u_BK[:, 3:]
    first = frame < 1 + jnp.floor(length * (frames - 1))
    start = 1 + jnp.floor(length * (frames - 2))
    end = 1 + jnp.floor(u_BT[:, :1] * (frames - 1 - start))
    both = (frame < start) | (frame >= frames - end)
    some = (u_BT < length) & (u_BT < u_BT.max(1, keepdims=True))
    masks = jnp.stack([first, first[:, ::-1], both, some], 1)
    chosen = jnp.take_along_axis(masks, kind[:, None, None], axis=1)[:, 0]
    return chosen & on[:, None] & ~chosen.all(1, keepdims=True)
