"""What every dense layer puts out after a few steps of Adam, by width: muP's coordinate check."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import ModelConfig
from vdit.diffusion import flow
from vdit.models.dit import graph_of
from vdit.models.layers import Dense
from vdit.parallel.compiler import compiler_options
from vdit.training.diffusion_loss import Init
from vdit.training.optimizer import OptimizerConfig

HEAD, BASE = 16, 64  # numbers in a head, for all widths; the base width
BATCH, WORDS = 4, 6


def measure(
    parameterization: str, width: int, rate: float, steps: int, depth: int = 2
) -> list[tuple[str, float]]:
    """(layer, root mean square of its output) in the order of the forward pass, after `steps`.

    A layer of a stack is named with its number in it. The model sees eight patches.
    """
    config = ModelConfig((2, 4, 4, 4), (1, 2, 2), width, depth, width // HEAD, frequencies=32,
                  vocabulary=WORDS, text_length=3)  # fmt: skip
    x, _, t, caption = batch = _batch(config.latent)
    n = width / BASE if parameterization == "mup" else 1.0
    create, gradient, update = _programs(config)
    weights, memory = create(jax.random.key(0), n)
    for _ in range(steps):
        weights, memory = update(gradient(weights, batch), memory, weights, n, rate)
    model = nnx.merge(graph_of(config), weights)
    for path, module in nnx.iter_modules(model):
        module.name = ".".join(map(str, path))
    with _recorded() as seen, jax.disable_jit():  # layers as a loop of Python, numbers to see
        model(x, t, caption)
    return seen


def _batch(latent: tuple[int, ...]):
    """Data, noise, its levels, captions: random, and the same for all widths."""
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((2, BATCH, *latent), np.float32)
    levels, caption = np.linspace(0.1, 0.9, BATCH), rng.integers(1, WORDS, (BATCH, 3))
    return tuple(map(jnp.asarray, (x, noise, levels, caption)))


@functools.lru_cache
def _programs(config: ModelConfig):
    """Fresh weights, their gradient, a step; n is a number, so sp and muP share the programs."""

    def loss(weights, batch):
        return flow.RectifiedFlow().losses(nnx.merge(graph_of(config), weights), *batch).mean()

    def create(key, n):
        weights = Init(config, n)(key)
        return weights, OptimizerConfig(flatten=True).transform().init(weights)

    def update(gradient, memory, weights, n, rate):
        transform = OptimizerConfig(relative_width=n, flatten=True).transform()
        steps, memory = transform.update(gradient, memory, weights)
        return jax.tree.map(lambda w, step: w + rate * step, weights, steps), memory

    functions = {create: "init", jax.grad(loss): "init", update: "step"}
    return [jax.jit(f, compiler_options=compiler_options(how)) for f, how in functions.items()]


@contextlib.contextmanager
def _recorded():
    """A list that fills with (name, root mean square) of what dense layers put out."""
    seen, call = [], Dense.__call__

    def recording(self, x):
        y = call(self, x)
        count = sum(name.startswith(f"{self.name} ") for name, _ in seen)
        seen.append((f"{self.name} {count}", float(jnp.sqrt(jnp.square(y).mean()))))
        return y

    Dense.__call__ = recording
    try:
        yield seen
    finally:
        Dense.__call__ = call
