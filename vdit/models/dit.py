"""VideoDiT: a diffusion transformer on space-time patches of latents.

After DiT (2212.09748) and Latte (2401.03048): adaLN-Zero from the noise level and the pooled
caption, cross-attention to the caption's tokens. Which patches see each other is the variant:
one sequence over space and time, or Latte's four ways to take space and time apart.
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config.model_config import ModelConfig, stages
from vdit.models import embed, positions
from vdit.models.attention import CrossAttention, SelfAttention, split_tokens
from vdit.models.conditioning import caption_embed, condition
from vdit.models.layers import MLP, Dense, layer_norm, modulate, times, zeros_dense
from vdit.models.stack import repeat, stacked
from vdit.models.unet3d import VideoUNet
from vdit.parallel.sharding import whole


class Block(nnx.Module):
    """Attention (one, or space then time), cross-attention and MLP; gated by adaLN-Zero.

    `attention_axes` are those of its attentions; captions are looked at without a gate, as in PixArt, or
    are tokens among the others ("context"), of which attention needs to know those that are `seen`.
    The conditioning c is one vector a clip, (B, D), or one a frame, (B, T, D).
    """

    def __init__(self, shape: ModelConfig, attention_axes: tuple[str, ...], *, rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(shape.dtype)}
        width, self.parts, self.shape = shape.width, len(attention_axes) + 1, shape
        self.modulation = zeros_dense(width, 3 * self.parts * width, ("embed", "mlp"), **kw)
        heads = {"heads": shape.heads, "qk_norm": shape.qk_norm} | kw
        self.attentions = nnx.List(
            [SelfAttention(width, attention_axis=g, **heads) for g in attention_axes]
        )
        self.cross = CrossAttention(width, **heads) if shape.crosses else None
        self.mlp = MLP(width, int(width * shape.mlp_ratio), **kw)

    def __call__(self, x_BND, c, caption, seen_BN, angles_NE, grid):
        *parts, last = jnp.split(whole(self.modulation(c)), self.parts, -1)
        for attention, part in zip(self.attentions, parts, strict=True):
            x_BND = _gated(lambda h, f=attention: f(h, angles_NE, grid, seen_BN), x_BND, part)
        if self.cross is not None:
            x_BND = x_BND + self.cross(layer_norm(x_BND), *caption)
        return split_tokens(_gated(self.mlp, x_BND, last), _bounds(self.shape, grid))


def _gated(f, x_BND, modulation):
    """x + gate f(norm(x) (1 + scale) + shift): adaLN-Zero (2212.09748) around one part."""
    shift, scale, gate = jnp.split(modulation, 3, -1)
    return x_BND + times(f(modulate(layer_norm(x_BND), shift, scale)), gate)


class Layer(nnx.Module):
    """The blocks that a stage repeats: one, or a block over space and a block over time."""

    def __init__(self, shape: ModelConfig, blocks: tuple[tuple[str, ...], ...], *, rngs):
        self.blocks = nnx.List(
            [Block(shape, attention_axes, rngs=rngs) for attention_axes in blocks]
        )
        self.attention_axes = blocks

    def __call__(self, x_BND, late_ND, *inputs):
        """`late_ND` is added in front of the block over time; it is zero but in the first layer."""
        for block, attention_axes in zip(self.blocks, self.attention_axes, strict=True):
            if late_ND is not None and attention_axes == ("time",):
                x_BND = x_BND + late_ND
            x_BND = block(x_BND, *inputs)
        return x_BND


class VideoDiT(nnx.Module):
    """velocity = model(x_BTHWC, t_B, caption): rectified flow's estimate of noise - data.

    x: (B, T, H, W, C) latents, of any T, H, W that the patch divides; t: (B,) in [0, 1], 0 is
    data, or (B, T), a level for each frame, the same within a patch; caption: (B, S) tokens,
    (B, 1) class labels (0 is "no caption") or (B, S, F) embeddings.
    Returns float32 of x's shape, zero at the start of training; 2 C channels with a learned
    variance: the prediction's, then the variance's.
    """

    def __init__(self, shape: ModelConfig, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(shape.dtype)}
        width, self.shape = shape.width, shape
        self.patches = Dense(shape.patch_numbers, width, (None, "embed"), **kw)
        self.noise_level = embed.TimestepEmbedding(shape.frequencies, width, shape.max_period, **kw)
        self.caption = caption_embed(shape, **kw)
        self.stages = nnx.List(
            [
                stacked(functools.partial(Layer, shape, blocks), n, rngs)
                for blocks, n in stages(shape)
            ]
        )
        self.final_modulation = zeros_dense(width, 2 * width, ("embed", "mlp"), **kw)
        self.output = zeros_dense(width, shape.output_numbers, ("embed", None), **kw)
        self.positions = positions.create(shape, rngs=rngs)

    def __call__(self, x_BTHWC: jax.Array, t: jax.Array, caption: jax.Array) -> jax.Array:
        shape, grid = self.shape, embed.grid_of(x_BTHWC.shape, self.shape.patch)
        dtype = jnp.dtype(shape.dtype)
        x_BND = self.patches(embed.patchify(x_BTHWC, shape.patch).astype(dtype))
        x_BND, angles, late = self._place(x_BND, grid)
        x_BND = split_tokens(x_BND, _bounds(shape, grid))
        c, words = condition(self, t, caption, grid[0])
        tokens, seen_BN = x_BND.shape[1], None
        if shape.context:
            x_BND, angles, seen_BN = _with_words(x_BND, angles, *words)
            words = None
        for stage in self.stages:
            x_BND = repeat(stage, shape, x_BND, late, c, words, seen_BN, angles, grid)
        x_BND = x_BND[:, :tokens]
        shift, scale = jnp.split(whole(self.final_modulation(c)), 2, -1)
        y_BNP = self.output(modulate(layer_norm(x_BND), shift, scale)).astype(jnp.float32)
        channels = x_BTHWC.shape[-1] * (1 + shape.learn_sigma)
        return embed.unpatchify(y_BNP, shape.patch, (*x_BTHWC.shape[1:4], channels))

    def _place(self, x_BND, grid):
        """The tokens with their places added, angles of rotary positions, and what is added later.

        Latte adds the table of frames in front of the first block over time (2401.03048); variants
        without such a block have it at once.
        """
        if self.positions is None:
            head = self.shape.width // self.shape.heads
            return x_BND, jnp.asarray(embed.rotary_angles(grid, head)), None
        places, frames = self.positions(grid)
        x_BND = x_BND + positions.over_places(places, grid).astype(x_BND.dtype)
        if frames is None:
            return x_BND, None, None
        frames = positions.over_frames(frames, grid).astype(x_BND.dtype)
        waits = any(("time",) in stage.attention_axes for stage in self.stages)
        return (x_BND, None, frames) if waits else (x_BND + frames, None, None)


def _bounds(shape: ModelConfig, grid) -> int:
    """Frames, which tokens may not be split within; full attention alone has no such bounds."""
    return 1 if shape.attention == "full" else grid[0]


def _with_words(x_BND, angles_NE, e_BSD, seen_BS):
    """The caption's tokens behind the clip's, at no place of their own; (B, N + S) who is seen."""
    seen_BN = jnp.concatenate([jnp.ones(x_BND.shape[:2], bool), seen_BS], 1)
    if angles_NE is not None:
        angles_NE = jnp.pad(angles_NE, ((0, e_BSD.shape[1]), (0, 0)))
    return jnp.concatenate([x_BND, e_BSD], 1), angles_NE, seen_BN


def create(shape: ModelConfig, key: jax.Array) -> nnx.Module:
    """A new model from an explicit key; weights float32, axes named, no mesh needed yet."""
    with nnx.use_eager_sharding(False):
        return (VideoUNet if shape.attention == "unet" else VideoDiT)(shape, rngs=nnx.Rngs(key))
