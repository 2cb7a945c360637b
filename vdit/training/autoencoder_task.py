"""Learning to code videos: the causal autoencoder that makes the latents."""

import dataclasses
import functools
import hashlib
import types

import jax
import numpy as np
from flax import nnx

from vdit.autoencoders import causal, pixels
from vdit.data import media
from vdit.data.sources import open_source
from vdit.errors import InputError


@dataclasses.dataclass(frozen=True)
class Init:
    """Fresh weights for the config's items (a hashable form of it)."""

    items: tuple

    def model(self, key) -> causal.CausalAutoencoder:
        config = types.SimpleNamespace(**dict(self.items))
        return causal.CausalAutoencoder(config, rngs=nnx.Rngs(key))

    def __call__(self, key) -> nnx.State:
        return nnx.split(self.model(key))[1]


@functools.lru_cache(maxsize=8)
def graph_of(init: Init) -> nnx.GraphDef:
    """The model without its weights."""
    return jax.eval_shape(lambda: nnx.split(init.model(jax.random.key(0))))[0]


@dataclasses.dataclass(frozen=True)
class CodingLoss:
    """Reconstruction and a small pull of the posterior to a unit normal."""

    init: Init
    kl_weight: float

    def __call__(self, weights, batch, key):
        model = nnx.merge(graph_of(self.init), weights)
        return causal.loss(model, pixels.to_float(batch["video"]), key, self.kl_weight)


class Pixels:
    """Rows of a source for the pipeline."""

    def __init__(self, source):
        self.source = source

    def __len__(self):
        return len(self.source)

    def rows(self, indices):
        return {"video": np.stack([self.source[int(i)]["video"] for i in indices])}


class AutoencoderTask:
    """See `vdit.training.tasks`."""

    flops_per_clip = 0  # not counted: the law is about the diffusion model's compute

    def __init__(self, config):
        a = config.autoencoder
        if a.name != "causal":
            raise InputError(f"autoencoder.name={a.name!r}: expected causal, to train one")
        items = {k: v for k, v in a.to_dict().items() if k not in ("name", "dir", "kl_weight")}
        self.config = config
        self.records = Pixels(open_source(config.data, "train"))
        self.init = Init(tuple(sorted(items.items())))
        self.loss = CodingLoss(self.init, a.kl_weight)

    def begin(self, weights):
        """Fresh ones."""
        return weights

    def reconstruct(self, weights, videos: np.ndarray) -> np.ndarray:
        """Videos through the autoencoder, uint8 (B, T, H, W, 3)."""
        graph = graph_of(self.init)
        return np.asarray(pixels.decode(graph, weights, pixels.encode(graph, weights, videos)))

    def preview(self, weights, step, workdir) -> np.ndarray:
        """Held-out clips above their reconstructions."""
        source = open_source(self.config.data, "validation")
        videos = Pixels(source).rows(range(min(4, len(source))))["video"]
        both = np.concatenate([videos, self.reconstruct(weights, videos)], axis=2)
        name = step if isinstance(step, str) else f"step_{step:06d}"
        media.write_all(workdir / "samples", name, both)
        return both

    def score(self, weights) -> dict:
        """No scores but the PSNR."""
        return {}

    def measure(self, state, workdir) -> dict:
        """Held-out PSNR in dB, over all pixels of up to 256 clips, and the weights' hash."""
        source = open_source(self.config.data, "validation")
        videos = Pixels(source).rows(range(min(256, len(source))))["video"]
        parts = [self.reconstruct(state.ema, videos[i : i + 32]) for i in range(0, len(videos), 32)]
        self.preview(state.ema, "final", workdir)
        a = self.config.autoencoder
        return {
            "dataset": source.name,
            "autoencoder": f"causal{a.space}x{a.time}c{a.channels}",
            "weights": _hash(state.ema),
            "psnr": pixels.psnr(videos, np.concatenate(parts)),
            "params_total": sum(x.size for x in jax.tree.leaves(state.params)),
        }


def _hash(params) -> str:
    """12 hex digits of the bytes of all weights."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        digest.update(np.asarray(leaf).tobytes())
    return digest.hexdigest()[:12]
