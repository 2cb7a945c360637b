"""DiT (2212.09748) and Latte (2401.03048) as their PyTorch codes compute them, from their weights.

An oracle for models of the house: one function of a flat dict of PyTorch-named arrays, nothing
shared with `vdit.models`. Channels last: x (B, T, H, W, C), DiT with T = 1.
"""

import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np

from tests.paths import reference


@dataclasses.dataclass(frozen=True)
class Reference:
    """A tiny model of shared/reference/parity and what the reference code computes with it."""

    config: dict
    weights: dict
    arrays: dict

    @property
    def latte(self) -> bool:
        return self.config["kind"] == "latte"

    def __getitem__(self, name):
        """An array, channels last, with a time axis; other arrays as they are."""
        array = self.arrays[name]
        if array.ndim < 4:
            return array
        array = array if self.latte else array[:, None]
        return np.moveaxis(array, 2, -1)

    @functools.cached_property
    def model(self):
        """model(x_BTHWC, t_B, y_B), (B, T, H, W, 2 C): prediction and variance, in float32."""
        return jax.jit(lambda x, t, y: forward(self.weights, x, t, y, self.config))


def load(kind: str) -> Reference:
    """`dit` or `latte`; the test is skipped where a clone lacks the file."""
    with np.load(reference(f"parity/{kind}_tiny_class.npz")) as file:
        arrays = {k: file[k] for k in file.files}
    weights = {k.removeprefix("weights/"): v for k, v in arrays.items() if k.startswith("weights/")}
    arrays = {k: v for k, v in arrays.items() if not k.startswith("weights/")}
    return Reference(json.loads(str(arrays.pop("config_json"))), weights, arrays)


def forward(weights, x_BTHWC, t_B, y_B, config):
    """The whole model; blocks of Latte go over places and frames in turn."""
    b, t, h, w, c = x_BTHWC.shape
    p, latte = config["patch_size"], config["kind"] == "latte"
    x = x_BTHWC.reshape(b, t, h // p, p, w // p, p, c).transpose(0, 1, 2, 4, 6, 3, 5)
    kernel = weights["x_embedder.proj.weight"].reshape(config["hidden_size"], -1)
    x = x.reshape(b, t, -1, c * p * p) @ kernel.T + weights["x_embedder.proj.bias"]
    x = x + weights["pos_embed"]
    c_BD = timestep(weights, t_B) + jnp.asarray(weights["y_embedder.embedding_table.weight"])[y_B]
    for i in range(config["depth"]):
        if latte and i % 2:
            x = x.swapaxes(1, 2) + (weights["temp_embed"] if i == 1 else 0)
        x = block(weights, f"blocks.{i}.", x, c_BD, config["num_heads"])
        if latte and i % 2:
            x = x.swapaxes(1, 2)
    shift, scale = modulation(weights, "final_layer.", c_BD, 2)
    x = dense(weights, "final_layer.linear", norm(x) * (1 + scale) + shift)
    x = x.reshape(b, t, h // p, w // p, p, p, -1).transpose(0, 1, 2, 4, 3, 5, 6)
    return x.reshape(b, t, h, w, -1)


def dense(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def norm(x):
    x = x - x.mean(-1, keepdims=True)
    return x / jnp.sqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-6)


def timestep(weights, t_B, size=256):
    rate = np.exp(-np.log(10_000) * np.arange(size // 2, dtype=np.float32) / (size // 2))
    angle = jnp.asarray(t_B, jnp.float32)[:, None] * rate.astype(np.float32)
    h = dense(weights, "t_embedder.mlp.0", jnp.concatenate([jnp.cos(angle), jnp.sin(angle)], -1))
    return dense(weights, "t_embedder.mlp.2", jax.nn.silu(h))


def modulation(weights, prefix, c_BD, parts):
    both = dense(weights, prefix + "adaLN_modulation.1", jax.nn.silu(c_BD))
    return jnp.split(both[:, None, None], parts, -1)


def block(weights, prefix, x, c_BD, heads):
    shift1, scale1, gate1, shift2, scale2, gate2 = modulation(weights, prefix, c_BD, 6)
    h = norm(x) * (1 + scale1) + shift1
    x = x + gate1 * attention(weights, prefix + "attn.", h, heads)
    h = dense(weights, prefix + "mlp.fc1", norm(x) * (1 + scale2) + shift2)
    return x + gate2 * dense(weights, prefix + "mlp.fc2", jax.nn.gelu(h, approximate=True))


def attention(weights, prefix, x, heads):
    """Over the last axis but one; those before it are batches."""
    qkv = dense(weights, prefix + "qkv", x).reshape(*x.shape[:-1], 3, heads, -1)
    q, k, v = jnp.moveaxis(qkv, -3, 0)
    scores = jnp.einsum("...nke,...mke->...knm", q, k) / q.shape[-1] ** 0.5
    mixed = jnp.einsum("...knm,...mke->...nke", jax.nn.softmax(scores), v)
    return dense(weights, prefix + "proj", mixed.reshape(x.shape))
