"""VideoDiT: a diffusion transformer on space-time patches of latents.

After DiT (2212.09748) and Latte (2401.03048): adaLN-Zero from the noise level and the pooled
caption, cross-attention to the caption's tokens, one sequence of patches over space and time.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.models import embed
from vdit.models.attention import FACTORISATIONS, CrossAttention
from vdit.models.layers import MLP, Dense, layer_norm, modulate, zeros_dense
from vdit.sharding import constrain
from vdit.sizes import Shape

REMAT = {
    "none": None,
    "full": jax.checkpoint_policies.nothing_saveable,
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
}


class Block(nnx.Module):
    """Attention, cross-attention and MLP; the first and the last gated by adaLN-Zero."""

    def __init__(self, shape: Shape, *, rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(shape.dtype)}
        width = shape.width
        self.modulation = zeros_dense(width, 6 * width, ("embed", "mlp"), **kw)
        self.attention = FACTORISATIONS[shape.attention](width, shape.heads, **kw)
        text = shape.condition == "text"
        self.cross = CrossAttention(width, shape.heads, **kw) if text else None
        self.mlp = MLP(width, int(width * shape.mlp_ratio), **kw)

    def __call__(self, x_BND, c_BD, caption, angles_NE):
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(self.modulation(c_BD), 6, -1)
        h_BND = modulate(layer_norm(x_BND), shift1, scale1)
        x_BND = x_BND + gate1[:, None] * self.attention(h_BND, angles_NE)
        if self.cross is not None:
            x_BND = x_BND + self.cross(layer_norm(x_BND), *caption)
        h_BND = modulate(layer_norm(x_BND), shift2, scale2)
        return constrain(x_BND + gate2[:, None] * self.mlp(h_BND), "batch", "tokens", None)


class VideoDiT(nnx.Module):
    """velocity = model(x_BTHWC, t_B, caption): rectified flow's estimate of noise - data.

    x: (B, T, H, W, C) latents; t: (B,) in [0, 1], 0 is data; caption: (B, S) tokens, (B, 1) class
    labels (0 is "no caption") or (B, S, F) embeddings. Returns float32 of x's shape, zero at the
    start of training.
    """

    def __init__(self, shape: Shape, *, rngs: nnx.Rngs):
        kw = {"rngs": rngs, "dtype": jnp.dtype(shape.dtype)}
        width, self.shape = shape.width, shape
        self.patches = Dense(shape.patch_numbers, width, (None, "embed"), **kw)
        self.noise_level = embed.NoiseLevelEmbed(shape.frequencies, width, **kw)
        self.caption = (
            embed.CaptionEmbed(
                shape.vocabulary, shape.text_features, shape.text_length, width, **kw
            )
            if shape.condition != "none"
            else None
        )
        self.blocks = _stack(shape, rngs)
        self.final_modulation = zeros_dense(width, 2 * width, ("embed", "mlp"), **kw)
        self.output = zeros_dense(width, shape.patch_numbers, ("embed", None), **kw)

    def __call__(self, x_BTHWC: jax.Array, t_B: jax.Array, caption: jax.Array) -> jax.Array:
        shape = self.shape
        dtype = jnp.dtype(shape.dtype)
        x_BND = self.patches(embed.patchify(x_BTHWC, shape.patch).astype(dtype))
        x_BND = constrain(x_BND, "batch", "tokens", None)
        c_BD, seen = self.noise_level(t_B), None
        if self.caption is not None:
            e_BSD, seen_BS, pooled_BD = self.caption(caption)
            c_BD, seen = c_BD + pooled_BD, (e_BSD.astype(dtype), seen_BS)
        c_BD = jax.nn.silu(c_BD).astype(dtype)
        angles = jnp.asarray(embed.rotary_angles(shape.grid, shape.width // shape.heads))
        x_BND = self._run_blocks(x_BND, c_BD, seen, angles)
        shift, scale = jnp.split(self.final_modulation(c_BD), 2, -1)
        y_BNP = self.output(modulate(layer_norm(x_BND), shift, scale))
        return embed.unpatchify(y_BNP.astype(jnp.float32), shape.patch, shape.latent)

    def _run_blocks(self, x_BND, *inputs):
        """One compiled body for all layers: compile time does not grow with depth."""
        graph, weights = nnx.split(self.blocks)

        def layer(x, weights_of_one):
            return nnx.merge(graph, weights_of_one)(x, *inputs), None

        if REMAT[self.shape.remat] is not None:
            layer = jax.checkpoint(layer, policy=REMAT[self.shape.remat])
        return jax.lax.scan(layer, x_BND, weights, unroll=self.shape.unroll or 1)[0]


def _stack(shape: Shape, rngs: nnx.Rngs) -> Block:
    """`depth` blocks as one, every weight with a leading axis named `layers`."""

    @nnx.split_rngs(splits=shape.depth)
    @nnx.vmap(in_axes=0, out_axes=0, transform_metadata={nnx.PARTITION_NAME: "layers"})
    def create(rngs):
        return Block(shape, rngs=rngs)

    return create(rngs)


def create(shape: Shape, key: jax.Array) -> VideoDiT:
    """A new model from an explicit key; weights float32, axes named, no mesh needed yet."""
    with nnx.use_eager_sharding(False):
        return VideoDiT(shape, rngs=nnx.Rngs(key))
