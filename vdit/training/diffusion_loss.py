"""What a model that generates is trained by: fresh weights, and a loss of a batch."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import LAYOUTS, ModelConfig
from vdit.diffusion import conditioning_frames
from vdit.diffusion.batch import per_clip
from vdit.diffusion.guidance import Rows, null_caption
from vdit.diffusion.objectives import Objective
from vdit.models import dit
from vdit.models.embed import grid_of
from vdit.training import mup


@dataclasses.dataclass(frozen=True)
class Init:
    """Fresh weights of a model; `relative_width` is that of `vdit.training.mup`."""

    config: ModelConfig
    relative_width: float = 1.0

    def __call__(self, key: jax.Array) -> nnx.State:
        return mup.at_start(nnx.split(dit.create(self.config, key))[1], self.relative_width)


@dataclasses.dataclass(frozen=True)
class DiffusionLoss:
    """The objective's loss of what `draw` draws: timesteps, noise, captions, frames given."""

    config: ModelConfig
    objective: Objective
    drop_caption: float
    conditioned: float = 0.0  # share of clips with conditioning frames
    null: Rows = ()  # the empty prompt's embedding, where captions are embeddings by an encoder

    def tokens(self, drawn: dict[str, jax.Array]) -> int | None:
        """Of a clip, where a CPU may take a batch in parts (`vdit.parallel.cores`)."""
        grid = grid_of(drawn["x"].shape, self.config.patch)
        return math.prod(grid) if self.config.attention in LAYOUTS else None

    def draw(self, batch: dict[str, jax.Array], key: jax.Array) -> dict[str, jax.Array]:
        """The batch with all that is random; captions are dropped for guidance (2207.12598)."""
        x, caption = batch["latent"], batch["caption"]
        # One draw for all: every further call of threefry costs seconds of compilation.
        frames = x.shape[1] // self.config.patch[0]
        ends = np.cumsum([2, x[0].size, (3 + frames) * (self.conditioned > 0)])
        draw = jax.random.normal(key, (len(x), ends[-1]))
        u, noise, u_masks = jnp.split(draw, ends[:-1], axis=1)
        noise, (u_t, u_drop) = noise.reshape(x.shape), jax.scipy.special.ndtr(u.T)
        kept = per_clip(u_drop >= self.drop_caption, caption)
        caption = jnp.where(kept, caption, null_caption(caption, self.null))
        tokens = math.prod(grid_of(x.shape, self.config.patch))
        t = self.objective.for_tokens(tokens).sample_timesteps(u_t)
        drawn = {"x": x, "noise": noise, "t": t, "caption": caption}
        if self.conditioned:
            u_masks = jax.scipy.special.ndtr(u_masks)
            masks = conditioning_frames.random_masks(u_masks, frames, self.conditioned)
            drawn["masks"] = masks.repeat(self.config.patch[0], axis=1)
        return drawn

    def __call__(
        self, weights: nnx.State, drawn: dict[str, jax.Array]
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """A mean over clips, and no further metrics."""
        x, noise, t, caption = (drawn[name] for name in ("x", "noise", "t", "caption"))
        model, weight = nnx.merge(dit.graph_of(self.config), weights), 1.0
        if self.conditioned:
            masks = drawn["masks"]
            model = conditioning_frames.condition_on(model, x, masks, self.objective.zero)
            weight = conditioning_frames.loss_weights(masks)
        return self.objective.losses(model, x, noise, t, caption, weight).mean(), {}
