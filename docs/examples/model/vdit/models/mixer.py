"""A space-time Mixer: MLPs over tokens and over channels in turn (MLP-Mixer, 2105.01601)."""

import jax
import jax.numpy as jnp
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.models import embed
from vdit.models.conditioning import Conditioned
from vdit.models.layers import MLP, zeros_dense
from vdit.models.norms import layer_norm


class Block(nnx.Module):
    """x + mlp(x^T)^T, then x + mlp(x), both of a norm that timestep and caption modulate."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        n, d = config.tokens, config.width
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        self.modulation = zeros_dense(d, 4 * d, ("embed", "mlp"), **kw)
        self.tokens = MLP(n, d, **kw)
        self.channels = MLP(d, int(d * config.mlp_ratio), **kw)

    def __call__(self, x_BND: jax.Array, c: jax.Array) -> jax.Array:
        shift, scale, shift_2, scale_2 = jnp.split(self.modulation(c), 4, -1)
        h_BDN = layer_norm(x_BND, (shift, scale)).swapaxes(1, 2)
        x_BND = x_BND + self.tokens(h_BDN).swapaxes(1, 2)
        return x_BND + self.channels(layer_norm(x_BND, (shift_2, scale_2)))


class VideoMixer(Conditioned):
    """prediction = model(x_BTHWC, t, caption), as `dit.VideoDiT` has it, of one grid alone: its
    MLPs over tokens know how many there are."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        super().__init__(config, rngs=rngs)
        kw = {"rngs": rngs, "dtype": jnp.dtype(config.dtype)}
        self.blocks = nnx.List([Block(config, rngs=rngs) for _ in range(config.depth)])
        self.output = zeros_dense(config.width, config.output_numbers, ("embed", None), **kw)

    def __call__(self, x_BTHWC: jax.Array, t: jax.Array, caption: jax.Array) -> jax.Array:
        config = self.config
        x_BND = embed.patchify(x_BTHWC, config.patch).astype(jnp.dtype(config.dtype))
        x_BND = self.patches(x_BND)
        c, _ = self.condition(t, caption, x_BTHWC.shape[1:4])
        for block in self.blocks:
            x_BND = block(x_BND, c)
        y_BNP = self.output(layer_norm(x_BND)).astype(jnp.float32)
        channels = x_BTHWC.shape[-1] * (1 + config.learn_sigma)
        return embed.unpatchify(y_BNP, config.patch, (*x_BTHWC.shape[1:4], channels))
