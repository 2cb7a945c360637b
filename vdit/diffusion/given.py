"""Frames that are given: shown to the model clean, at noise level zero, and kept as they are.

One mask for every task: which frames are given decides whether a model animates an image, extends a
clip or fills its middle. A video model's noise is drawn for the other frames alone.
"""

import jax
import jax.numpy as jnp

from vdit.diffusion.schedules import Level

KINDS = 4  # of masks in training


def shown(model, clean: jax.Array, given_BT: jax.Array, zero: Level):
    """model(x, t_B, caption) that sees `clean` (B, T, H, W, C) in the given frames, at level zero.

    `zero` is where the model's objective puts clean data: the scale of its input, the t it is told.
    A batch twice as long (guidance) sees the same frames twice.
    """

    def looking(x, t_B, caption):
        times = len(x) // len(given_BT)
        given = jnp.tile(given_BT, (times, 1))
        frames = jnp.tile(clean, (times, 1, 1, 1, 1)) * zero.alpha
        t_BT = jnp.where(given, zero.t, t_B[:, None])
        return model(keep(x, frames, given), t_BT, caption)

    return looking


def keep(x: jax.Array, clean: jax.Array, given_BT: jax.Array) -> jax.Array:
    """x with the given frames put back."""
    return jnp.where(given_BT[..., None, None, None], clean, x)


def weights(given_BT: jax.Array) -> jax.Array:
    """(B, T, 1, 1, 1) of mean one over T: given frames count nothing, the others share it all."""
    made = ~given_BT
    share = made * given_BT.shape[1] / jnp.maximum(made.sum(1, keepdims=True), 1)
    return share[..., None, None, None]


def random_masks(u_BK: jax.Array, frames: int, share: float) -> jax.Array:
    """(B, T) masks from uniform numbers (B, 3 + T): none for 1 - `share` of the clips, else a kind.

    The first frames, the last, both ends, or any of them; at least one frame is left to make.
    Raises `ValueError` for fewer numbers.
    """
    if u_BK.shape[1] != 3 + frames:
        raise ValueError(f"{u_BK.shape[1]} numbers a clip: expected 3 + {frames}")
    on, kind, length = u_BK[:, 0] < share, (u_BK[:, 1] * KINDS).astype(int), u_BK[:, 2, None]
    place, u_BT = jnp.arange(frames), u_BK[:, 3:]
    first = place < 1 + jnp.floor(length * (frames - 1))
    lead = 1 + jnp.floor(length * (frames - 2))
    tail = 1 + jnp.floor(u_BT[:, :1] * (frames - 1 - lead))
    ends = (place < lead) | (place >= frames - tail)
    some = (u_BT < length) & (u_BT < u_BT.max(1, keepdims=True))
    masks = jnp.stack([first, first[:, ::-1], ends, some], 1)
    chosen = jnp.take_along_axis(masks, kind[:, None, None], axis=1)[:, 0]
    return chosen & on[:, None] & ~chosen.all(1, keepdims=True)
