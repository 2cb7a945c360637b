"""Random weights of a published autoencoder under PyTorch's names, made without PyTorch."""

import jax
import numpy as np
from flax import nnx

from vdit.autoencoders import layout


def random_stored(make):
    """Name to array for the model that `make` makes, as a file of it has them."""
    rng, state = np.random.default_rng(0), nnx.split(nnx.eval_shape(make))[1]
    random = jax.tree.map(lambda leaf: 0.3 * rng.standard_normal(leaf.shape, np.float32), state)
    return layout.to_stored(random)
