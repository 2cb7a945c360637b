"""Random weights of published autoencoders: PyTorch's names without it, and diffusers'."""

import jax
import numpy as np
import pytest
from flax import nnx

from vdit.autoencoders import layout


def random_stored(make):
    """Name to array for the model that `make` makes, as a file of it has them."""
    rng, state = np.random.default_rng(0), nnx.split(nnx.eval_shape(make))[1]
    random = jax.tree.map(lambda leaf: 0.3 * rng.standard_normal(leaf.shape, np.float32), state)
    return layout.to_stored(random)


def random_diffusers(name, folder, **settings):
    """A random autoencoder of diffusers by the name of its class, which is saved in the folder."""
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    made = getattr(diffusers, name)(**settings).eval()
    with torch.no_grad():
        for p in made.parameters():  # biases and norms begin as 0 and 1, which would hide errors
            p += 0.1 * torch.randn_like(p)
    made.save_pretrained(folder)
    return made, torch


def first(array):
    """Channels first, as PyTorch has them."""
    return np.moveaxis(np.asarray(array), -1, 1)
